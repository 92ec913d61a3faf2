"""Splitting and joining as pure functions over text: what the rest of the package writes, watches and checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.pair import index, layout, rules
from gaia_claude_md.pair.merge import Merged, merge
from gaia_claude_md.plan.planner import SplitPlan, make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaia_claude_md.plan.planner import SplitOptions

_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Pair:
    """The texts of a split; `l2` is None when the source stays whole in `l1`. `rules` are rule files by name."""

    l1: str
    l2: str | None
    plan: SplitPlan
    rules: Mapping[str, str] = field(default_factory=dict)


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


def join(l1: str, l2: str, name: str = "CLAUDE_L2.md", there: Mapping[str, str] = _NONE) -> Merged:
    """The source of a split, with the edits made in any text since. Raises ConflictError, InputError."""
    read = layout.read_l2(l2, name)
    if read is None:
        raise InputError(f"{name} was not made by a split", slug="not-split")
    body, manifest = read
    return merge(l1, rules.expanded(body, there), manifest)
