"""Days as numbers since 1970-01-01, as the ledger's sums have them, and the days of a week."""

from __future__ import annotations

from datetime import date

WEEK, WORKDAYS = 7, 5
EPOCH = date(1970, 1, 1).toordinal()


def weekday(day: int) -> int:
    """0 for Monday to 6 for Sunday (1970-01-01 was a Thursday)."""
    return (day + 3) % WEEK


def day_named(day: int) -> str:
    """ISO form, such as `2026-11-23`."""
    return date.fromordinal(day + EPOCH).isoformat()
