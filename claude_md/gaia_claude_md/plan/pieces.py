"""What a piece of a source is about, of what kind it is, and how much its place in L1 is worth.

`worth` is a linear model over a few features and words; its weights are made from marked files by
`bench/gold/fit.py`. The same text has the same worth on every machine.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import cache
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
_PATH = words.Sign(r"`[^`\n/]{0,80}/[^`\n]{0,80}`", cased=True)
_NAMED = re.compile(r"[ \t]{0,3}(?:[-*+] )?(?:\*\*)?[A-Z][\w /-]{2,25}(?:\*\*)?:")
_SAYS_SO = re.compile(r"This (?:file|document) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextPiece:
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


def piece_of(document: Document, unit: Unit) -> TextPiece:
    """Read one unit."""
    text = document.text(unit.start, unit.end)[:LONGEST]
    titles = tuple(plain_title(h.title) for h in unit.path if h.level > 1 or h is unit.path[-1])
    lines = len(document.lines)
    return TextPiece(unit, text, without_fences(text), titles, unit.start / max(1, lines), lines)


def topics_in(piece: TextPiece) -> frozenset[str]:
    """The topics that a piece has something of, whichever it is mainly about."""
    signs = {"prohibitions": words.PROHIBITION, "subagents": words.SUBAGENTS, "rules": words.IMPERATIVE}
    found = {topic for topic, sign in signs.items() if sign.within(piece.prose)}
    return frozenset(found | ({"commands"} if words.COMMAND.within(piece.text) else set()))


def topic_and_kind(piece: TextPiece) -> tuple[str, str, str]:
    """The topic, the kind, and the evidence in words; the nearest heading speaks before the text."""
    topic, why = _topic(piece)
    return topic, _kind(piece), why


def is_forbidden(piece: TextPiece) -> bool:
    """Whether a heading such as "Do not" forbids what stands below it: no word of the list need say so."""
    listed = bool(piece.kinds & LISTS) and not words.CODE_FENCE.within(piece.text)
    return listed and words.PROHIBITION.within(piece.title)


def is_ruling(piece: TextPiece) -> bool:
    """Whether a piece stands under a heading that speaks of rules."""
    return words.RULES_TITLE.within(" / ".join(piece.titles))


def worth(features: Mapping[str, float]) -> float:
    """How much of a piece's lines belong in L1, as readers would say: about -0.5 to 1."""
    weights = _weights()
    return math.fsum(weights[name] * value for name, value in features.items() if name in weights)


def prohibitions(text: str) -> list[str]:
    """The lines of a text, code fences left out, that forbid something or speak of security."""
    return [
        bare(line).strip()
        for line in without_fences(text).splitlines()
        if not is_blank(line) and (words.PROHIBITION.within(line) or words.SECURITY.within(line))
    ]


@cache
def _weights() -> dict[str, float]:
    found: dict[str, float] = json.loads(files(__package__).joinpath("weights.json").read_text("utf-8"))
    return found


def _topic(piece: TextPiece) -> tuple[str, str]:
    title, titles, prose = piece.title, " / ".join(piece.titles), piece.prose
    if words.GAIA_TITLE.within(title):
        return "gaia", f"heading {title!r}"
    if words.SUBAGENTS_TITLE.within(title):
        return "subagents", f"heading {title!r}"
    forbids = words.PROHIBITION.count(prose)
    written = sum(not is_blank(line) for line in prose.splitlines())
    if words.PROHIBITION.within(title) or (forbids and forbids * 2 >= written):
        return "prohibitions", f"heading {title!r}" if words.PROHIBITION.within(title) else "forbids"
    if words.COMMAND.within(piece.text) and (
        words.COMMANDS_TITLE.within(titles) or words.SHELL_FENCE.within(piece.text)
    ):
        return "commands", f"heading {titles!r}" if words.COMMANDS_TITLE.within(titles) else "commands"
    if words.ENVIRONMENT_TITLE.within(titles):
        return "environment", f"heading {titles!r}"
    prose_only = piece.kinds <= {"paragraph", "blockquote"}
    if prose_only and piece.opens:
        return "about", "opens the file"
    if words.RULES_TITLE.within(titles) or (words.CRITICAL.within(prose) and words.EMPHASIS.within(prose)):
        return "rules", f"heading {titles!r}" if words.RULES_TITLE.within(titles) else "insists"
    if words.GAIA.variety(prose) > 1:  # one name alone may be the project's own
        return "gaia", "named in the text"
    if words.SUBAGENTS.within(prose):
        return "subagents", "named in the text"
    if prose_only and (piece.unit.first or piece.unit.start < 12 or words.OVERVIEW_TITLE.within(title)):
        return "about", "opens the file" if piece.unit.start < 12 else f"heading {title!r}"
    return "other", "no topic of L1"


def _kind(piece: TextPiece) -> str:
    code = words.CODE_FENCE.within(piece.text) or words.TREE.within(piece.text)
    if words.EXAMPLE.within(piece.title) or (code and not words.COMMAND.within(piece.text)):
        return EXAMPLE
    binds = words.PROHIBITION.within(piece.prose) or words.CRITICAL.within(piece.prose)
    return BINDING if binds or words.IMPERATIVE.within(piece.prose) else DESCRIPTIVE


def features_of(piece: TextPiece) -> dict[str, float]:
    """What the worth of a piece is reckoned from: shares, signs (0 or 1), and the words of text and headings."""
    text, prose, unit = piece.text, piece.prose, piece.unit
    titles = " / ".join(piece.titles)
    written = [line for line in prose.splitlines() if not is_blank(line)]
    lines = sum(not is_blank(line) for line in text.splitlines()) or 1

    def share(sign: words.Sign, within: str = prose, of: int = len(written)) -> float:
        return min(1.0, sign.count(within) / max(1, of))

    forbids, insists, command = (
        share(words.PROHIBITION),
        share(words.CRITICAL),
        share(words.COMMAND, text, lines),
    )
    is_list, shell = bool(piece.kinds & LISTS), words.SHELL_FENCE.within(text) and command > 0
    rules, run = words.RULES_TITLE.within(titles), words.COMMANDS_TITLE.within(titles)
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
        "emphasis": words.EMPHASIS.within(prose),
        "security": words.SECURITY.within(prose),
        "imperative": share(words.IMPERATIVE),
        "command": command,
        "command at all": command > 0,
        "paths": share(_PATH),
        "tree": words.TREE.within(text),
        "example": share(words.EXAMPLE),
        "example at all": words.EXAMPLE.within(prose),
        "says what it is": says_so,
        "named": bool(_NAMED.match(prose)),
        "fence": "```" in text or "~~~" in text,
        "shell": shell,
        "code": words.CODE_FENCE.within(text),
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


def _of_titles(piece: TextPiece) -> dict[str, float]:
    titles = " / ".join(piece.titles)
    return {
        "title rules": words.RULES_TITLE.within(titles),
        "title forbids": words.PROHIBITION.within(titles),
        "title insists": words.CRITICAL.within(titles),
        "title environment": words.ENVIRONMENT_TITLE.within(piece.title),
        "title commands": words.COMMANDS_TITLE.within(titles),
        "title about": words.OVERVIEW_TITLE.within(piece.title),
        "title architecture": words.ARCHITECTURE_TITLE.within(piece.title),
        "title subagents": words.SUBAGENTS_TITLE.within(titles),
        "title gaia": words.GAIA_TITLE.within(titles),
        "title example": words.EXAMPLE.within(piece.title),
        "no title": not piece.titles,
        "depth": len(piece.titles),
    }


def _of_size(piece: TextPiece, lines: int) -> dict[str, float]:
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
