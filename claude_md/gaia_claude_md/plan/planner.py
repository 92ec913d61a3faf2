"""The plan of a split: which units move to L1, and why. Pure: the same source and settings give the same plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import Document, parse
from gaia_claude_md.markdown.lines import finished, is_blank, line_end, split_lines, terminator
from gaia_claude_md.markdown.sections import sections_of
from gaia_claude_md.markdown.tokens import estimate, loaded
from gaia_claude_md.markdown.units import units_of
from gaia_claude_md.pair import index, layout
from gaia_claude_md.plan.draft import INDEX_LINES, MAX_LINES, Draft, line_count, token_count
from gaia_claude_md.plan.search import globs_of, trigger_words
from gaia_claude_md.plan.selection import Decision, Selection, score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gaia_claude_md.markdown.sections import Section
    from gaia_claude_md.markdown.units import Unit
    from gaia_claude_md.pair.layout import Segment

DEFAULT_TOKEN_CAP = 1500
INDEX_PERCENT = 35  # of the tokens that L1 may have, which the index may take


class CannotFitError(InputError):
    """What has to be in L1 is more than L1 can hold; nothing was written."""


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """Everything besides the source that a plan depends on.

    `l2_name` is how L1 names L2; `exists` tells whether an import target is a file; `template` holds the user's
    own text by topic, for topics that the source lacks; `edits` is what the user changed in the index. With
    `in_tree`, which gives the pattern of files for a name that is in the project's tree, sections that are for certain
    files become rules.
    """

    token_cap: int = DEFAULT_TOKEN_CAP
    l2_name: str = "CLAUDE_L2.md"
    exists: Callable[[str], bool] = lambda target: False
    template: Mapping[str, str] = field(default_factory=dict)
    edits: index.Edits = field(default_factory=index.Edits)
    in_tree: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """A split as data. `segments` is empty when the source stays whole, and `unchanged` says why.

    `rows` are the entries of the index by slug, `ruled` the sections that become rules, with their patterns.
    """

    document: Document
    final_newline: bool
    segments: list[Segment]
    chosen: list[Unit]
    decisions: list[Decision]
    rows: dict[str, str]
    unchanged: str = ""
    ruled: list[tuple[Section, list[str]]] = field(default_factory=list)


def make_plan(source: str, options: SplitOptions) -> SplitPlan:
    """Plan the split of a source. Raises CannotFitError when pins, imports and index exceed the caps."""
    whole = split_lines(source)
    final_newline = not whole or bool(terminator(whole[-1]))
    document = parse("".join(finished(whole, line_end(whole))))
    size = estimate(loaded(document))
    if len(whole) <= MAX_LINES and size <= options.token_cap:
        return SplitPlan(document, final_newline, [], [], [], {}, "it is within the limits already")
    sections = sections_of(document)
    words = trigger_words(sections)
    draft = Draft(document, sections, words, options.edits, options.l2_name)
    bound = globs_of(sections, options.in_tree) if options.in_tree else {}
    draft.ruled = frozenset(bound)
    remembered = options.edits.remembered
    units = [_remembered(document, unit, remembered) for unit in units_of(document, options.exists)]
    scored = [score(document, unit) for unit in units]
    most_tokens = min(size - 1, options.token_cap)
    _fit_index(draft, [s.unit for s in scored if s.unit.forced], most_tokens, options.token_cap)
    selection = Selection(draft, most_tokens, options.template)
    decisions = selection.decide(scored)
    segments = draft.segments(selection.chosen, selection.template)
    if token_count(segments) >= size:
        return SplitPlan(document, final_newline, [], [], decisions, {}, "a split would save nothing")
    chosen = selection.chosen
    ruled = [(s, bound[s.slug]) for s in sections if s.slug in bound and draft.remains(s, chosen)]
    return SplitPlan(document, final_newline, segments, chosen, decisions, draft.entries(chosen), ruled=ruled)


def _fit_index(draft: Draft, forced: Sequence[Unit], most_tokens: int, cap: int) -> None:
    """Find the roomiest index beside the forced units: first fewer words, then fewer lines."""
    for most_words in range(index.MOST_WORDS, 0, -1):
        draft.most_words = most_words
        if estimate("\n".join(draft.index(forced))) * 100 <= most_tokens * INDEX_PERCENT:
            break
    for row_lines in range(INDEX_LINES, 0, -1):
        draft.row_lines = row_lines
        segments = draft.segments(forced)
        if line_count(segments) <= MAX_LINES:
            break
    lines, tokens = line_count(segments), token_count(segments)
    if lines > MAX_LINES or tokens > cap or layout.fuses(segments):
        raise CannotFitError(_cannot_fit(forced, lines, tokens, cap), slug="cannot-fit")


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


def _remembered(document: Document, unit: Unit, lines: frozenset[str]) -> Unit:
    """A unit with the word whether all of it was added to L1; a changed list is judged as any other."""
    if not lines:
        return unit
    written = [line for line in document.lines[unit.start : unit.end] if not is_blank(line)]
    return replace(unit, remembered=all(layout.line_hash(line) in lines for line in written))
