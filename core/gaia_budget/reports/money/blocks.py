"""Stretches of five hours, as a plan counts them: the running one where a status line told it, else worked out.

What is worked out begins with the hour of its first response, so it may begin up to an hour before the plan's own.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.ledger.database.measures import Figures
from gaia_budget.ledger.zone import iso, micros
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.tables import CLAUDE_CODE, TableRow, table, together
from gaia_hooks.facts.prices import plan
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

LENGTH = plan.LENGTHS["five_hour"]


class UsageBlock(NamedTuple):
    """Five hours of Claude Code. `told` is true where the plan's own window is known, and `percent` with it."""

    start_ts: int
    end_ts: int
    told: bool
    percent: float | None
    line: TableRow

    def document(self) -> dict[str, Any]:
        """One of `rows` of `blocks`."""
        return {
            "key": iso(self.start_ts),
            "start": iso(self.start_ts),
            "end": iso(self.end_ts),
            "told_by_status_line": self.told,
            "percent": self.percent,
            **self.line.document(),
            "cost_usd": usd(self.line.figures.cost_nano),
        }


def blocks(ledger: Ledger, asked: Asked) -> list[UsageBlock]:
    """Claude Code's stretches of five hours, the newest first. Raises InputError, NotFoundError, LedgerError."""
    told = _told(ledger)
    since, until = ledger.instant(asked.since), ledger.instant(asked.until, end=True)
    narrowed = Asked(since, until, {**asked.where, "source": CLAUDE_CODE})
    if told is None or (until is not None and until <= told.start_ts):
        return _worked_out(ledger, narrowed)[::-1]
    before = narrowed._replace(until=told.start_ts)
    found = [] if since is not None and since >= told.start_ts else _worked_out(ledger, before)
    window = narrowed._replace(since=max(since or 0, told.start_ts))
    line = table(ledger, "source", window).total
    cut = [one._replace(end_ts=min(one.end_ts, told.start_ts)) for one in found]
    return [told._replace(line=line), *cut[::-1]]


def _worked_out(ledger: Ledger, asked: Asked) -> list[UsageBlock]:
    found: list[UsageBlock] = []
    for line in reversed(table(ledger, "hour", asked).lines):
        start = micros(datetime.fromisoformat(line.key))
        if found and start < found[-1].end_ts:
            found[-1] = found[-1]._replace(line=found[-1].line.plus(line))
        else:
            found.append(UsageBlock(start, start + LENGTH, False, None, line))
    return found


def total(found: list[UsageBlock]) -> TableRow:
    """The sum of blocks."""
    return together([one.line for one in found])


def _told(ledger: Ledger) -> UsageBlock | None:
    window = plan.read(str(places.home())).get("five_hour")
    resets = window and window["resets_at"]
    if not window or not resets or resets <= ledger.now():
        return None
    return UsageBlock(resets - LENGTH, resets, True, window["percent"], TableRow("", Figures(), {}))
