"""The plan of a split: which units move to L1, and why. Pure: the same source and settings give the same plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import Document, parse
from gaia_claude_md.markdown.lines import finished, is_blank, line_end, split_lines, terminator
from gaia_claude_md.markdown.sections import sections_of
from gaia_claude_md.markdown.tokens import estimate, loaded
from gaia_claude_md.markdown.units import units_of
from gaia_claude_md.pair import index, layout
from gaia_claude_md.plan.draft import INDEX_LINES, MAX_LINES, Draft, line_count, token_count
from gaia_claude_md.plan.scoring import LINE_QUOTAS, MOST_RULES, Scored, score
from gaia_claude_md.plan.search_words import trigger_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gaia_claude_md.markdown.units import Unit
    from gaia_claude_md.pair.layout import Segment

DEFAULT_TOKEN_CAP = 1500
SECTION_LINES = 14
SHARE_PERCENT = 26  # of the source's tokens, which L1 aims at
SMALL_SHARE_PERCENT, SMALL_TOKENS = 35, 1400  # the share for a small source, where the index alone takes much
INDEX_PERCENT = 60  # of what L1 aims at, which the index may take


class CannotFitError(InputError):
    """What has to be in L1 is more than L1 can hold; nothing was written."""


@dataclass(frozen=True, slots=True)
class Options:
    """Everything besides the source that a plan depends on.

    `l2_name` is how L1 names L2; `exists` tells whether an import target is a file; `template` holds the user's
    own text by topic, for topics that the source lacks; `edits` is what the user changed in the index.
    """

    token_cap: int = DEFAULT_TOKEN_CAP
    l2_name: str = "CLAUDE_L2.md"
    exists: Callable[[str], bool] = lambda target: False
    template: Mapping[str, str] = field(default_factory=dict)
    edits: index.Edits = field(default_factory=index.Edits)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one unit, and why."""

    scored: Scored
    in_l1: bool
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A split as data. `segments` is empty when the source stays whole, and `unchanged` says why.

    `rows` are the entries of the index by slug.
    """

    document: Document
    final_newline: bool
    segments: list[Segment]
    chosen: list[Unit]
    decisions: list[Decision]
    rows: dict[str, str]
    unchanged: str = ""


def make_plan(source: str, options: Options) -> Plan:
    """Plan the split of a source. Raises CannotFitError when pins, imports and index exceed the caps."""
    whole = split_lines(source)
    final_newline = not whole or bool(terminator(whole[-1]))
    document = parse("".join(finished(whole, line_end(whole))))
    size = estimate(loaded(document))
    if len(whole) <= MAX_LINES and size <= options.token_cap:
        return Plan(document, final_newline, [], [], [], {}, "it is within the limits already")
    sections = sections_of(document)
    words = trigger_words(sections)
    draft = Draft(document, sections, words, options.edits, options.l2_name)
    scored = [score(document, unit) for unit in units_of(document, options.exists)]
    target = min(target_tokens(size), options.token_cap)
    _fit_index(draft, [s.unit for s in scored if s.unit.forced], target, options.token_cap)
    selection = _Selection(draft, target)
    decisions = selection.decide(scored)
    template = _template(draft, selection.chosen, {s.topic for s in scored}, options)
    segments = draft.segments(selection.chosen, template)
    if token_count(segments) >= size:
        return Plan(document, final_newline, [], [], decisions, {}, "a split would save nothing")
    return Plan(
        document, final_newline, segments, selection.chosen, decisions, draft.entries(selection.chosen)
    )


def target_tokens(size: int) -> int:
    """The tokens L1 aims at for a source of this size: a share of it, a larger one of a small source."""
    return max(size * SHARE_PERCENT, min(size, SMALL_TOKENS) * SMALL_SHARE_PERCENT) // 100


def _fit_index(draft: Draft, forced: Sequence[Unit], target: int, cap: int) -> None:
    """Find the roomiest index beside the forced units: first fewer words, then fewer lines."""
    for most_words in range(index.MOST_WORDS, 0, -1):
        draft.most_words = most_words
        if estimate("\n".join(draft.index(forced))) * 100 <= target * INDEX_PERCENT:
            break
    for row_lines in range(INDEX_LINES, 0, -1):
        draft.row_lines = row_lines
        segments = draft.segments(forced)
        if line_count(segments) <= MAX_LINES:
            break
    lines, tokens = line_count(segments), token_count(segments)
    if lines > MAX_LINES or tokens > cap or layout.fuses(segments):
        raise CannotFitError(_cannot_fit(forced, lines, tokens, cap))


def _cannot_fit(forced: Sequence[Unit], lines: int, tokens: int, cap: int) -> str:
    if lines <= MAX_LINES and tokens <= cap:
        problem = "what must be in L1 cannot stand there: its blocks would run into each other"
    else:
        problem = (
            f"what must be in L1 takes {lines} lines and {tokens} tokens with the index; "
            f"the limits are {MAX_LINES} and {cap}"
        )
    named = ", ".join(f"line {unit.start + 1} to {unit.end} ({unit.why_forced})" for unit in forced)
    cure = (
        f"Put <!-- l2 --> before some of these: {named}" if named else "Merge sections, or raise l1_token_cap"
    )
    return f"{problem}. {cure}. Nothing was written"


class _Selection:
    """The units chosen so far, and why the next one may or may not join them."""

    def __init__(self, draft: Draft, target: int) -> None:
        self.chosen: list[Unit] = []
        self._draft = draft
        self._target = target
        self._tokens = 0
        self._by_topic: dict[str, int] = {}
        self._by_section: dict[int, int] = {}
        self._rules = 0

    def decide(self, scored: Sequence[Scored]) -> list[Decision]:
        """Take what is forced, then the best units while they fit; the decisions come in source order."""
        forced = [s for s in scored if s.unit.forced]
        self.chosen = [s.unit for s in forced]
        self._tokens = token_count(self._draft.segments(self.chosen))
        decisions = [Decision(s, True, s.unit.why_forced) for s in forced]
        ranked = sorted((s for s in scored if not s.unit.forced), key=lambda s: (-s.score, s.unit.start))
        for candidate in ranked:
            refused = self._never(candidate) or self._over_quota(candidate) or self._try(candidate)
            decisions.append(Decision(candidate, not refused, refused or "; ".join(candidate.reasons)))
        return sorted(decisions, key=lambda d: d.scored.unit.start)

    def _never(self, candidate: Scored) -> str:
        if candidate.unit.pin == "l2":
            return "pinned by <!-- l2 -->"
        if candidate.unit.torn:
            return "part of a tag wrapper"
        if candidate.score <= 0:
            return "scores too low: " + "; ".join(candidate.reasons)
        return ""

    def _over_quota(self, candidate: Scored) -> str:
        topic, unit = candidate.topic, candidate.unit
        lines = unit.end - unit.start
        if self._by_topic.get(topic, 0) + lines > LINE_QUOTAS[topic]:
            return f"over the quota of {LINE_QUOTAS[topic]} lines for {topic}"
        if self._by_section.get(_section(unit), 0) + lines > SECTION_LINES:
            return f"over the quota of {SECTION_LINES} lines for one section"
        if topic == "rules" and self._rules >= MOST_RULES:
            return f"{MOST_RULES} rules are in L1 already"
        if self._tokens + candidate.tokens > self._target:
            return f"its {candidate.tokens} tokens do not fit the {self._target} that L1 aims at"
        return ""

    def _try(self, candidate: Scored) -> str:
        """Take the unit if L1 with it keeps its limits and its blocks; otherwise say why not."""
        trial = sorted([*self.chosen, candidate.unit], key=lambda unit: unit.start)
        segments = self._draft.segments(trial)
        tokens = token_count(segments)
        if line_count(segments) > MAX_LINES:
            return f"no room in {MAX_LINES} lines"
        if tokens > self._target:
            return f"with its heading it does not fit the {self._target} tokens that L1 aims at"
        if layout.fuses(segments):
            return "would run into its neighbours"
        lines = candidate.unit.end - candidate.unit.start
        section = _section(candidate.unit)
        self.chosen, self._tokens = trial, tokens
        self._by_topic[candidate.topic] = self._by_topic.get(candidate.topic, 0) + lines
        self._by_section[section] = self._by_section.get(section, 0) + lines
        self._rules += candidate.topic == "rules"
        return ""


def _section(unit: Unit) -> int:
    """Where the section of a unit begins: its outermost heading below the title."""
    headings = [h.start for h in unit.path if h.level > 1] or [h.start for h in unit.path]
    return headings[0] if headings else -1


def _template(draft: Draft, chosen: Sequence[Unit], present: set[str], options: Options) -> list[str]:
    """The user's template text for topics that the source has nothing on, as far as it fits."""
    texts: list[str] = []
    for topic, text in options.template.items():
        if topic in present or is_blank(text):
            continue
        segments = draft.segments(chosen, [*texts, text])
        fits = line_count(segments) <= MAX_LINES and token_count(segments) <= options.token_cap
        if fits and not layout.fuses(segments):
            texts.append(text)
    return texts
