"""Moving a ledger to another database, row by row, and proving that every row arrived."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING, Any

from gaia_budget.errors import InputError, LedgerError
from gaia_budget.ledger import bookmarks, spans
from gaia_budget.ledger.database import parse_url
from gaia_budget.ledger.database.schema import OF_AN_ORGANISATION, ORGS, SESSIONS
from gaia_budget.ledger.zone import Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gaia_budget.ledger.database import Database, Transaction
    from gaia_budget.ledger.database.tables import Table
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.settings import Settings

PAGE = 5_000

MOVED = tuple(table for table in OF_AN_ORGANISATION if table not in (ORGS, SESSIONS))
"""Every table that holds an organisation's data, but for what the target knows itself: its zone, and when sessions
spent."""


def check_zone(source: Ledger, url: str, settings: Settings) -> None:
    """A shared ledger keeps its months in a named zone: the one of the sums that move. Raises InputError."""
    shared = parse_url(url).shared
    if shared and not settings.timezone and source.zone.fingerprint() != Zone(UTC).fingerprint():
        raise InputError(
            "a shared ledger keeps its months in a named time zone. Set timezone in settings.toml first, such as "
            'timezone = "America/Mexico_City"',
            slug="ledger-time-zone",
        )


def move(source: Ledger, target: Ledger) -> dict[str, int]:
    """Copy every row of the organisation into an empty ledger, in one transaction; returns rows per table.

    Raises InputError when the target holds data, LedgerError when a row did not arrive as it was.
    """
    if source.db.address == target.db.address:
        raise InputError("the ledger is already there; name another database", slug="move-stopped")
    private = target.db.shared and not source.db.shared

    def work(tx: Transaction) -> dict[str, int]:
        counts = {}
        for table in MOVED:
            _refuse_data(tx, table, target.org)
            counts[table.name] = _copy(source, tx, table, private)
        spans.renew(tx, target.org)
        return counts

    counts = target.db.write(work)
    for table in MOVED:
        _prove(source, target, table, private)
    return counts


def _refuse_data(tx: Transaction, table: Table, org: str) -> None:
    if tx.text(f"SELECT count(*) FROM {table.name} WHERE org = ?", (org,)).fetchone()[0]:  # noqa: S608
        raise InputError(
            f"{tx.db.name} already holds data of the organisation {org} (table {table.name}); nothing was "
            "changed. Use an empty database, or another org in the settings",
            slug="move-stopped",
        )


def _copy(source: Ledger, tx: Transaction, table: Table, private: bool) -> int:
    sql = f"INSERT INTO {table.name} ({_listed(table)}) VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608
    count = 0
    for rows in _pages(source.db, table, source.org):
        tx.many(sql, [_arriving(table, row, private) for row in rows])
        count += len(rows)
    return count


def _listed(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.names)


def _pages(db: Database, table: Table, org: str) -> Iterator[Sequence[Any]]:
    return db.pages(f"SELECT {_listed(table)} FROM {table.name} WHERE org = ?", (org,), PAGE)  # noqa: S608


def _arriving(table: Table, row: tuple[Any, ...], private: bool) -> tuple[Any, ...]:
    """A row as the target holds it: no NUL in texts, and no paths in a shared database."""
    values = {
        name: value.replace("\0", "") if isinstance(value, str) else value
        for name, value in zip(table.names, row, strict=True)
    }
    if private and table.name == "bookmarks":
        values["source"] = bookmarks.hashed(values["source"])
    return tuple(values.values())


def _prove(source: Ledger, target: Ledger, table: Table, private: bool) -> None:
    sent = _digest(
        _arriving(table, row, private) for rows in _pages(source.db, table, source.org) for row in rows
    )
    there = _digest(tuple(row) for rows in _pages(target.db, table, target.org) for row in rows)
    if sent != there:
        raise LedgerError(
            f"{table.name}: the {sent[0]} rows sent and the {there[0]} rows found are not the same. Is the old "
            "ledger still in use? Stop what writes to it, empty the new database, and try again",
            slug="move-differs",
        )


def _digest(rows: Iterable[tuple[Any, ...]]) -> tuple[int, int]:
    """How many rows there are, and the sum of their hashes: equal for equal rows in any order."""
    count = total = 0
    for row in rows:
        count += 1
        total += int.from_bytes(hashlib.sha256(repr(row).encode("utf-8", "surrogatepass")).digest()[:16])
    return count, total
