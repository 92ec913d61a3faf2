"""Markdown as people, editors and tools leave it behind: odd blocks, mutations of whole files, realistic files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

BLOCKS = [
    "# Project\n",
    "## Commands\n",
    "## Rules\n",
    "## Rules\n",
    "## 1. 构建与测试\n",
    "## 🚀\n",
    "##\n",
    "### Never do this\n",
    "#### Deep ####\n",
    "Setext title\n============\n",
    "Second setext\n---\n",
    "A paragraph that explains how the parts fit together.\n",
    "Two lines of a paragraph\nwith no blank between them.\n",
    "Never commit to main. Always run the tests first.\n",
    "IMPORTANT: do not edit generated files:\n",
    "**Forbidden:**\n",
    "- Never push to main\n- Do not log secrets\n- Ask before deleting\n",
    "- one\n\n- two, loose\n\n  with a second paragraph\n",
    "* star\n* list\n",
    "+ plus list\n  - nested\n    - deeper\n",
    "1. first\n2. second\n",
    "3. third goes on\n4. fourth\n",
    "- list with a fence:\n\n  ```sh\n  # no heading\n  make\n  ```\n- last item\n",
    "```bash\n# not a heading\nmake test\n```\n",
    "~~~python\n## also none\nprint('x')\n~~~\n",
    "````md\n```\ninner\n```\n````\n",
    "```\nopen fence, closed by the next one\n",
    "    indented code\n    ## no heading\n",
    "> quoted rule: never\n> ## quoted heading\n",
    "| command | does |\n|---|---|\n| `make` | builds |\n",
    "---\n",
    "***\n",
    "<!-- a remark -->\n",
    "<!-- l1 -->\n",
    "<!-- l2 -->\n",
    "<!-- BEGIN tool -->\nmanaged text\n<!-- END tool -->\n",
    "<guidelines>\n\nwrapped text\n\n</guidelines>\n",
    "<details><summary>More</summary>\n\n",
    "</details>\n",
    "<div>\nhtml block\n</div>\n",
    "@docs/import.md\n",
    "See @README.md and mail a@b.c about `@code.md`.\n",
    "[ref]: https://example.invalid/x\n",
    "A link to [ref] and [other][ref].\n",
    "\\# escaped, &amp; entity, trailing blanks  \n",
    "Line with a\ttab and \u00a0 and \u2028 separator \x0c feed\n",
    "长行" * 40 + "\n",
    "word " * 400 + "\n",
    "한국어 문단입니다. 절대 금지.\n",
    "Subagents cannot see this file; the GAIA ecosystem loads it.\n",
    "- [ ] task `one`\n- [x] task two\n",
    "Term\n: looks like a definition\n",
    "<!-- open comment\n",
    "-->\n",
    "\t- tab-indented\n",
    "   ### indented heading\n",
    "-\n",
    "1986\\. A year\n",
]


def documents(most: int = 18) -> SearchStrategy[str]:
    """Files of odd blocks, mostly with blank lines between, some with frontmatter."""
    block = st.tuples(st.sampled_from(BLOCKS), st.sampled_from(["\n", "\n", "\n", "", "\n\n"]))
    body = st.lists(block, min_size=10, max_size=most).map(lambda parts: "".join(a + b for a, b in parts))
    front = st.sampled_from(["", "", "", "---\nname: x\ntags: [a]\n---\n", "---\n\n"])
    return st.tuples(front, body).map("".join)


def split_lines(text: str) -> list[str]:
    """Lines with their terminators, by Markdown's rule; written anew here so that tests do not trust the product."""
    return LINE.findall(text)


def _joined(change: Callable[[list[str], random.Random], list[str]]) -> Callable[[str, random.Random], str]:
    return lambda text, rnd: "".join(change(split_lines(text), rnd))


def _some(
    lines: list[str], rnd: random.Random, change: Callable[[str], str], share: float = 0.2
) -> list[str]:
    return [change(line) if rnd.random() < share else line for line in lines]


