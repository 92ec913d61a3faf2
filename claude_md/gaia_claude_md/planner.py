"""The plan of a split: which units move to L1, and why. Pure: the same source and settings give the same plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md import index, layout
from gaia_claude_md.blocks import Document, comment_text, parse
from gaia_claude_md.lines import finished, is_blank, line_end, split_lines, terminator
from gaia_claude_md.scoring import LINE_QUOTAS, MOST_RULES, Scored, score
from gaia_claude_md.sections import sections_of
from gaia_claude_md.tokens import estimate, loaded_tokens
from gaia_claude_md.units import units_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gaia_claude_md.layout import Segment
    from gaia_claude_md.sections import Section
    from gaia_claude_md.units import Unit

MAX_LINES = 29
DEFAULT_TOKEN_CAP = 1500
SECTION_LINES = 14
INDEX_LINES = 10
SHARE_PERCENT = 22  # of the source's tokens, which L1 aims at
SMALL_SOURCE_TOKENS = 1200  # below it the index alone takes a large part


class CannotFitError(InputError):
    """What has to be in L1 is more than L1 can hold; nothing was written."""


@dataclass(frozen=True, slots=True)
class Options:
    """Everything besides the source that a plan depends on.

    `l2_name` is how L1 names L2; `exists` tells whether an import target is a file; `template` holds the user's
    own text by topic for topics that the source lacks; `edits` what the user changed in the index; `promoted`
    and `demoted` are slugs of sections that the user wants in L1, or out of it.
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
    """A split as data. `segments` is empty when the source stays whole, and `unchanged` says why."""

    document: Document
    final_newline: bool
    segments: list[Segment]
    chosen: list[Unit]
    decisions: list[Decision]
    rows: dict[str, str]
    unchanged: str = ""


@dataclass(slots=True)
class _Draft:
    """A growing choice and what it would look like."""

    document: Document
    sections: list[Section]
    words: dict[str, list[str]]
    options: Options
    most_words: int = index.MOST_WORDS
    row_lines: int = INDEX_LINES

    def segments(self, chosen: Sequence[Unit], template: Sequence[str] = ()) -> list[Segment]:
        lines, _ = self.index(chosen)
        return layout.segments_of(self.document, chosen, template, lines)

    def index(self, chosen: Sequence[Unit]) -> tuple[list[str], dict[str, str]]:
        remaining = [s for s in self.sections if _remains(self.document, s, chosen)]
        described = index.entries(remaining, self.words, self.most_words, self.options.edits)
        lines = index.render(described, self.row_lines, self.options.l2_name, self.options.edits)
        return [index.begin("0" * 8), *lines], described

    def fits(self, segments: Sequence[Segment], tokens: int) -> bool:
        return sum(len(s.lines) for s in segments) <= MAX_LINES and _tokens(segments) <= tokens


def make_plan(source: str, options: Options) -> Plan:
    """Plan the split of a source. Raises CannotFitError when pins, imports and index exceed the caps."""
    whole = split_lines(source)
    final_newline = not whole or bool(terminator(whole[-1]))
    document = parse("".join(finished(whole, line_end(whole))))
    size = loaded_tokens(source)
    if len(whole) <= MAX_LINES and size <= options.token_cap:
        return Plan(document, final_newline, [], [], [], {}, "it is within the limits already")
    sections = sections_of(document)
    draft = _Draft(document, sections, index.trigger_words(sections), options)
    scored = [score(document, unit) for unit in units_of(document, options.exists)]
    forced = [s for s in scored if s.unit.forced]
    _fit_index(draft, forced, min(options.token_cap, _target(size)), options.token_cap)
    decisions = _choose(draft, scored, max(_target(size), 0))
    chosen = sorted((d.scored.unit for d in decisions if d.in_l1), key=lambda unit: unit.start)
    template = _template(draft, chosen, {s.topic for s in scored})
    segments = draft.segments(chosen, template)
    if _tokens(segments) >= size:
        return Plan(document, final_newline, [], [], decisions, {}, "a split would save nothing")
    _, described = draft.index(chosen)
    return Plan(document, final_newline, segments, chosen, decisions, described)


