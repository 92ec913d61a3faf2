"""How this user's week is spread over its days, from the sums per day: a weekend ahead is no working week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.forecast.rate import LONGEST, fit
from gaia_budget.ledger.questions import bucket

if TYPE_CHECKING:
    from gaia_budget.ledger.ledger import Ledger

BY_DAY = (
    "SELECT bucket, sum(cost_nano) FROM rollups WHERE org = ? AND grain = 'day' AND bucket >= ? AND bucket < ? "
    "AND source = 'claude_code' GROUP BY bucket"
)
LEAST_WEEK, WEEK_DAYS = 0.1, 14
"""The least that a weekday is thought to bring, and the days of data from which on weekdays are told apart."""


def working_week(ledger: Ledger) -> list[float]:
    """Each weekday's share of a mean day of Claude Code work, Monday first; empty where too little is known."""
    today = bucket(ledger.zone, "day", ledger.now())
    rows = ledger.db.ask(lambda ask: list(ask(BY_DAY, (ledger.org, today - LONGEST, today))))
    days = {int(day): float(nano) for day, nano in rows}
    first = min(days, default=today)
    if today - first < WEEK_DAYS:
        return []
    found = fit([days.get(day, 0.0) for day in range(first, today)], first).profile
    return [round(max(LEAST_WEEK, share), 3) for share in found]
