"""All sums of an organisation anew from its events, inside the database: after a change of zone, and in `rebuild`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.ledger.measures import DIMENSIONS, SUMS_OF_EVENTS
from gaia_budget.ledger.questions import Question
from gaia_budget.ledger.questions import bucket as bucket_of
from gaia_budget.ledger.rollups import ADD
from gaia_budget.ledger.zone import DAY, HOUR, Zone, month_name
from gaia_hooks.facts import billing

if TYPE_CHECKING:
    from gaia_budget.ledger.database import Transaction

ENDS = "SELECT min(ts), max(ts) FROM events WHERE org = ?"
CHARGES = (
    "INSERT INTO budgets (org, scope, app_nano, claude_code_nano) "  # noqa: S608 (words of our own)
    "SELECT org, 'module:' || module || ':' || ?, "
    f"sum(CASE WHEN {billing.condition(billing.APP)} THEN cost_nano ELSE 0 END), "
    f"sum(CASE WHEN {billing.condition(billing.CLAUDE_CODE)} THEN cost_nano ELSE 0 END) "
    "FROM rollups WHERE org = ? AND grain = 'month' AND bucket = ? GROUP BY org, module "
    "ON CONFLICT (org, scope) DO UPDATE SET app_nano = excluded.app_nano, "
    "claude_code_nano = excluded.claude_code_nano"
)


def resum(tx: Transaction, zone: Zone, org: str) -> None:
    """Replace the sums and the recorded spend of the module months by what the events say."""
    tx.text("DELETE FROM rollups WHERE org = ?", (org,))
    tx.text(
        "UPDATE budgets SET app_nano = 0, claude_code_nano = 0 WHERE org = ? AND scope LIKE 'module:%'",
        (org,),
    )
    first, last = tx.text(ENDS, (org,)).fetchone()
    if first is None:
        return
    for question in questions(zone, org, first, last + 1):
        tx.text(ADD.selected(question.sql), question.values)
    for month in months(zone, first, last):
        tx.text(CHARGES, (month_name(month), org, month))


def questions(zone: Zone, org: str, since: int, until: int) -> list[Question]:
    """The sums of events in [since, until) in the columns of `rollups`; a row may come in several parts.

    A day on which the clocks change lies in two stretches with different offsets from UTC.
    """
    found = [_sums(org, "hour", f"ts / {HOUR}", since, until)]
    for start, end, offset in zone.periods(since, until):
        found.append(_sums(org, "day", f"(ts + {offset}) / {DAY}", start, end))
    for month in months(zone, since, until - 1):
        start, end = (max(since, zone.start_of_month(month)), min(until, zone.start_of_month(month + 1)))
        found.append(_sums(org, "month", str(month), start, end))
    return found


def months(zone: Zone, first: int, last: int) -> range:
    """The months of the events between two instants, both included."""
    return range(bucket_of(zone, "month", first), bucket_of(zone, "month", last) + 1)


def _sums(org: str, grain: str, bucket: str, since: int, until: int) -> Question:
    dimensions = ", ".join(DIMENSIONS)
    return Question(
        f"SELECT org, '{grain}', {bucket} AS bucket, {dimensions}, {', '.join(SUMS_OF_EVENTS)} "  # noqa: S608 (names and numbers of our own)
        f"FROM events WHERE org = ? AND ts >= ? AND ts < ? GROUP BY 1, 3, {dimensions}",
        (org, since, until),
    )
