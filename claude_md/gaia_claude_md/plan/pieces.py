"""What a piece of a source is about, of what kind it is, and how much its place in L1 is worth.

`worth` is a linear model over a few features and words; its weights are made from marked files by
`bench/gold/fit.py`. The same text has the same worth on every machine.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from gaia_claude_md.markdown.lines import bare, is_blank
from gaia_claude_md.markdown.sections import plain_title
from gaia_claude_md.markdown.units import LISTS, Unit, without_fences
from gaia_claude_md.plan import vocabulary as words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_claude_md.markdown.blocks import Document

TOPICS = ("environment", "rules", "gaia", "subagents", "commands", "prohibitions", "about")
"""In the order in which they get their place in L1; everything else is `other`."""
BINDING, DESCRIPTIVE, EXAMPLE = "binding", "descriptive", "example"
LONGEST = 4_000  # characters of a piece that are looked at
_WORD = re.compile(r"[a-z]{3,24}")
_PATH = re.compile(r"`[^`\n/]{0,80}/[^`\n]{0,80}`")
_NAMED = re.compile(r"[ \t]{0,3}(?:[-*+] )?(?:\*\*)?[A-Z][\w /-]{2,25}(?:\*\*)?:")
_SAYS_SO = re.compile(r"This (?:file|document) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit as it is read: its text, the headings over it, and where it stands (0 to 1)."""

    unit: Unit
    text: str
    prose: str
    titles: tuple[str, ...]
    place: float
    length: int

    @property
    def title(self) -> str:
        """The nearest heading."""
        return self.titles[-1] if self.titles else ""

    @property
    def opens(self) -> bool:
        """Whether it stands under the title of the file, whose words say what the file is, and of no topic."""
        path = self.unit.path
        return len(path) == 1 and path[0].level == 1 and self.unit.start < 12

    @property
    def kinds(self) -> set[str]:
        """The kinds of its blocks."""
        return {block.kind for block in self.unit.blocks}


def piece_of(document: Document, unit: Unit) -> Piece:
    """Read one unit."""
    text = document.text(unit.start, unit.end)[:LONGEST]
    titles = tuple(plain_title(h.title) for h in unit.path if h.level > 1 or h is unit.path[-1])
    lines = len(document.lines)
    return Piece(unit, text, without_fences(text), titles, unit.start / max(1, lines), lines)


def topics_in(piece: Piece) -> frozenset[str]:
    """The topics that a piece has something of, whichever it is mainly about."""
    signs = {"prohibitions": words.PROHIBITION, "subagents": words.SUBAGENTS, "rules": words.IMPERATIVE}
    found = {topic for topic, sign in signs.items() if _says(sign, piece.prose)}
    return frozenset(found | ({"commands"} if _says(words.COMMAND, piece.text) else set()))


def topic_and_kind(piece: Piece) -> tuple[str, str, str]:
    """The topic, the kind, and the evidence in words; the nearest heading speaks before the text."""
    topic, why = _topic(piece)
    return topic, _kind(piece), why


def worth(features: Mapping[str, float]) -> float:
    """How much of a piece's lines belong in L1, as readers would say: about -0.5 to 1."""
    weights = _weights()
    return sum(weights.get(name, 0.0) * value for name, value in features.items())


def prohibitions(text: str) -> list[str]:
    """The lines of a text, code fences left out, that forbid something or speak of security."""
    return [
        bare(line).strip()
        for line in without_fences(text).splitlines()
        if not is_blank(line) and (words.PROHIBITION.search(line) or words.SECURITY.search(line))
    ]


@lru_cache(maxsize=2_048)
def _count(pattern: re.Pattern[str], text: str) -> int:
    """How often a pattern is in a text: topic, kind and features ask the same, and pieces share their headings."""
    return len(pattern.findall(text))


def _says(pattern: re.Pattern[str], text: str) -> bool:
    return _count(pattern, text) > 0


@cache
def _weights() -> dict[str, float]:
    found: dict[str, float] = json.loads(files(__package__).joinpath("weights.json").read_text("utf-8"))
    return found


def _topic(piece: Piece) -> tuple[str, str]:
    title, titles, prose = piece.title, " / ".join(piece.titles), piece.prose
    if _says(words.GAIA_TITLE, title):
        return "gaia", f"heading {title!r}"
    if _says(words.SUBAGENTS_TITLE, title):
        return "subagents", f"heading {title!r}"
    forbids = _count(words.PROHIBITION, prose)
    written = sum(not is_blank(line) for line in prose.splitlines())
    if _says(words.PROHIBITION, title) or (forbids and forbids * 2 >= written):
        return "prohibitions", f"heading {title!r}" if _says(words.PROHIBITION, title) else "forbids"
    if _says(words.COMMAND, piece.text) and (
        _says(words.COMMANDS_TITLE, titles) or _says(words.SHELL_FENCE, piece.text)
    ):
        return "commands", f"heading {titles!r}" if _says(words.COMMANDS_TITLE, titles) else "commands"
    if _says(words.ENVIRONMENT_TITLE, titles):
        return "environment", f"heading {titles!r}"
    prose_only = piece.kinds <= {"paragraph", "blockquote"}
    if prose_only and piece.opens:
        return "about", "opens the file"
    if _says(words.RULES_TITLE, titles) or (_says(words.CRITICAL, prose) and _says(words.EMPHASIS, prose)):
        return "rules", f"heading {titles!r}" if _says(words.RULES_TITLE, titles) else "insists"
    if _says(words.GAIA, prose):
        return "gaia", "named in the text"
    if _says(words.SUBAGENTS, prose):
        return "subagents", "named in the text"
    if prose_only and (piece.unit.first or piece.unit.start < 12 or _says(words.OVERVIEW_TITLE, title)):
        return "about", "opens the file" if piece.unit.start < 12 else f"heading {title!r}"
    return "other", "no topic of L1"


