"""Rows into tables: one by one or, on PostgreSQL, many at once; and events as rows, written, read back and changed."""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from gaia_budget.ledger.database.schema import EVENTS
from gaia_budget.model import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gaia_budget.ledger.database.connection import Transaction
    from gaia_budget.ledger.database.tables import Table

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


EVENT_FIELDS = Event.__struct_fields__
"""The columns of `events` in the order of the fields of `Event`."""
INSERT = Insertion(EVENTS, EVENT_FIELDS, "ON CONFLICT (org, event_id) DO NOTHING")
_FACTS = [name for name in EVENT_FIELDS if name not in ("org", "event_id")]
_SET = ", ".join(f'"{name}" = ?' for name in _FACTS)  # not the key: a cluster refuses to move a row
UPDATE = f"UPDATE events SET {_SET} WHERE org = ? AND event_id = ?"  # noqa: S608
ASKED = 500  # ids per look-up
PROBES = 20  # rows of a batch that are looked up before all of it is taken for new
UNIQUE_VIOLATION = "23505"

Id = tuple[str, str]
EventRow = tuple[Any, ...]
"""An event's fields in the order of `EVENT_FIELDS`."""
_facts_of = itemgetter(*map(EVENT_FIELDS.index, _FACTS))
id_of = itemgetter(EVENT_FIELDS.index("org"), EVENT_FIELDS.index("event_id"))
"""The id of an event's row."""


def insert(tx: Transaction, rows: Sequence[EventRow]) -> set[Id]:
    """Insert what is new; return the ids that were known already."""
    if tx.db.shared:
        return _insert_shared(tx, rows)
    if len(rows) == 1:
        return set() if tx.text(INSERT.each, rows[0]).rowcount else {id_of(rows[0])}
    last = tx.text("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0]
    if tx.many(INSERT.each, rows) == len(rows):
        return set()
    new = tx.text("SELECT org, event_id FROM events WHERE rowid > ?", (last,))
    return set(map(id_of, rows)) - set(new.fetchall())


def _insert_shared(tx: Transaction, rows: Sequence[EventRow]) -> set[Id]:
    if len(rows) < BULK:
        return {id_of(row) for row in rows if tx.text(INSERT.each, row).rowcount == 0}
    INSERT.stage(tx, rows, " RETURNING org, event_id")
    return set(map(id_of, rows)) - set(tx.cursor.fetchall())


def copy_new(tx: Transaction, found: Sequence[EventRow], meanwhile: Callable[[], None]) -> bool:
    """Copy rows of events that all seem new straight into PostgreSQL; call `meanwhile` while the server is at work.

    Returns False, with nothing inserted, when one of them is known after all.
    """
    if len(found) < BULK:
        return False
    probes = found[:: max(1, len(found) // PROBES)]
    sql = f"SELECT 1 FROM events WHERE (org, event_id) IN ({', '.join(['(?, ?)'] * len(probes))})"  # noqa: S608
    if tx.text(sql, [part for row in probes for part in id_of(row)]).fetchone():
        return False
    tx.text("SAVEPOINT bulk")
    try:
        INSERT.copy(tx, found, len(found), meanwhile)
    except Exception as error:
        if getattr(error, "sqlstate", None) != UNIQUE_VIOLATION:
            raise
        tx.text("ROLLBACK TO SAVEPOINT bulk")
        return False
    tx.text("RELEASE SAVEPOINT bulk")
    return True


def event_of(row: EventRow) -> Event:
    """The event that a row of `INSERT.columns` holds."""
    return Event(**dict(zip(EVENT_FIELDS, row, strict=True)))


def update(tx: Transaction, changed: Iterable[EventRow]) -> None:
    """Change known events to what these rows say."""
    tx.many(UPDATE, [(*_facts_of(row), *id_of(row)) for row in changed])


def fetch(tx: Transaction, places: Iterable[Id], *, locked: bool) -> dict[Id, EventRow]:
    """The stored rows of these ids; `locked` against rivals until the transaction ends."""
    found: dict[Id, EventRow] = {}
    by_org: dict[str, list[str]] = defaultdict(list)
    for org, event_id in places:
        by_org[org].append(event_id)
    for org, ids in by_org.items():
        for start in range(0, len(ids), ASKED):
            asked = ids[start : start + ASKED]
            sql = (
                f"SELECT {INSERT.columns} FROM events WHERE org = ? AND event_id IN ({', '.join('?' * len(asked))})"  # noqa: S608
                + (" ORDER BY event_id FOR UPDATE" if tx.db.shared and locked else "")
            )
            stored = tx.text(sql, (org, *asked)).fetchall()
            found.update(zip(map(id_of, stored), stored, strict=True))
    return found
