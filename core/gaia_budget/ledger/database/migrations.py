"""Numbered, forward-only changes of the schema, and the table that says which have been applied.

A migration that was released is never edited: the next change is a new one, at the end of `MIGRATIONS`. The SQL stands
in `scripts/`; `gaia_budget.ledger.database.schema` tells how the tables look after the last one. An embedded ledger is
backed up before it is changed; PostgreSQL changes its schema in the same transaction that applies the migration.
"""

from __future__ import annotations

import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import LedgerError
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gaia_budget.ledger.database.connection import Ask, Database, Transaction


WORDS = {
    "sqlite": {
        "integer": "INTEGER",
        "text": "TEXT",
        "strict": "STRICT",
        "clustered": "STRICT, WITHOUT ROWID",
        "timestamp": "strftime('%Y-%m-%d %H:%M:%S', ts / 1000000, 'unixepoch')",
    },
    "postgresql": {
        "integer": "BIGINT",
        "text": 'TEXT COLLATE "C"',
        "strict": "",
        "clustered": "",
        "timestamp": "date_trunc('second', to_timestamp(ts / 1000000) AT TIME ZONE 'UTC')",
    },
}
"""How each dialect spells what the tables are made of. Text compares by its bytes on both: the order of keys does not
depend on a server's language. The timestamp is naive UTC, as the SQL of jSeeker's own table expects it."""


def script(name: str, dialect: str, **words: str) -> list[str]:
    """The statements of a script for `sqlite` or `postgresql`; each of them ends its line."""
    text = (Path(__file__).parent / "scripts" / f"{name}.sql").read_text("utf-8")
    parts = text.format(**WORDS[dialect], **words).split(";\n")
    return [statement.strip() for statement in parts if statement.strip()]


def _block_ranges(dialect: str) -> list[str]:
    """PostgreSQL finds events by time through block ranges, which cost an ingest next to nothing."""
    if dialect == "sqlite":
        return []
    return [
        "DROP INDEX events_ts",
        "CREATE INDEX events_ts ON events USING brin (org, ts) WITH (autosummarize = on)",
    ]


def _spans(dialect: str) -> list[str]:
    """Sessions are found by when they spent, and reservations cost less to settle.

    On PostgreSQL dropping an index waits for whoever writes events and keeps others out: the spans miss none. On
    SQLite a table that is stored in its key's order has one tree less to change.
    """
    return [
        *script("spans", dialect),
        *(script("reservations", dialect) if dialect == "sqlite" else ()),
        "CREATE INDEX reservations_open ON reservations (org, expires_ts) WHERE state = 'open'",
    ]


NUMBERS = (
    "ts", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
    "reasoning_tokens", "web_searches", "recached_tokens", "cost_nano", "duration_ms",
)  # fmt: skip
TEXTS = (
    "kind", "source", "billing", "user", "machine", "module", "provider", "model", "task", "session_id", "agent_id",
    "agent_type", "branch", "price_source", "status", "correlation_id",
)  # fmt: skip
MOST_TOKENS, MOST_NANO, LATEST = 1_000_000_000_000, 10_000_000_000_000_000, 7_258_118_400_000_000
FACT = {"sqlite": "json_object({})", "postgresql": "json_build_object({})::text"}


def _set_aside(dialect: str) -> list[str]:
    """Rows that cannot be facts (a date of year 1, 2**63 tokens) are set aside: no sum could hold them."""
    named = ", ".join(f"'{name}', \"{name}\"" for name in (*TEXTS, *NUMBERS))
    tokens = (f"{name} > {MOST_TOKENS}" for name in NUMBERS[1:9])
    return script(
        "set_aside",
        dialect,
        fact=FACT[dialect].format(named),
        absurd=" OR ".join(("ts <= 0", f"ts >= {LATEST}", *tokens, f"cost_nano > {MOST_NANO}")),
        outside=f"first_ts <= 0 OR last_ts >= {LATEST}",
    )


class Migration(NamedTuple):
    """One step from a version of the schema to the next."""

    title: str
    statements: Callable[[str], list[str]]


MIGRATIONS: tuple[Migration, ...] = (
    Migration("the first tables", partial(script, "first_tables")),
    Migration("alerts resolve and are sent, overrides of one task", partial(script, "alerts")),
    Migration("events by time through block ranges", _block_ranges),
    Migration("spans of sessions, smaller reservations", _spans),
    Migration("spend of unknown billing counts", partial(script, "unknown_billing")),
    Migration("rows that cannot be facts are set aside", _set_aside),
    Migration("kinds of outcomes", partial(script, "outcome_kinds")),
    Migration("parts of responses, and what responses came of", partial(script, "parts_and_traits")),
)
"""The migration with number n stands at n - 1. Where one empties the fingerprint of an organisation's zone, that one's
sums are made anew when the ledger is opened."""

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
