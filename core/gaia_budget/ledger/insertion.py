"""Rows that are new or change what is there: one statement for each, or on PostgreSQL one for very many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Table

    from gaia_budget.ledger.database import Transaction

BULK = 64
"""From so many rows on, PostgreSQL takes them faster all at once."""


class Insertion:
    """INSERT INTO a table, all its columns in their order, and what happens to a row that is there already."""

    def __init__(self, table: Table, columns: Sequence[str], on_conflict: str) -> None:
        self.table = table.name
        self.columns = ", ".join(f'"{name}"' for name in columns)
        self.on_conflict = on_conflict
        self.each = self.selected(f"VALUES ({', '.join('?' * len(columns))})")

    def selected(self, question: str) -> str:
        """The same of the rows that a question yields."""
        return f"INSERT INTO {self.table} ({self.columns}) {question} {self.on_conflict}"

    def run(self, tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert these rows; no key may be in them twice."""
        if tx.db.shared and len(rows) >= BULK:
            self.staged(tx, rows)
        else:
            tx.many(self.each, rows)

    def staged(self, tx: Transaction, rows: Iterable[tuple[Any, ...]], returning: str = "") -> None:
        """Insert rows into PostgreSQL by one statement, in their order."""
        stage = f"staged_{self.table}"
        tx.text(f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {self.table}) ON COMMIT DELETE ROWS")
        tx.text(f"DELETE FROM {stage}")  # noqa: S608
        self._copy(tx, stage, rows)
        tx.text(self.selected(f"SELECT {self.columns} FROM {stage}") + returning)  # noqa: S608

    def copied(self, tx: Transaction, rows: Iterable[tuple[Any, ...]], meanwhile: Callable[[], None]) -> None:
        """Copy rows straight into the table on PostgreSQL: each must be new. `meanwhile` is called while it works."""
        self._copy(tx, self.table, rows, meanwhile)

    def _copy(
        self,
        tx: Transaction,
        table: str,
        rows: Iterable[tuple[Any, ...]],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """The driver's own thread sends the rows, so that the server never waits for the next one to be made."""
        from psycopg.copy import QueuedLibpqWriter

        sql = f"COPY {table} ({self.columns}) FROM STDIN"
        with tx.cursor.copy(sql, writer=QueuedLibpqWriter(tx.cursor)) as copy:
            for row in rows:
                copy.write_row(row)
            meanwhile()
