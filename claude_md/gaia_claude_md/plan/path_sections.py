"""Which sections are for certain files alone: their heading, or their first words, name paths that are in the tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gaia_claude_md.markdown.lines import is_blank, split_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gaia_claude_md.markdown.sections import Section

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
