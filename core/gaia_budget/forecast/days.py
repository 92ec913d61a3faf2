"""The days of a week, of days as numbers since 1970-01-01, as the ledger's sums have them."""

WEEK, WORKDAYS = 7, 5


def weekday(day: int) -> int:
    """0 for Monday to 6 for Sunday (1970-01-01 was a Thursday)."""
    return (day + 3) % WEEK
