"""Which units stay in L1: what is forced, one of each topic, what forbids, then the best until L1 is full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.lines import is_blank
from gaia_claude_md.markdown.sections import plain_title
from gaia_claude_md.pair import layout
from gaia_claude_md.plan import vocabulary as words
from gaia_claude_md.plan.draft import MAX_LINES, Draft, line_count, token_count
from gaia_claude_md.plan.pieces import (
    EXAMPLE,
    TOPICS,
    features_of,
    is_forbidden,
    is_ruling,
    piece_of,
    topic_and_kind,
    topics_in,
    worth,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gaia_claude_md.markdown.blocks import Document
    from gaia_claude_md.markdown.units import Unit

MISLEADS = -10
"""A score from which on a unit would rather mislead than help: an example, a detail."""
FIRST_LINES = 12
"""A topic's first piece has at most so many lines, where it has one."""
HAS_TOPIC = {"environment": 5, "gaia": -100, "subagents": MISLEADS}
BEST = 75
"""The score from which on a short piece has its place before all topics have theirs."""
WORTH_A_PLACE = 20
"""The score from which on a piece gives its topic a place before other topics get a second one."""
WEAK, FREE_LINES = 5, 3
"""What scores less only fills L1 up, as long as more lines than these are free."""
TEMPLATE_TOPICS = {
    "environment": words.ENVIRONMENT_TITLE,
    "gaia": words.GAIA_TITLE,
    "subagents": words.SUBAGENTS_TITLE,
    "rules": words.RULES_TITLE,
}


