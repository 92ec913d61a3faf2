"""The split of a text: which units move to L1, and why, and the texts that come of it.

Pure: the same source and settings give the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import Document, parse
from gaia_claude_md.markdown.lines import finished, is_blank, line_end, split_lines, terminator
from gaia_claude_md.markdown.sections import sections_of
from gaia_claude_md.markdown.tokens import estimate, loaded
from gaia_claude_md.markdown.units import units_of
from gaia_claude_md.pair import index, layout, rules
from gaia_claude_md.plan.draft import INDEX_LINES, MAX_LINES, Draft, line_count, token_count
from gaia_claude_md.plan.selection import Decision, Selection, score

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gaia_claude_md.markdown.sections import Section
    from gaia_claude_md.markdown.units import Unit
    from gaia_claude_md.pair.layout import Segment

DEFAULT_TOKEN_CAP = 1500
INDEX_PERCENT = 35  # of the tokens that L1 may have, which the index may take
_NONE: Mapping[str, str] = {}


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


@dataclass(frozen=True, slots=True)
class Pair:
    """The texts of a split; `l2` is None when the source stays whole in `l1`. `rules` are rule files by name."""

    l1: str
    l2: str | None
    plan: SplitPlan
    rules: Mapping[str, str] = field(default_factory=dict)


def make_plan(source: str, options: SplitOptions) -> SplitPlan:
    """Plan the split of a source. Raises CannotFitError when pins, imports and index exceed the caps."""
    whole = split_lines(source)
    final_newline = not whole or bool(terminator(whole[-1]))
    document = parse("".join(finished(whole, line_end(whole))))
    size = estimate(loaded(document))
    if len(whole) <= MAX_LINES and size <= options.token_cap:
        return SplitPlan(document, final_newline, [], [], [], {}, "it is within the limits already")
    sections = sections_of(document)
    words = index.trigger_words(sections)
    draft = Draft(document, sections, words, options.edits, options.l2_name)
    bound = rules.globs_of(sections, options.in_tree) if options.in_tree else {}
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


def split(
    source: str,
    options: SplitOptions,
    *,
    before: str = "",
    previous: layout.Manifest | None = None,
    there: Mapping[str, str] = _NONE,
    l1_name: str = "CLAUDE.md",
) -> Pair:
    """Split a source (without byte order mark).

    `before` is the SHA-256 of the file that L1 replaces, `previous` the manifest in force until now: what did not
    change keeps its bytes. `there` are the rule files that are there: what their heads say stays.
    """
    plan = make_plan(source, options)
    if not plan.segments:
        return Pair(source, None, plan)
    chosen, document = plan.chosen, plan.document
    ruled = {rules.file_of(section.slug): section for section, _ in plan.ruled}
    heads = {
        rules.file_of(section.slug): rules.head(globs, l1_name, document.line_end)
        for section, globs in plan.ruled
    }
    own = _edited_heads(there, previous)
    texts = {
        name: own.get(name, heads[name]) + layout.stretch(document, chosen, section.start, section.end)
        for name, section in ruled.items()
    }
    segments, pair_id = layout.identified(plan.segments, texts)
    names = {
        name: [layout.sha256(text), _sha(there.get(name)), layout.sha256(heads[name])]
        for name, text in texts.items()
    }
    names.update((name, ["", _sha(text), ""]) for name, text in there.items() if name not in names)
    if previous and previous.id == pair_id:
        before, names = previous.before, previous.rules
    l1 = layout.l1_text(segments)
    body = layout.body_text(document, chosen, ruled)
    edits = options.edits
    manifest = layout.Manifest(
        id=pair_id,
        source=layout.sha256(source),
        before=before or layout.sha256(source),
        body=layout.sha256(body),
        final_newline=plan.final_newline,
        segments=[[s.kind, len(s.lines), s.piece] for s in segments],
        lines=[layout.line_hash(line) for s in segments for line in s.lines],
        rows={slug: "" if slug in edits.rows else index.checksum(text) for slug, text in plan.rows.items()},
        intro="" if edits.intro else index.checksum(index.intro(options.l2_name)),
        remembered=_still_there(edits.remembered, plan.document.lines),
        rules=names,
    )
    return Pair(l1, layout.l2_text(body, manifest), plan, texts)


def _still_there(remembered: frozenset[str], lines: Sequence[str]) -> list[str]:
    return sorted(remembered & set(map(layout.line_hash, lines))) if remembered else []


def _edited_heads(there: Mapping[str, str], previous: layout.Manifest | None) -> dict[str, str]:
    """What people have changed in the paths of rules: it stays."""
    known = previous.rules if previous else {}
    heads = {name: rules.parted(text, name)[0] for name, text in there.items()}
    return {name: head for name, head in heads.items() if layout.sha256(head) != known[name][2]}


def _sha(text: str | None) -> str:
    return "" if text is None else layout.sha256(text)
