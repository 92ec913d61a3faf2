"""Sections that live in rule files of their own, which Claude Code loads when a file that they are for is read.

In the body of L2 a comment stands for each; a rule file is its paths, our comment, and the section's exact text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.markdown.lines import bare, finished, is_blank, line_end, split_lines
from gaia_hooks.facts import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gaia_claude_md.markdown.sections import Section

RESTORE = "Nothing was written. `gaia-budget claude-md restore` brings back an earlier state"
ANCHOR = re.compile(r"<!-- gaia:rule ([\w.-]{1,80}\.md) -->")
NAME = re.compile(r"(?!\.)[\w.-]{1,77}\.md")
_NOTE = re.compile(r"<!-- gaia:rule of \S.{0,200} -->")
_CODE = re.compile(r"`([^`\n]{1,200})`")
_BARE = re.compile(r"(?<![\w./:@-])((?:[\w.@*-]{1,60}/){1,8}[\w.@*-]{0,60})")
_SCOPE = re.compile(
    r"(?:[-*] |> ?|\*\*)?(?:this section )?(?:applies (?:only )?to|scope|paths?|files?|only (?:for|in)"
    r"|(?:for|when) (?:files|code|work|working|editing|changing|touching)|when you (?:edit|change|touch|work))\b",
    re.IGNORECASE,
)


def globs_of(sections: Sequence[Section], in_tree: Callable[[str], str]) -> dict[str, list[str]]:
    """For each slug of a section that is for certain files the patterns of those files.

    `in_tree` gives the pattern for a name that is in the project's tree, and an empty text for any other.
    """
    found = {}
    for section in sections:
        heading, *rest = split_lines(section.text) or [""]
        if not heading.lstrip().startswith("#"):
            continue
        first = next((line for line in rest if not is_blank(line)), "")
        globs = _named(heading, in_tree) or (_named(first, in_tree) if _SCOPE.match(first) else [])
        if globs:
            found[section.slug] = globs
    return found


def _named(text: str, in_tree: Callable[[str], str]) -> list[str]:
    """The patterns for the paths that a line names, in order."""
    names = [*_CODE.findall(text), *_BARE.findall(_CODE.sub(" ", text))]
    return list(dict.fromkeys(glob for name in names if (glob := in_tree(name.strip()))))


def file_of(slug: str) -> str:
    """The name of a section's rule file: its slug, unless Windows has a device of that name, and so no such file."""
    return f"{names.file_name(slug) if slug.isascii() else slug}.md"


def anchor(name: str) -> str:
    """The line that stands in L2 for a rule."""
    return f"<!-- gaia:rule {name} -->"


def head(globs: Sequence[str], l1_name: str, end: str) -> str:
    """What stands in a rule file before the section: the paths for the client, and a word for people."""
    paths = "".join(f"  - {json.dumps(glob, ensure_ascii=False)}{end}" for glob in globs)
    note = f"<!-- gaia:rule of {l1_name}: edit below; keep this line -->"
    return f"---{end}paths:{end}{paths}---{end}{note}{end}"


def parted(rule: str, name: str) -> tuple[str, str]:
    """Head and section of a rule file. Raises InputError where our comment is gone or doubled."""
    lines = split_lines(rule)
    notes = [at for at, line in enumerate(lines) if _NOTE.fullmatch(bare(line).strip())]
    if len(notes) != 1:
        raise InputError(
            f"{name}: its line `<!-- gaia:rule of … -->` stands there {len(notes)} times. {RESTORE}",
            slug="split-damaged",
        )
    return "".join(lines[: notes[0] + 1]), "".join(lines[notes[0] + 1 :])


def expanded(body: str, rules: Mapping[str, str]) -> str:
    """The body of L2 with the sections of its rule files in their places. Raises InputError for what is missing."""
    if "<!-- gaia:rule " not in body and not rules:
        return body
    lines = split_lines(body)
    found = [mark[1] for line in lines if (mark := ANCHOR.fullmatch(bare(line).strip()))]
    for name in {*found, *rules}:
        if found.count(name) != 1:
            raise InputError(
                f"L2 has the line {anchor(name)} {found.count(name)} times. {RESTORE}",
                slug="split-damaged",
            )
        if name not in rules:
            raise InputError(
                f"the rule {name}, which L2 names, is missing. Nothing was written. To delete it on purpose, bring it "
                "back with `gaia-budget claude-md restore`, join, and delete its section",
                slug="split-damaged",
            )
    end = line_end(lines)
    return "".join(
        "".join(finished(split_lines(parted(rules[mark[1]], mark[1])[1]), end)) if mark else line
        for line in lines
        for mark in [ANCHOR.fullmatch(bare(line).strip())]
    )
