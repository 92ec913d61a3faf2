"""Numbered, forward-only changes of the schema, and the table that says which have been applied.

A migration that was released is never edited: the next change is a new one. `gaia_budget.ledger.database.schema` tells
how the tables look after the last one. An embedded ledger is backed up before it is changed; PostgreSQL changes
its schema in the same transaction that applies the migration.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import LedgerError
from gaia_budget.ledger.database import first_version, later_versions
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gaia_budget.ledger.database.connection import Ask, Database, Transaction


class Migration(NamedTuple):
    """One step from a version of the schema to the next."""

    title: str
    statements: Callable[[str], list[str]]


MIGRATIONS: tuple[Migration, ...] = (
    Migration("the first tables", first_version.statements),
    Migration("alerts resolve and are sent, overrides of one task", later_versions.alerts),
    Migration("events by time through block ranges", later_versions.block_ranges),
    Migration("spans of sessions, smaller reservations", later_versions.spans),
    Migration("spend of unknown billing counts", later_versions.unknown_billing),
    Migration("rows that cannot be facts are set aside", later_versions.set_aside),
    Migration("kinds of outcomes", later_versions.outcome_kinds),
    Migration("parts of responses, and what responses came of", later_versions.parts_and_traits),
)
"""The migration with number n stands at n - 1."""

APPLIED = (
    "CREATE TABLE IF NOT EXISTS migrations (number BIGINT NOT NULL, title TEXT NOT NULL, "
    "applied_ts BIGINT NOT NULL, PRIMARY KEY (number))"
)
EMBEDDED_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
SHARED_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
LOCK = 4_921_837_113
"""PostgreSQL advisory lock of whoever migrates: machines that start at once wait for each other."""


def migrate(db: Database, backups: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the schema up to date. Raises LedgerError when a newer version of this program wrote it."""
    found = version(db)
    if found < len(migrations):
        if found and not db.shared:
            _back_up(db, backups, found)
        db.write(lambda tx: _apply(tx, migrations))
        found = len(migrations)
    if found > len(migrations):
        raise LedgerError(
            f"{db.name}: written by a newer version of this program (schema {found}, known here: "
            f"{len(migrations)}). Nothing was changed; upgrade gaia-token-budget",
            slug="ledger-newer",
        )


def version(db: Database) -> int:
    """The number of the last applied migration; 0 for an empty database."""

    def look(ask: Ask) -> int:
        there = SHARED_TABLES if db.shared else EMBEDDED_TABLES
        if ("migrations",) not in ask(there, ()):
            return 0
        return int(ask("SELECT coalesce(max(number), 0) FROM migrations", ())[0][0])

    return db.ask(look)


def _apply(tx: Transaction, migrations: Sequence[Migration]) -> None:
    if tx.db.shared:
        tx.text("SELECT pg_advisory_xact_lock(?)", (LOCK,))
    tx.text(APPLIED)
    done = tx.text("SELECT coalesce(max(number), 0) FROM migrations").fetchone()[0]
    for number, migration in enumerate(migrations[done:], start=done + 1):
        for statement in migration.statements("postgresql" if tx.db.shared else "sqlite"):
            tx.text(statement)
        row = (number, migration.title, clock.now())
        tx.text("INSERT INTO migrations (number, title, applied_ts) VALUES (?, ?, ?)", row)


def _back_up(db: Database, backups: Path, version: int) -> None:
    """Copy an embedded ledger, consistently, before its schema changes."""
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = backups / f"ledger-schema{version}-{stamp}.db"
    target.touch(mode=0o600)
    source = sqlite3.connect(db.address.file)
    try:
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
    finally:
        source.close()
