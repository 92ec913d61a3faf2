"""Rows that are new or change what is there: one statement for each, or on PostgreSQL one for very many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gaia_budget.ledger.database import Transaction
    from gaia_budget.ledger.schema import Table

BULK = 64
"""From so many rows on, PostgreSQL takes them faster all at once."""
LARGE = 5_000
"""From so many rows on, a thread that sends them while the next are made is worth its start."""


class Insertion:
    """INSERT INTO a table, all its columns in their order, and what happens to a row that is there already."""

    def __init__(self, table: Table, columns: Sequence[str], on_conflict: str) -> None:
        self.table = table.name
        self.key = ", ".join(table.key)
        self.columns = ", ".join(f'"{name}"' for name in columns)
        self.on_conflict = on_conflict
        self.each = self.selected(f"VALUES ({', '.join('?' * len(columns))})")

    def selected(self, question: str) -> str:
        """The same of the rows that a question yields."""
        return f"INSERT INTO {self.table} ({self.columns}) {question} {self.on_conflict}"

    def run(self, tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert these rows; no key may be in them twice."""
        if tx.db.shared and len(rows) >= BULK:
            self.stage(tx, rows)
        else:
            tx.many(self.each, rows)

    def stage(self, tx: Transaction, rows: Iterable[tuple[Any, ...]], returning: str = "") -> None:
        """Insert rows into PostgreSQL by one statement; ordered by key: rivals lock rows in one order."""
        stage = f"staged_{self.table}"
        tx.text(f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {self.table}) ON COMMIT DELETE ROWS")
        tx.text(f"DELETE FROM {stage}")  # noqa: S608
        with tx.cursor.copy(f"COPY {stage} ({self.columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        tx.text(self.selected(f"SELECT {self.columns} FROM {stage} ORDER BY {self.key}") + returning)  # noqa: S608

    def copy(
        self, tx: Transaction, rows: Iterable[tuple[Any, ...]], count: int, meanwhile: Callable[[], None]
    ) -> None:
        """Copy rows straight into the table on PostgreSQL: each must be new.

        `meanwhile` is called when they are on their way and the server is at work on them.
        """
        from psycopg.copy import LibpqWriter, QueuedLibpqWriter

        writer = QueuedLibpqWriter if count >= LARGE else LibpqWriter
        with tx.cursor.copy(
            f"COPY {self.table} ({self.columns}) FROM STDIN", writer=writer(tx.cursor)
        ) as copy:
            for row in rows:
                copy.write_row(row)
            meanwhile()
