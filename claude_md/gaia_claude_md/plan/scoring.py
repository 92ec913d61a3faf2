"""Which units deserve a place in L1: a transparent score, each part of it with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaia_claude_md.markdown.lines import bare, is_blank
from gaia_claude_md.markdown.sections import plain_title
from gaia_claude_md.markdown.tokens import estimate
from gaia_claude_md.markdown.units import LISTS, Unit, without_fences
from gaia_claude_md.plan import vocabulary as words

if TYPE_CHECKING:
    from gaia_claude_md.markdown.blocks import Document

WEIGHTS = {
    "rules": 100,
    "environment": 80,
    "commands": 75,
    "gaia": 60,
    "subagents": 50,
    "overview": 40,
    "other": 0,
}
LINE_QUOTAS = {
    "rules": 14,
    "environment": 8,
    "commands": 8,
    "gaia": 5,
    "subagents": 5,
    "overview": 4,
    "other": 0,
}
MOST_RULES = 5
EMPHASIS, MOST_EMPHASIS, UNEMPHATIC = 8, 24, 35
LONG_LINE_TOKENS = 40
_COMMAND = re.compile(r"`[^`\n]+`|^[ \t]{0,9}[$>]? ?[a-z][\w./-]* \S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scored:
    """A unit with its class, its score (higher goes first; 0 or less never moves) and the reasons in words."""

    unit: Unit
    topic: str
    score: int
    reasons: tuple[str, ...]
    tokens: int


def score(document: Document, unit: Unit) -> Scored:
    """Score one unit."""
    text = document.text(unit.start, unit.end)
    titles = [
        plain_title(heading.title) for heading in unit.path if heading.level > 1 or heading is unit.path[-1]
    ]
    topic, why = _topic(unit, titles[-1] if titles else "", " / ".join(titles), text)
    points = WEIGHTS[topic]
    reasons = [f"{topic} +{points} ({why})"]
    prose = without_fences(text)
    emphasis = len({found.lower() for found in words.CRITICAL.findall(prose)}) + 2 * bool(
        words.PROHIBITION.search(prose)
    )
    if topic == "rules" and not emphasis:
        points -= UNEMPHATIC
        reasons.append(f"neither forbids nor insists -{UNEMPHATIC}")
    if points and emphasis:
        bonus = min(EMPHASIS * emphasis, MOST_EMPHASIS)
        points += bonus
        reasons.append(f"emphasis +{bonus}")
    tokens = estimate(text)
    length = unit.end - unit.start + tokens // LONG_LINE_TOKENS
    points -= length
    reasons.append(f"length -{length}")
    return Scored(unit, topic, points, tuple(reasons), tokens)


def _topic(unit: Unit, title: str, titles: str, text: str) -> tuple[str, str]:
    """The class of a unit and the evidence for it; the nearest heading speaks before the text."""
    kinds = {block.kind for block in unit.blocks}
    if words.GAIA_TITLE.search(title):
        return "gaia", f"heading {title!r}"
    if words.SUBAGENTS_TITLE.search(title):
        return "subagents", f"heading {title!r}"
    prose = without_fences(text)
    forbidden = words.PROHIBITION.search(prose)
    if words.RULES_TITLE.search(titles) and kinds & {*LISTS, "paragraph", "blockquote", "table", "wrapper"}:
        return "rules", f"heading {titles!r}"
    if forbidden and (len(prohibitions(prose)) * 3 >= prose.count("\n") or words.CRITICAL.search(prose)):
        return "rules", f"says {forbidden[0]!r}"
    if words.ENVIRONMENT_TITLE.search(titles):
        return "environment", f"heading {titles!r}"
    if words.COMMANDS_TITLE.search(titles) and ("fence" in kinds or _COMMAND.search(text)):
        return "commands", f"heading {titles!r}"
    if words.GAIA.search(prose):
        return "gaia", "named in the text"
    if words.SUBAGENTS.search(prose):
        return "subagents", "named in the text"
    if kinds <= {"paragraph", "blockquote"} and (unit.first or words.OVERVIEW_TITLE.search(title)):
        return "overview", "opens the file" if unit.first else f"heading {title!r}"
    return "other", "no topic of L1"


def prohibitions(text: str) -> list[str]:
    """The lines of a text, code fences left out, that forbid something or speak of security."""
    return [
        bare(line).strip()
        for line in without_fences(text).splitlines()
        if not is_blank(line) and (words.PROHIBITION.search(line) or words.SECURITY.search(line))
    ]
