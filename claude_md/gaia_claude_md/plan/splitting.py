"""Splitting and joining as pure functions over text: what the rest of the package writes, watches and checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.pair import index, layout
from gaia_claude_md.pair.merge import Merged, merge
from gaia_claude_md.plan.planner import Plan, make_plan

if TYPE_CHECKING:
    from gaia_claude_md.plan.planner import Options


@dataclass(frozen=True, slots=True)
class Pair:
    """The two texts of a split; `l2` is None when the source stays whole in `l1`."""

    l1: str
    l2: str | None
    plan: Plan


def split(
    source: str, options: Options, *, before: str = "", previous: layout.Manifest | None = None
) -> Pair:
    """Split a source (without byte order mark).

    `before` is the SHA-256 of the file that L1 replaces, `previous` the manifest in force until now: what did not
    change keeps its bytes.
    """
    plan = make_plan(source, options)
    if not plan.segments:
        return Pair(source, None, plan)
    segments, pair_id = layout.identified(plan.segments)
    if previous and previous.id == pair_id:
        before = previous.before
    l1 = layout.l1_text(segments)
    body = layout.body_text(plan.document, plan.chosen)
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
        remembered=sorted(edits.remembered & {layout.line_hash(line) for line in plan.document.lines}),
    )
    return Pair(l1, layout.l2_text(body, manifest), plan)


def join(l1: str, l2: str, name: str = "CLAUDE_L2.md") -> Merged:
    """The source of a split, with the edits made in either text since. Raises ConflictError, InputError."""
    read = layout.read_l2(l2, name)
    if read is None:
        raise InputError(f"{name} was not made by a split")
    body, manifest = read
    return merge(l1, body, manifest)
