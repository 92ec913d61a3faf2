"""Events as CSV: one line per fact, for spreadsheets."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, TextIO

from gaia_budget.ledger.rows import EVENT_FIELDS, INSERT
from gaia_hooks.facts.prices.money import usd
from gaia_hooks.machine.clock import iso

if TYPE_CHECKING:
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.ledger.zone import When

HEADER = [
    "timestamp",
    *(name for name in EVENT_FIELDS if name not in ("ts", "cost_nano")),
    "cost_nano",
    "cost_usd",
]
PAGE = 10_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(
    ledger: Ledger, out: TextIO, since: When = None, until: When = None, module: str | None = None
) -> int:
    """Write the events of [since, until) in the order of time; returns how many.

    A text that a spreadsheet would run as a formula gets an apostrophe in front. An unpriced event has empty costs.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    start, end = ledger.instant(since), ledger.instant(until, end=True)
    where = "org = ?"
    values: list[Any] = [ledger.org]
    for condition, value in (("ts >= ?", start), ("ts < ?", end), ("module = ?", module)):
        if value is not None:
            where, values = f"{where} AND {condition}", [*values, value]
    sql = f"SELECT {INSERT.columns} FROM events WHERE {where} ORDER BY ts, event_id"  # noqa: S608
    count = 0
    for rows in ledger.db.pages(sql, values, PAGE):
        writer.writerows(map(_line, rows))
        count += len(rows)
    return count


def _line(values: tuple[Any, ...]) -> list[Any]:
    row = dict(zip(EVENT_FIELDS, values, strict=True))
    cost = row["cost_nano"]
    priced = ["", ""] if cost is None else [cost, usd(cost)]
    return [iso(row["ts"]), *(_safe(row[name]) for name in HEADER[1:-2]), *priced]


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
