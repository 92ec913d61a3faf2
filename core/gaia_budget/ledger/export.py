"""Events as CSV: one line per fact, for spreadsheets."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, TextIO

from sqlalchemy import select

from gaia_budget.ledger.schema import EVENT_FIELDS, events
from gaia_hooks.facts.money import usd
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
    c = events.c
    question = select(*(c[name] for name in EVENT_FIELDS)).where(c.org == ledger.org)
    for bound in ([c.ts >= start] if start is not None else []) + ([c.ts < end] if end is not None else []):
        question = question.where(bound)
    if module is not None:
        question = question.where(c.module == module)
    question = question.order_by(c.ts, c.event_id)

    def stream(connection: Any) -> int:
        count = 0
        for row in connection.execution_options(yield_per=PAGE).execute(question):
            writer.writerow(_line(row._mapping))
            count += 1
        return count

    return ledger.db.view(stream)


def _line(row: Any) -> list[Any]:
    cost = row["cost_nano"]
    priced = ["", ""] if cost is None else [cost, usd(cost)]
    return [iso(row["ts"]), *(_safe(row[name]) for name in HEADER[1:-2]), *priced]


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
