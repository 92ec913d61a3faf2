"""All sums of an organisation anew from its events, inside the database: after a change of zone, and in `rebuild`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, literal, literal_column, select

from gaia_budget.ledger.facts import DIMENSIONS, SUMS_OF_EVENTS
from gaia_budget.ledger.questions import bucket as bucket_of
from gaia_budget.ledger.rollups import ADD
from gaia_budget.ledger.schema import budgets, events, rollups
from gaia_budget.ledger.zone import DAY, HOUR, Zone, month_name
from gaia_hooks.facts import billing

if TYPE_CHECKING:
    from sqlalchemy import Select

    from gaia_budget.ledger.database import Transaction

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
    tx.run(rollups.delete().where(rollups.c.org == org))
    modules = budgets.c.scope.like("module:%")
    tx.run(budgets.update().where(budgets.c.org == org, modules).values(app_nano=0, claude_code_nano=0))
    span = select(func.min(events.c.ts), func.max(events.c.ts)).where(events.c.org == org)
    first, last = tx.run(span).fetchone()
    if first is None:
        return
    for question in questions(zone, org, first, last + 1):
        sql, values = tx.db.rendered(question)
        tx.cursor.execute(ADD.selected(sql), values)
    for month in months(zone, first, last):
        tx.text(CHARGES, (month_name(month), org, month))


def questions(zone: Zone, org: str, since: int, until: int) -> list[Select[Any]]:
    """The sums of events in [since, until) in the columns of `rollups`; a row may come in several parts.

    A day on which the clocks change lies in two stretches with different offsets from UTC.
    """
    found = [_sums(org, "hour", events.c.ts // literal(HOUR), since, until)]
    for start, end, offset in zone.periods(since, until):
        found.append(_sums(org, "day", (events.c.ts + literal(offset)) // literal(DAY), start, end))
    for month in months(zone, since, until - 1):
        start, end = (max(since, zone.start_of_month(month)), min(until, zone.start_of_month(month + 1)))
        found.append(_sums(org, "month", literal(month), start, end))
    return found


def months(zone: Zone, first: int, last: int) -> range:
    """The months of the events between two instants, both included."""
    return range(bucket_of(zone, "month", first), bucket_of(zone, "month", last) + 1)


def _sums(org: str, grain: str, bucket: ColumnElement[int], since: int, until: int) -> Select[Any]:
    table = events.c
    dimensions = [table[name] for name in DIMENSIONS]
    return (
        select(
            literal(org),
            literal(grain),
            bucket.label("bucket"),
            *dimensions,
            *map(literal_column, SUMS_OF_EVENTS),
        )
        .where(table.org == org, table.ts >= since, table.ts < until)
        .group_by("bucket", *dimensions)
    )