def _target(size: int) -> int:
    """The tokens L1 aims at: a share of the source, a larger one of a small source."""
    return max(size * SHARE_PERCENT // 100, min(size, SMALL_SOURCE_TOKENS) * 27 // 100)


def _tokens(segments: Sequence[Segment]) -> int:
    """Estimated tokens of L1 as loaded: the comments that frame the index are stripped by the client."""
    lines = [line for s in segments for line in s.lines]
    return estimate("".join(line for line in lines if not line.startswith("<!-- gaia:")))


def _remains(document: Document, section: Section, chosen: Sequence[Unit]) -> bool:
    """Whether anything of a section besides headings, comments and rules stays in L2."""
    for block in document.blocks:
        inside = section.start <= block.start < section.end
        if not inside or block.kind in {"heading", "hr"} or comment_text(block, document.lines) is not None:
            continue
        if not any(unit.start <= block.start < unit.end for unit in chosen):
            return True
    return False


def _fit_index(draft: _Draft, forced: Sequence[Scored], wanted: int, cap: int) -> None:
    """Find the roomiest index beside the forced units: first fewer words, then fewer lines."""
    units = [s.unit for s in forced]
    for most_words in range(index.MOST_WORDS, 0, -1):
        draft.most_words = most_words
        lines, _ = draft.index(units)
        if estimate("\n".join(lines[1:-1])) * 100 <= wanted * 65:
            break
    for row_lines in range(INDEX_LINES, 0, -1):
        draft.row_lines = row_lines
        segments = draft.segments(units)
        if draft.fits(segments, cap):
            if not layout.fuses(segments):
                return
            break
    count = sum(len(s.lines) for s in draft.segments(units))
    named = [f"line {u.start + 1} to {u.end} ({u.why_forced})" for u in units]
    raise CannotFitError(
        f"what must be in L1 takes {count} lines and {_tokens(draft.segments(units))} tokens with the index; "
        f"the limits are {MAX_LINES} and {cap}. "
        + (
            f"Put <!-- l2 --> before some of these: {', '.join(named)}"
            if named
            else "Merge sections, or raise l1_token_cap"
        )
    )


def _choose(draft: _Draft, scored: Sequence[Scored], tokens: int) -> list[Decision]:
    """Take the best units while they fit: quotas per topic and per section, whole units only."""
    chosen = [s.unit for s in scored if s.unit.forced]
    used: dict[str, int] = {}
    by_section: dict[int, int] = {}
    rules = 0
    decisions = [Decision(s, True, s.unit.why_forced) for s in scored if s.unit.forced]
    ranked = sorted((s for s in scored if not s.unit.forced), key=lambda s: (-s.score, s.unit.start))
    base = _tokens(draft.segments(chosen))
    for candidate in ranked:
        unit = candidate.unit
        lines = unit.end - unit.start
        section = unit.path[0].start if unit.path else -1
        section = next((h.start for h in unit.path if h.level >= 2), section)
        why = ""
        if candidate.score <= 0 or unit.pin == "l2" or unit.torn:
            why = (
                "pinned by <!-- l2 -->"
                if unit.pin == "l2"
                else "inside a wrapper"
                if unit.torn
                else "scores too low"
            )
        elif used.get(candidate.topic, 0) + lines > LINE_QUOTAS[candidate.topic]:
            why = f"over the quota of {LINE_QUOTAS[candidate.topic]} lines for {candidate.topic}"
        elif by_section.get(section, 0) + lines > SECTION_LINES:
            why = f"over the quota of {SECTION_LINES} lines for one section"
        elif candidate.topic == "rules" and rules >= MOST_RULES:
            why = f"{MOST_RULES} rules are in L1 already"
        elif base + candidate.tokens > tokens:
            why = f"{candidate.tokens} tokens are more than is left of {tokens}"
        if not why:
            trial = sorted([*chosen, unit], key=lambda u: u.start)
            segments = draft.segments(trial)
            if not draft.fits(segments, tokens):
                why = "no room left"
            elif layout.fuses(segments):
                why = "would run into its neighbours"
            else:
                chosen, base = trial, _tokens(segments)
                used[candidate.topic] = used.get(candidate.topic, 0) + lines
                by_section[section] = by_section.get(section, 0) + lines
                rules += candidate.topic == "rules"
        decisions.append(Decision(candidate, not why, why or "; ".join(candidate.reasons)))
    return sorted(decisions, key=lambda d: d.scored.unit.start)


def _template(draft: _Draft, chosen: Sequence[Unit], present: set[str]) -> list[str]:
    """The user's template text for topics that the source has nothing on, as far as it fits."""
    texts: list[str] = []
    for topic, text in draft.options.template.items():
        if topic not in present and not is_blank(text):
            segments = draft.segments(chosen, [*texts, text])
            if draft.fits(segments, draft.options.token_cap) and not layout.fuses(segments):
                texts.append(text)
    return texts