def _moved(lines: list[str], rnd: random.Random) -> list[str]:
    if len(lines) < 2:
        return lines
    line = lines.pop(rnd.randrange(len(lines)))
    lines.insert(rnd.randrange(len(lines) + 1), line)
    return lines


MUTATIONS: dict[str, Callable[[str, random.Random], str]] = {
    "nothing": lambda text, rnd: text,
    "windows line ends": lambda text, rnd: text.replace("\n", "\r\n"),
    "old line ends": lambda text, rnd: text.replace("\n", "\r"),
    "doubled returns": lambda text, rnd: text.replace("\n", "\r\r\n"),
    "mixed line ends": _joined(
        lambda lines, rnd: [line.rstrip("\r\n") + rnd.choice(["\n", "\r\n", "\r"]) for line in lines]
    ),
    "no last line end": lambda text, rnd: text.rstrip("\r\n"),
    "blank lines at the end": lambda text, rnd: text + "\n" * 5,
    "blank lines at the start": lambda text, rnd: "\n\n" + text,
    "no blank lines": _joined(lambda lines, rnd: [line for line in lines if line.strip()]),
    "twice": lambda text, rnd: text + text,
    "shuffled lines": _joined(lambda lines, rnd: rnd.sample(lines, len(lines))),
    "a line moved": _joined(_moved),
    "lines lost": _joined(lambda lines, rnd: [line for line in lines if rnd.random() > 0.1]),
    "cut off": lambda text, rnd: text[: rnd.randrange(len(text) + 1)],
    "cut at the start": lambda text, rnd: text[rnd.randrange(len(text) + 1) :],
    "a fence unclosed": lambda text, rnd: text.replace("```", "", 1),
    "tildes for backticks": lambda text, rnd: text.replace("```", "~~~"),
    "a longer fence": lambda text, rnd: text.replace("```", "````", 1),
    "no headings": _joined(lambda lines, rnd: [line for line in lines if not line.startswith("#")]),
    "headings everywhere": _joined(lambda lines, rnd: _some(lines, rnd, lambda line: "## " + line)),
    "one level deeper": lambda text, rnd: re.sub(r"(?m)^#", "##", text),
    "setext headings": lambda text, rnd: re.sub(r"(?m)^#+ ([^\r\n]+)$", r"\1\n====", text),
    "indented": _joined(lambda lines, rnd: _some(lines, rnd, lambda line: "    " + line)),
    "slightly indented": _joined(lambda lines, rnd: _some(lines, rnd, lambda line: "  " + line, 0.5)),
    "quoted": _joined(lambda lines, rnd: _some(lines, rnd, lambda line: "> " + line)),
    "wrapped in a tag": lambda text, rnd: "<rules>\n" + text + "\n</rules>\n",
    "opened tags": lambda text, rnd: text.replace("\n\n", "\n\n<div>\n", 3),
    "pins": _joined(lambda lines, rnd: _some(lines, rnd, lambda line: "<!-- l1 -->\n" + line, 0.05)),
    "pins to L2": _joined(lambda lines, rnd: _some(lines, rnd, lambda line: "<!-- l2 -->\n" + line, 0.1)),
    "an open comment": lambda text, rnd: text.replace("\n\n", "\n<!-- open\n", 1),
    "frontmatter": lambda text, rnd: "---\nname: y\nlist:\n  - a\n---\n" + text,
    "an unclosed frontmatter": lambda text, rnd: "---\n" + text,
    "link definitions": lambda text, rnd: text.replace("\n\n", "\n\n[x]: /y\n\n", 3),
    "a very long line": lambda text, rnd: text + "never " * 2_000,
    "imports": _joined(lambda lines, rnd: _some(lines, rnd, lambda line: "@some/file.md\n" + line, 0.03)),
    "tabs": lambda text, rnd: text.replace("  ", "\t"),
    "odd separators": lambda text, rnd: (
        text.replace(" ", "\u2028", 3).replace(" ", "\x0b", 2).replace(" ", "\x85", 1)
    ),
    "ordered lists": lambda text, rnd: re.sub(r"(?m)^- ", "7. ", text),
}
