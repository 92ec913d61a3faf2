"""A session beside Claude Code's own total: what that leaves out though it is billed, and what made answers dearer.

Reckoned from the session's transcripts when it is asked: the ledger keeps what was billed, not what the client counts.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.ingest.costs import Costs
from gaia_budget.reports import shown
from gaia_budget.transcripts.lines import Hits
from gaia_budget.transcripts.rows import decode
from gaia_hooks.facts import places as facts
from gaia_hooks.facts import session_files
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.prices.money import usd
from gaia_hooks.facts.tokens import bill, iterations
from gaia_hooks.facts.tokens.responses import Response, Unreadable, response_of
from gaia_hooks.machine import clock
from gaia_hooks.session import state

if TYPE_CHECKING:
    from collections.abc import Iterator

US_ONLY = "inference in the US only"
LONG = "the price beyond 200,000 tokens"
WORDS = {
    iterations.COMPACTED: "compaction on the server",
    iterations.DECLINED: "attempts that were declined",
}
PRICED_ALIKE = "claude-sonnet-4"  # has a tier beyond 200,000 tokens, which Claude Code does not know
NEEDLES = (b'"us"', b'"compaction"', b'"fallback_message"', PRICED_ALIKE.encode())


class Named(NamedTuple):
    """One cause: in how many answers, and how many nano-dollars."""

    what: str
    responses: int
    nano: int

    def document(self) -> dict[str, Any]:
        """One of `left_out_by_client`, or `dearer`."""
        return {"what": self.what, "responses": self.responses, "usd": usd(self.nano)}

    def says(self) -> str:
        """The same for people."""
        return f"{self.what} {shown.money(self.nano)}"


class BesideClient(NamedTuple):
    """What the client leaves out of its own total, and what it counts too but made answers dearer; the most first."""

    left_out: list[Named]
    dearer: list[Named]

    def document(self) -> dict[str, Any]:
        """The keys of a session's documents; none where there is nothing to say."""
        told = {"left_out_by_client": self.left_out, "dearer": self.dearer}
        return {key: [one.document() for one in named] for key, named in told.items() if named}

    def facts(self) -> list[tuple[str, str]]:
        """The same for people: a head and its words for each."""
        told = [("Left out by Claude Code", self.left_out), ("Dearer by", self.dearer)]
        return [(head, ", ".join(one.says() for one in named)) for head, named in told if named]


def beside_client(session_id: str) -> BesideClient:
    """What is told of a session by its transcripts on this machine; nothing where they are gone."""
    costs = Costs()
    found: dict[tuple[str, str], dict[str, int]] = {}
    for raw, requested, seen in _answers(session_id):
        found[seen.key, seen.request] = dict(
            _causes(raw, requested, seen, costs)
        )  # the last row has the final figures
    times, nano = Counter[str](), Counter[str]()
    for causes in found.values():
        times.update(causes.keys())
        nano.update(causes)
    named = [Named(what, times[what], nano[what]) for what in sorted(nano, key=lambda one: -nano[one])]
    return BesideClient(
        [one for one in named if one.what != US_ONLY], [one for one in named if one.what == US_ONLY]
    )


def _answers(session_id: str) -> Iterator[tuple[dict[str, Any], str, Response]]:
    """The session's answers of which something may be told: usage, the model asked for, and the answer."""
    for path in _files(session_id):
        try:
            with path.open("rb", buffering=0) as file:
                rows = [line for _, line, _ in Hits(file, 0, NEEDLES)]
        except OSError:
            continue
        for line in rows:
            try:
                row = decode(line)
                seen = response_of(row)
            except (ValueError, Unreadable):
                continue
            if seen is not None and seen.session_id == session_id:
                asked = row.get("requestedModel")
                yield row["message"]["usage"], asked if isinstance(asked, str) else "", seen


def _files(session_id: str) -> Iterator[Path]:
    if not state.is_session_id(session_id):
        return
    for main in facts.transcripts_of(session_id, [str(folder) for folder in places.claude_config_dirs()]):
        yield Path(main)
        yield from (Path(path) for _, path in session_files.new_agents(main, {}))


def _causes(raw: dict[str, Any], requested: str, seen: Response, costs: Costs) -> Iterator[tuple[str, int]]:
    """Why an answer costs more than the client says, or than elsewhere, and how much."""
    ts, sums = clock.parse(seen.timestamp) or 0, Counter[str]()
    billed = bill.bill_of(raw, seen.model, requested)
    for why, model, figures in billed.left_out:
        variant = seen.variant if model == seen.model else billed.parts_variant
        sums[WORDS[why]] += costs.of(model, variant, figures, ts).nano or 0
    for one in (seen, *seen.parts):
        runs = one.runs or (one.usage,)
        row = costs.row(one.model, one.variant, ts)
        if row and one.model.startswith(PRICED_ALIKE):
            sums[LONG] += _beyond(runs, row, [row[0], row[1][:1], *row[2:]])
        if row and one.variant.endswith("us"):
            elsewhere = costs.row(one.model, one.variant[:-2].rstrip("-"), ts)
            sums[US_ONLY] += _beyond(runs, row, elsewhere)
    yield from ((what, nano) for what, nano in sums.items() if nano > 0)


def _beyond(runs: tuple[tuple[int, ...], ...], row: list[Any], other: list[Any] | None) -> int:
    """What runs cost by one row of prices more than by another."""
    whole = tuple(map(sum, zip(*runs, strict=True)))
    costs = [pricing.cost_nano(whole, prices, runs=runs) for prices in (row, other)]
    return 0 if None in costs else (costs[0] or 0) - (costs[1] or 0)