def _kind(piece: Piece) -> str:
    code = _says(words.CODE_FENCE, piece.text) or _says(words.TREE, piece.text)
    if _says(words.EXAMPLE, piece.title) or (code and not _says(words.COMMAND, piece.text)):
        return EXAMPLE
    binds = _says(words.PROHIBITION, piece.prose) or _says(words.CRITICAL, piece.prose)
    return BINDING if binds or _says(words.IMPERATIVE, piece.prose) else DESCRIPTIVE


def features_of(piece: Piece) -> dict[str, float]:
    """What the worth of a piece is reckoned from: shares, signs (0 or 1), and the words of text and headings."""
    text, prose, unit = piece.text, piece.prose, piece.unit
    titles = " / ".join(piece.titles)
    written = [line for line in prose.splitlines() if not is_blank(line)]
    lines = sum(not is_blank(line) for line in text.splitlines()) or 1

    def share(pattern: re.Pattern[str], within: str = prose, of: int = len(written)) -> float:
        return min(1.0, _count(pattern, within) / max(1, of))

    forbids, insists, command = (
        share(words.PROHIBITION),
        share(words.CRITICAL),
        share(words.COMMAND, text, lines),
    )
    is_list, shell = bool(piece.kinds & LISTS), _says(words.SHELL_FENCE, text) and command > 0
    rules, run = _says(words.RULES_TITLE, titles), _says(words.COMMANDS_TITLE, titles)
    prose_only = piece.kinds <= {"paragraph", "blockquote"}
    says_so = bool(_SAYS_SO.search(prose[:120]))
    early = unit.start < 15
    found: dict[str, float] = {
        "bias": 1,
        **_of_titles(piece),
        "forbids": forbids,
        "forbids at all": forbids > 0,
        "insists": insists,
        "insists at all": insists > 0,
        "emphasis": _says(words.EMPHASIS, prose),
        "security": _says(words.SECURITY, prose),
        "imperative": share(words.IMPERATIVE),
        "command": command,
        "command at all": command > 0,
        "paths": share(_PATH),
        "tree": _says(words.TREE, text),
        "example": share(words.EXAMPLE),
        "example at all": _says(words.EXAMPLE, prose),
        "says what it is": says_so,
        "named": bool(_NAMED.match(prose)),
        "fence": "```" in text or "~~~" in text,
        "shell": shell,
        "code": _says(words.CODE_FENCE, text),
        "table": "table" in piece.kinds,
        "list": is_list,
        "prose": prose_only,
        "numbered": "ordered_list" in piece.kinds,
        "early": early,
        "opens": early and prose_only and not says_so,
        **_of_size(piece, lines),
        "list forbids": forbids > 0.5 and is_list,
        "rules forbid": rules and forbids > 0,
        "commands in shell": run and shell,
    }
    found.update((f"title {word}", 0.5) for word in set(_WORD.findall(titles.lower())))
    found.update((f"word {word}", 0.5) for word in set(_WORD.findall(text.lower())) if len(word) > 3)
    return found


def _of_titles(piece: Piece) -> dict[str, float]:
    titles = " / ".join(piece.titles)
    return {
        "title rules": _says(words.RULES_TITLE, titles),
        "title forbids": _says(words.PROHIBITION, titles),
        "title insists": _says(words.CRITICAL, titles),
        "title environment": _says(words.ENVIRONMENT_TITLE, piece.title),
        "title commands": _says(words.COMMANDS_TITLE, titles),
        "title about": _says(words.OVERVIEW_TITLE, piece.title),
        "title architecture": _says(words.ARCHITECTURE_TITLE, piece.title),
        "title subagents": _says(words.SUBAGENTS_TITLE, titles),
        "title gaia": _says(words.GAIA_TITLE, titles),
        "title example": _says(words.EXAMPLE, piece.title),
        "no title": not piece.titles,
        "depth": len(piece.titles),
    }


def _of_size(piece: Piece, lines: int) -> dict[str, float]:
    return {
        "length": min(1.0, lines / 20),
        "long": lines > 14,
        "very long": lines > 25,
        "one line": lines == 1,
        "wide": min(2.0, len(piece.text) / 160 / lines),
        "short file": min(1.0, 60 / max(1, piece.length)),
        "place": piece.place,
        "place squared": piece.place * piece.place,
    }
