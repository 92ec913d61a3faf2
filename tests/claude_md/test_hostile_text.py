"""Text that was made to hang a reader: every pattern of the package, and every command's work, in linear time."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from pathlib import Path

import pytest

import gaia_claude_md
from gaia_budget.errors import InputError
from gaia_claude_md.files import reading
from gaia_claude_md.markdown.units import without_code

PIECES = [
    "<", "<<<<<<< a\n=======\n", "[", "[a](", "![", "](", "<!--", "<!-- -->", "-->", "`", "``", "`a", "* ",
    "**", "**a**", "__", "@", "@a", "@a.", "\\ ", " ", "\t", "\n", " \n", "\r", "a", "1.", "1. ", "- ",
    "> ", "#", "# ", "a-", "a.b", "don't ", "never ", "without ", "не ", "запрещ", "ne pas ", "<a ", "<a>",
    "</a>", "<a href=", "---\n", "a: ", "|", "|-", "中", "不要", "```\n", "~~~\n", "<!-- BEGIN x -->\n",
    "<!-- gaia:l2 ", "\n<!-- gaia:l2 x\n{", "(", ")", "e.g. ", "$ ", ":", "must ",
]  # fmt: skip
SHORT, TIMES = 500, 8
"""Characters of the shorter text, and how often it fits into the longer one."""
SEARCHES = {"search", "findall", "finditer", "sub", "split"}


def patterns() -> list[tuple[str, re.Pattern[str], bool]]:
    """Every pattern of the package, and whether it is searched for anywhere in a text or at its start alone."""
    modules = [
        importlib.import_module(info.name)
        for info in pkgutil.walk_packages(gaia_claude_md.__path__, "gaia_claude_md.")
    ]
    sources = "".join(Path(str(module.__file__)).read_text("utf-8") for module in modules)
    found = []
    for module in modules:
        for name, value in vars(module).items():
            for one in value.values() if isinstance(value, dict) else [value]:
                if isinstance(one, re.Pattern):
                    used = set(re.findall(rf"\b{name}\.(\w+)\(", sources))
                    found.append((f"{module.__name__}.{name}", one, not used or bool(used & SEARCHES)))
    return found


def seconds(pattern: re.Pattern[str], searched: bool, text: str) -> float:
    """The processor time of one look at a whole text."""
    start = time.process_time()
    _ = [*pattern.finditer(text)] if searched else [pattern.match(text), pattern.fullmatch(text)]
    return time.process_time() - start


def test_no_pattern_backtracks_over_foreign_text() -> None:
    """Eight times the text may cost eight times the time and some: with n squared it would be 64 times."""
    found = patterns()
    assert len(found) > 20
    slow = []
    for name, pattern, searched in found:
        for piece in PIECES:
            short, long = ((piece * SHORT * times)[: SHORT * times] + "!" for times in (1, TIMES))
            if seconds(pattern, searched, long) < 0.02:
                continue
            less, more = (min(seconds(pattern, searched, text) for _ in range(5)) for text in (short, long))
            if more > 0.02 and more > less * TIMES * 3:
                slow.append((name, piece, more))
    assert not slow


def test_a_conflict_is_looked_for_in_one_pass() -> None:
    text = "<<<<<<< a\n=======\n" * 30_000
    reading.refuse_conflicts(Path("CLAUDE.md"), text)
    with pytest.raises(InputError, match=r"CLAUDE\.md:1: a git conflict"):
        reading.refuse_conflicts(Path("CLAUDE.md"), text + ">>>>>>> b\n")


def test_code_spans_of_every_length_are_left_out_in_one_pass() -> None:
    assert without_code("a `b` c ``d ` e`` f ` g") == "a   c   f ` g"
    assert without_code("`" * 9_000 + "x") == "`" * 9_000 + "x"
    growing = "".join("`" * n + "x" for n in range(1, 700))
    assert without_code(growing) == growing
