"""jSeeker's own record of spend: the SQLite table `api_costs`.

Its instants are UTC without an offset (the column's default is CURRENT_TIMESTAMP); its costs may be NULL or
negative. A row's id is made of the database and its rowid; a database is known by its first row, so that a copy
of the file is the same database.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gaia_budget.argus.shapes import LOGGED, LoggedCall, UnreadableLine, cost_nano
from gaia_budget.errors import InputError
from gaia_budget.ingest.ecosystem.logs import priced
from gaia_budget.ingest.ecosystem.overlaps import DATABASE_ROW, Overlaps
from gaia_budget.model import Event
from gaia_budget.routing.vocabulary import folded
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gaia_budget.ingest.costs import Costs
    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

MODULE = "jseeker"
COLUMNS = ("timestamp", "model", "task", "input_tokens", "output_tokens", "cache_tokens", "cost_usd")
BATCH = 10_000


def take_in(ledger: Ledger, settings: Settings, costs: Costs, file: Path, report: Report) -> None:
    """Record every row; those that cannot be are reported by rowid with the reason. Raises InputError."""
    overlaps = Overlaps(ledger)
    calls: list[LoggedCall] = []
    database = ""
    for rowid, row in _rows(file):
        database = database or hashlib.sha256(repr((rowid, row)).encode()).hexdigest()[:16]
        try:
            calls.append(
                LoggedCall(priced(_event(f"{DATABASE_ROW}{database}-{rowid}", row, settings), costs))
            )
        except UnreadableLine as reason:
            report.skip(file, rowid, str(reason))
        if len(calls) >= BATCH:
            _record(ledger, overlaps, file, calls, report)
            calls = []
    _record(ledger, overlaps, file, calls, report)
    report.files += 1
    report.bytes += file.stat().st_size


def _record(ledger: Ledger, overlaps: Overlaps, file: Path, calls: list[LoggedCall], report: Report) -> None:
    kept = overlaps.once(file, calls, report)
    report.recorded(ledger.record([call.event for call in kept]), responses=True)


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not file.is_file():
        raise InputError(
            f"{file}: there is no such file; name jSeeker's SQLite database", slug="file-missing"
        )
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            query = f"SELECT rowid, {', '.join(COLUMNS)} FROM api_costs ORDER BY rowid"  # noqa: S608 (our names)
            for rowid, *values in database.execute(query):
                yield rowid, dict(zip(COLUMNS, values, strict=True))
    except sqlite3.Error as error:
        raise InputError(
            f"{file}: its table api_costs cannot be read: {error}", slug="file-unreadable"
        ) from None


def _event(event_id: str, row: dict[str, Any], settings: Settings) -> Event:
    cost = row["cost_usd"]
    amount = cost_nano(Decimal(repr(cost)) if isinstance(cost, float) else cost, "cost_usd")
    return Event(
        event_id=event_id,
        ts=_instant(row["timestamp"]),
        source="app",
        billing="api",
        org=settings.org,
        user=settings.user,
        machine=settings.machine,
        module=MODULE,
        model=row["model"] if isinstance(row["model"], str) else "",
        task=folded(row["task"]) if isinstance(row["task"], str) else "",
        input_tokens=_count(row, "input_tokens"),
        output_tokens=_count(row, "output_tokens"),
        cache_read_tokens=_count(row, "cache_tokens"),
        cost_nano=amount,
        price_source="unpriced" if amount is None else LOGGED,
    )


def _instant(value: Any) -> int:
    instant = clock.parse(value.replace(" ", "T", 1)) if isinstance(value, str) else None
    if instant is None:
        raise UnreadableLine("timestamp is not an ISO 8601 instant")
    return instant


def _count(row: dict[str, Any], name: str) -> int:
    value = row[name]
    if value is None:
        return 0
    if not isinstance(value, int) or value < 0:
        raise UnreadableLine(f"{name} is not a count")
    return value
