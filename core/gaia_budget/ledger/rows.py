"""Events as rows of `events`: written one by one or, on PostgreSQL, many at once; read back; changed."""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from msgspec.structs import astuple

from gaia_budget.ledger.insertion import BULK, Insertion
from gaia_budget.ledger.schema import EVENTS
from gaia_budget.model import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gaia_budget.ledger.database import Transaction

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
_id_of = itemgetter(EVENT_FIELDS.index("org"), EVENT_FIELDS.index("event_id"))


def insert(tx: Transaction, rows: Sequence[EventRow]) -> set[Id]:
    """Insert what is new; return the ids that were known already."""
    if tx.db.shared:
        return _insert_shared(tx, rows)
    if len(rows) == 1:
        return set() if tx.text(INSERT.each, rows[0]).rowcount else {_id_of(rows[0])}
    last = tx.text("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0]
    if tx.many(INSERT.each, rows) == len(rows):
        return set()
    new = tx.text("SELECT org, event_id FROM events WHERE rowid > ?", (last,))
    return set(map(_id_of, rows)) - set(new.fetchall())


def _insert_shared(tx: Transaction, rows: Sequence[EventRow]) -> set[Id]:
    if len(rows) < BULK:
        return {_id_of(row) for row in rows if tx.text(INSERT.each, row).rowcount == 0}
    INSERT.stage(tx, rows, " RETURNING org, event_id")
    return set(map(_id_of, rows)) - set(tx.cursor.fetchall())


def copy_new(tx: Transaction, found: Sequence[Event], meanwhile: Callable[[], None]) -> bool:
    """Copy events that all seem new straight into PostgreSQL; call `meanwhile` while the server is at work.

    Returns False, with nothing inserted, when one of them is known after all.
    """
    if len(found) < BULK:
        return False
    probes = found[:: max(1, len(found) // PROBES)]
    sql = f"SELECT 1 FROM events WHERE (org, event_id) IN ({', '.join(['(?, ?)'] * len(probes))})"  # noqa: S608
    if tx.text(sql, [part for event in probes for part in (event.org, event.event_id)]).fetchone():
        return False
    tx.text("SAVEPOINT bulk")
    try:
        INSERT.copy(tx, map(astuple, found), len(found), meanwhile)
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


def update(tx: Transaction, changed: Iterable[Event]) -> None:
    """Change known events to what these say."""
    tx.many(UPDATE, [(*_facts_of(row), *_id_of(row)) for row in map(astuple, changed)])


def fetch(tx: Transaction, places: Iterable[Id], *, locked: bool) -> dict[Id, Event]:
    """The stored events of these ids; `locked` against rivals until the transaction ends."""
    found: dict[Id, Event] = {}
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
            for event in map(event_of, tx.text(sql, (org, *asked)).fetchall()):
                found[org, event.event_id] = event
    return found