@dataclass(frozen=True, slots=True)
class Scored:
    """A unit with its topic, its kind, its score (about -50 to 100, higher goes first) and the reason in words."""

    unit: Unit
    topic: str
    kind: str
    score: int
    reason: str
    also: frozenset[str] = frozenset()
    """Topics that it has something of besides its own."""
    forbidden: bool = False
    """Whether its heading forbids what it lists."""
    ruling: bool = False
    """Whether it stands under a heading that speaks of rules."""

    def serves(self, topic: str) -> bool:
        """Whether a topic has its place with it: what the best of the rules forbid are the rules."""
        best = self.topic == "prohibitions" and self.ruling and self.score >= BEST
        return topic == self.topic or (topic == "rules" and best)

    def has(self, topic: str) -> bool:
        """Whether it has something of a topic."""
        return topic == self.topic or topic in self.also

    @property
    def lines(self) -> int:
        """Physical lines."""
        return self.unit.end - self.unit.start

    @property
    def rank(self) -> tuple[float, int]:
        """Goes first where it is less: worth per line, of which a heading takes one; then the source's order."""
        return -self.score * self.lines / (self.lines + 1), self.unit.start


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one unit, and why."""

    scored: Scored
    in_l1: bool
    why: str


def read_template() -> dict[str, str]:
    """The user's own text by topic, used where a source says nothing on it; empty without a file.

    Raises InputError for a heading of no known topic.
    """
    file = places.home() / "l1-template.md"
    if not file.exists():
        return {}
    try:
        document = parse(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}", slug="file-unreadable") from error
    headings = [block for block in document.blocks if block.kind == "heading"]
    ends = [heading.start for heading in headings[1:]] + [len(document.lines)]
    found: dict[str, str] = {}
    for heading, end in zip(headings, ends, strict=True):
        title = plain_title(heading.title)
        topic = next((topic for topic, sign in TEMPLATE_TOPICS.items() if sign.within(title)), None)
        if topic is None:
            raise InputError(
                f"{file}:{heading.start + 1}: {title!r} names none of the topics {', '.join(TEMPLATE_TOPICS)}",
                slug="template-topic",
            )
        found[topic] = document.text(heading.start, end).strip()
    return found


def score(document: Document, unit: Unit) -> Scored:
    """Score one unit."""
    piece = piece_of(document, unit)
    topic, kind, why = topic_and_kind(piece)
    points = round(100 * worth(features_of(piece)))
    return Scored(unit, topic, kind, points, why, topics_in(piece), is_forbidden(piece), is_ruling(piece))


class Selection:
    """The units chosen so far, and why the next one may or may not join them."""

    def __init__(self, draft: Draft, most_tokens: int, template: Mapping[str, str]) -> None:
        self.chosen: list[Unit] = []
        self.template: list[str] = []
        self._wanted = template
        self._draft = draft
        self._most_tokens = most_tokens
        self._decided: dict[int, Decision] = {}
        self._lines = 0  # of L1 as it is

    def decide(self, scored: Sequence[Scored]) -> list[Decision]:
        """Choose; the decisions come in source order."""
        for one in scored:
            if one.unit.forced:
                self.chosen.append(one.unit)
                self._decided[one.unit.start] = Decision(one, True, one.unit.why_forced)
            elif why := _never(self._draft.document, one):
                self._decided[one.unit.start] = Decision(one, False, why)
        self._lines = line_count(self._draft.segments(self.chosen))
        free = [one for one in scored if one.unit.start not in self._decided]
        short = [one for one in free if one.lines <= FIRST_LINES]
        self._take(short, lambda one: one.score >= BEST, "best of all")
        for topic in TOPICS:
            if topic == "gaia":  # what a heading forbids is of the critical rules
                self._take(short, lambda one: one.forbidden, "its heading forbids")
            if not any(d.in_l1 and d.scored.serves(topic) for d in self._decided.values()):
                having = [one for one in free if one.topic == topic]
                self._first_of(topic, having, HAS_TOPIC.get(topic, WORTH_A_PLACE))
        for topic in TOPICS:
            if not self._shows(topic):
                self._first_of(topic, [one for one in free if one.has(topic)], WORTH_A_PLACE)
        self._fill_in({one.topic for one in scored})
        self._take(free, lambda one: one.topic == "prohibitions" and one.score > 0, "forbids")
        self._take(free, lambda one: one.score > WEAK, "")
        self._take(free, lambda one: self._free_lines() > FREE_LINES, "there is room")
        weak = "no more than a detail, and L1 is full"
        return [self._decided.get(one.unit.start, Decision(one, False, weak)) for one in scored]

    def _shows(self, topic: str) -> bool:
        return any(d.in_l1 and d.scored.has(topic) for d in self._decided.values())

    def _first_of(self, topic: str, having: Sequence[Scored], least: int) -> None:
        """The best piece of a topic that fits; a short one before a long one."""
        of_topic = [one for one in having if one.kind != EXAMPLE and one.score > least]
        for one in sorted(of_topic, key=lambda one: (one.lines > FIRST_LINES, one.rank)):
            if self._add(one, f"first of {topic}"):
                return

    def _take(self, free: Sequence[Scored], wanted: Callable[[Scored], bool], why: str) -> None:
        for one in sorted(free, key=lambda one: one.rank):
            known = self._decided.get(one.unit.start)
            if wanted(one) and not (known and known.in_l1):
                self._add(one, why or one.kind)

    def _add(self, one: Scored, why: str) -> bool:
        """Take the unit if L1 with it keeps its limits and its blocks; otherwise say why not."""
        full = f"no room in {MAX_LINES} lines"
        if self._lines + one.lines - 1 > MAX_LINES:  # a section that leaves L2 takes one row at most with it
            self._decided[one.unit.start] = Decision(one, False, full)
            return False
        trial = sorted([*self.chosen, one.unit], key=lambda unit: unit.start)
        segments = self._draft.segments(trial, self.template)
        if line_count(segments) > MAX_LINES:
            refused = full
        elif token_count(segments) > self._most_tokens:
            refused = f"no room in {self._most_tokens} tokens"
        elif layout.fuses(segments):
            refused = "would run into its neighbours"
        else:
            refused = ""
            self.chosen, self._lines = trial, line_count(segments)
        self._decided[one.unit.start] = Decision(one, not refused, refused or f"{why}; {one.reason}")
        return not refused

    def _free_lines(self) -> int:
        return MAX_LINES - self._lines

    def _fill_in(self, present: set[str]) -> None:
        """The user's template text for topics that the source has nothing on, as far as it fits."""
        if "prohibitions" in present:
            present = present | {"rules"}
        for topic, text in self._wanted.items():
            if topic in present or is_blank(text):
                continue
            segments = self._draft.segments(self.chosen, [*self.template, text])
            fits = line_count(segments) <= MAX_LINES and token_count(segments) <= self._most_tokens
            if fits and not layout.fuses(segments):
                self.template.append(text)
                self._lines = line_count(segments)


def _never(document: Document, one: Scored) -> str:
    if one.unit.pin == "l2":
        return "pinned by <!-- l2 -->"
    if all(block.kind == "hr" for block in one.unit.blocks):
        return "a line between parts"
    if one.unit.torn:
        return "part of a tag wrapper"
    if document.text(one.unit.start, one.unit.end).rstrip().rstrip("*_`").endswith((":", "：")):
        return "leads in to what is not with it"
    if one.forbidden or (one.topic == "gaia" and one.kind != EXAMPLE):
        return ""
    return f"would mislead alone ({one.kind})" if one.score <= MISLEADS else ""
