"""A plan's windows with what the ledger knows: who used how much of them, and what other machines may have used.

A plan tells one percentage for all machines of an account. What was used here is known at API prices, so that each
project's share is its share of those. How many dollars of ours make a percent is seen best in the stretch in which
a percent took the most of them: others can only make it fewer. At that rate a project used at least the low figure.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.ledger.questions import AGENT
from gaia_budget.ledger.zone import iso
from gaia_hooks.facts import snapshot
from gaia_hooks.facts.prices import plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaia_budget.ledger.database.connection import Ask
    from gaia_budget.ledger.ledger import Ledger

LEAST_STEP = 6.0
"""Percent that a stretch must have filled: what a plan tells is rounded to whole percents."""
ROUNDING = 1.0
FEWEST_STRETCHES = 3
"""Fewer tell nothing of other machines: they may have been at work in all of them."""


class Share(NamedTuple):
    """Percent of a plan's window that came from one project or subagent: the estimate, and its band.

    `percent` is as if nothing but this machine used the plan, and is the high end; `low` is what it used at least,
    0 where nobody can tell yet.
    """

    name: str
    percent: float
    low: float


def shares(percent: float, nano: Mapping[str, int], stretches: Sequence[tuple[float, int]]) -> list[Share]:
    """The shares of a window's percent, the largest first.

    `nano` is what each cost here in the window; `stretches` are (percent filled, nano-dollars spent here) of
    successive parts of it.
    """
    total = sum(nano.values())
    if total <= 0 or percent <= 0:
        return []
    rate = _rate(stretches)
    most = {name: percent * cost / total for name, cost in nano.items() if cost > 0}
    found = [Share(name, high, min(high, rate * nano[name])) for name, high in most.items()]
    return sorted(found, key=lambda one: (-one.percent, one.name))


def _rate(stretches: Sequence[tuple[float, int]]) -> float:
    """Percent per nano-dollar where others used least; 0 where too few stretches are long enough to tell."""
    rates = []
    filled, spent = 0.0, 0
    for percent, nano in stretches:
        filled, spent = filled + percent, spent + nano
        if filled >= LEAST_STEP:
            if spent > 0:
                rates.append((filled - ROUNDING) / spent)
            filled, spent = 0.0, 0
    return min(rates) if len(rates) >= FEWEST_STRETCHES else 0.0


MINUTE = 60_000_000
USED = (
    f"SELECT ts / {MINUTE} AS minute, module, {AGENT} AS agent, "  # noqa: S608 (a number and words of our own)
    "sum(cost_nano) FROM events WHERE org = ? AND ts >= ? AND ts < ? AND source = 'claude_code' "
    "AND billing <> 'api' AND cost_nano > 0 GROUP BY minute, module, agent"
)


class PlanWindow(NamedTuple):
    """A window of the plan as it was last seen, at `as_of`; instants are UTC microseconds."""

    percent: float
    resets_at: int | None
    reached_at: int | None
    as_of: int
    projects: list[Share]
    agents: list[Share]

    def document(self) -> dict[str, Any]:
        """A window of `plan` in `forecast --json`."""
        return {
            "percent": self.percent,
            "resets_at": iso(self.resets_at),
            "reached_at": iso(self.reached_at),
            "as_of": iso(self.as_of),
            "projects": [_document("module", share) for share in self.projects],
            "agents": [_document("agent", share) for share in self.agents],
        }


def _document(kind: str, share: Share) -> dict[str, Any]:
    low, high = round(share.low, 1), round(share.percent, 1)
    return {kind: share.name, "percent": high, "low_percent": low, "high_percent": high}


def plan_windows(ledger: Ledger, now: int | None = None) -> dict[str, PlanWindow | None]:
    """The plan's windows that are not over, by name; None for what no status line has shown. Raises LedgerError."""
    at, kept = ledger.now() if now is None else now, plan.read(str(places.home()))
    found: dict[str, PlanWindow | None] = dict.fromkeys(plan.LENGTHS)
    for name in plan.LENGTHS:
        window = kept.get(name)
        if window and (window["resets_at"] or at + 1) > at:
            marks = (kept.get("marks") or {}).get(name) or []
            found[name] = ledger.db.ask(
                lambda ask, name=name, window=window, marks=marks: _window(  # type: ignore[misc]
                    ask, ledger, name, window, kept["as_of"], marks
                )
            )
    return found


def _window(
    ask: Ask, ledger: Ledger, name: str, window: dict[str, Any], as_of: int, marks: list[tuple[int, float]]
) -> PlanWindow:
    percent, resets = window["percent"], window["resets_at"]
    reached = plan.reached_at(name, window, as_of, plan.week_of(snapshot.load(str(places.home()))))
    began = (resets or as_of) - plan.LENGTHS[name]
    used = list(ask(USED, (ledger.org, began, as_of + 1)))
    spent = [(int(minute) * MINUTE, int(nano)) for minute, _, _, nano in used]
    stretches = _stretches([(began, 0.0), *marks, (as_of + 1, percent)], spent)
    projects = _sums([(str(module), int(nano)) for _, module, _, nano in used])
    agents = _sums([(str(agent), int(nano)) for _, _, agent, nano in used])
    return PlanWindow(
        percent,
        resets,
        reached,
        as_of,
        shares(percent, projects, stretches),
        shares(percent, agents, stretches),
    )


def _stretches(marks: list[tuple[int, float]], used: list[tuple[int, int]]) -> list[tuple[float, int]]:
    """What was filled and what was spent here between two marks."""
    return [
        (after - before, sum(nano for ts, nano in used if start <= ts < end))
        for (start, before), (end, after) in pairwise(marks)
    ]


def _sums(parts: list[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, nano in parts:
        found[name] = found.get(name, 0) + nano
    return found
