"""Events in other forms, in the order of time: CSV for spreadsheets, one JSON object a line for programs."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, TextIO

from gaia_budget.ledger.rows import EVENT_FIELDS, INSERT
from gaia_budget.reports.shown import FORMULA
from gaia_hooks.facts.prices.money import usd
from gaia_hooks.machine.clock import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.ledger.zone import When

HEADER = [
    "timestamp",
    *(name for name in EVENT_FIELDS if name not in ("ts", "cost_nano")),
    "cost_nano",
    "cost_usd",
]
PAGE = 10_000
Fields = dict[str, Any]


def events(
    ledger: Ledger, since: When = None, until: When = None, module: str | None = None, page: int = PAGE
) -> Iterator[list[Fields]]:
    """The events of [since, until) by the names of their columns, in portions. Raises InputError, LedgerError."""
    start, end = ledger.instant(since), ledger.instant(until, end=True)
    where = "org = ?"
    values: list[Any] = [ledger.org]
    for condition, value in (("ts >= ?", start), ("ts < ?", end), ("module = ?", module)):
        if value is not None:
            where, values = f"{where} AND {condition}", [*values, value]
    sql = f"SELECT {INSERT.columns} FROM events WHERE {where} ORDER BY ts, event_id"  # noqa: S608
    for rows in ledger.db.pages(sql, values, page):
        yield [dict(zip(EVENT_FIELDS, row, strict=True)) for row in rows]


def write_csv(portions: Iterator[list[Fields]], out: TextIO) -> int:
    """Write them as CSV; returns how many.

    A text that a spreadsheet would run as a formula gets an apostrophe in front. An unpriced event has empty costs.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    count = 0
    for rows in portions:
        writer.writerows(
            ["" if value is None else _safe(value) for value in _shown(row).values()] for row in rows
        )
        count += len(rows)
    return count


def write_json(portions: Iterator[list[Fields]], out: TextIO) -> int:
    """Write each as a line of JSON with the same keys; returns how many."""
    count = 0
    for rows in portions:
        out.writelines(f"{json.dumps(_shown(row))}\n" for row in rows)
        count += len(rows)
    return count


def _shown(row: Fields) -> Fields:
    cost = row["cost_nano"]
    money = {"cost_nano": cost, "cost_usd": None if cost is None else usd(cost)}
    return {"timestamp": iso(row["ts"]), **{name: row[name] for name in HEADER[1:-2]}, **money}


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
