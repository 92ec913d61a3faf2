"""Taking events in: each fact one row, completed by later and larger sightings, summed in the same transaction."""

from __future__ import annotations

import itertools
from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from gaia_budget.ledger.merge import joined
from gaia_budget.ledger.rollups import Sums
from gaia_budget.ledger.schema import EVENT_FIELDS
from gaia_budget.model import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gaia_budget.ledger.budgets import Charge, Place
    from gaia_budget.ledger.database import Transaction
    from gaia_budget.ledger.zone import Zone

COLUMNS = ", ".join(f'"{name}"' for name in EVENT_FIELDS)
MARKS = ", ".join("?" * len(EVENT_FIELDS))
INSERT = f"INSERT INTO events ({COLUMNS}) VALUES ({MARKS}) ON CONFLICT (org, event_id) DO NOTHING"  # noqa: S608
_FACTS = [name for name in EVENT_FIELDS if name not in ("org", "event_id")]
_SET = ", ".join(f'"{name}" = ?' for name in _FACTS)  # not the key: a cluster refuses to move a row
UPDATE = f"UPDATE events SET {_SET} WHERE org = ? AND event_id = ?"  # noqa: S608
BULK = 64  # from here on PostgreSQL takes rows faster through COPY
SENT = 5_000  # rows that are sent before the server is left to work on them
CHUNK = 50_000  # events held in memory at once
ASKED = 500  # ids per look-up
PROBES = 20  # rows of a batch that are looked up before all of it is taken for new
UNIQUE_VIOLATION = "23505"

Id = tuple[str, str]
EventRow = tuple[Any, ...]
"""An event's fields in the order of `EVENT_FIELDS`."""
_facts_of = itemgetter(*map(EVENT_FIELDS.index, _FACTS))
_id_of = itemgetter(EVENT_FIELDS.index("org"), EVENT_FIELDS.index("event_id"))
_event_id_of = itemgetter(EVENT_FIELDS.index("event_id"))


class Recorded(NamedTuple):
    """What `record` did: facts that were new, known ones that were completed, and sightings that told nothing new."""

    new: int
    completed: int
    duplicates: int


def take_in(tx: Transaction, zone: Zone, events: Iterable[Event]) -> tuple[Recorded, dict[Place, Charge]]:
    """Record events; also return what they change in the budgets of module months.

    The caller charges them, after every other table: rivals lock tables in one order.
    """
    total = Recorded(0, 0, 0)
    sums = Sums(zone)
    for chunk in _chunks(events):
        total = Recorded(*map(int.__add__, total, _take_chunk(tx, sums, chunk)))
        sums.fold()
    return total, sums.write(tx)


def fit(event: Event) -> Event:
    """The event with every text in a form that all databases hold: no NUL, no half of a surrogate pair."""
    values = astuple(event)
    together = "".join([value for value in values if type(value) is str])
    if together.isascii() and "\0" not in together:
        return event
    texts = {
        name: _fit(value) for name, value in zip(EVENT_FIELDS, values, strict=True) if type(value) is str
    }
    return msgspec.structs.replace(event, **texts)


def _fit(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    remaining = iter(events)
    while chunk := list(itertools.islice(remaining, CHUNK)):
        yield chunk


def _take_chunk(tx: Transaction, sums: Sums, events: list[Event]) -> Recorded:
    sightings = {(event.org, event.event_id): event for event in events}
    if len(sightings) < len(events):
        sightings = _joined(events)
    rows = list(map(astuple, sightings.values()))
    # sorted: rivals lock rows in one order, and neighbours in the index lie together
    ordered = sorted(rows, key=_event_id_of) if tx.db.shared else rows
    if tx.db.shared and len(rows) >= BULK and _copied(tx, sums, ordered, rows):
        return Recorded(len(rows), 0, len(events) - len(rows))
    known = insert(tx, ordered)
    sums.add([row for row in rows if _id_of(row) not in known] if known else rows)
    completed = _complete(tx, sums, [sightings[place] for place in sorted(known)]) if known else 0
    new = len(rows) - len(known)
    return Recorded(new, completed, len(events) - new - completed)


def _joined(events: list[Event]) -> dict[Id, Event]:
    sightings: dict[Id, Event] = {}
    for event in events:
        place = (event.org, event.event_id)
        before = sightings.get(place)
        sightings[place] = event if before is None else joined(before, event)
    return sightings


def insert(tx: Transaction, rows: list[EventRow]) -> set[Id]:
    """Insert what is new; return the ids that were known already."""
    if tx.db.shared:
        return _insert_shared(tx, rows)
    if len(rows) == 1:
        return set() if tx.text(INSERT, rows[0]).rowcount else {_id_of(rows[0])}
    last = tx.text("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0]
    if tx.many(INSERT, rows) == len(rows):
        return set()
    new = tx.text("SELECT org, event_id FROM events WHERE rowid > ?", (last,))
    return set(map(_id_of, rows)) - set(new.fetchall())


def _insert_shared(tx: Transaction, rows: list[EventRow]) -> set[Id]:
    if len(rows) >= BULK:
        return _staged(tx, rows)
    return {_id_of(row) for row in rows if tx.text(INSERT, row).rowcount == 0}


def _copied(tx: Transaction, sums: Sums, rows: list[EventRow], as_read: list[EventRow]) -> bool:
    """Copy rows that all seem new straight in, and sum them while the server works.

    They are summed in the order they were read in: neighbours in memory take half the time of scattered ones.
    Returns False, with nothing done, when one of them is known after all.
    """
    probes = rows[:: max(1, len(rows) // PROBES)]
    sql = f"SELECT 1 FROM events WHERE (org, event_id) IN ({', '.join(['(?, ?)'] * len(probes))}) LIMIT 1"  # noqa: S608
    if tx.text(sql, [part for row in probes for part in _id_of(row)]).fetchone():
        return False
    found = Sums(sums.zone)
    tx.text("SAVEPOINT bulk")
    try:
        _copy(tx, "events", rows, lambda start, end: found.add(as_read[start:end]))
    except Exception as error:
        if getattr(error, "sqlstate", None) != UNIQUE_VIOLATION:
            raise
        tx.text("ROLLBACK TO SAVEPOINT bulk")
        return False
    tx.text("RELEASE SAVEPOINT bulk")
    sums.join(found)
    return True


def _staged(tx: Transaction, rows: list[EventRow]) -> set[Id]:
    """Insert the rows that are new; return the ids of the others."""
    tx.text("CREATE TEMPORARY TABLE IF NOT EXISTS staged_events (LIKE events) ON COMMIT DELETE ROWS")
    tx.text("DELETE FROM staged_events")
    _copy(tx, "staged_events", rows)
    tx.text(
        f"INSERT INTO events ({COLUMNS}) SELECT {COLUMNS} FROM staged_events "  # noqa: S608
        "ORDER BY org, event_id ON CONFLICT (org, event_id) DO NOTHING RETURNING org, event_id"
    )
    return set(map(_id_of, rows)) - set(tx.cursor.fetchall())


def _copy(
    tx: Transaction,
    table: str,
    rows: list[EventRow],
    meanwhile: Callable[[int, int], None] | None = None,
) -> None:
    """`meanwhile` is called after each portion with where it starts and ends: the server works on it then."""
    with tx.cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN") as copy:
        for start in range(0, len(rows), SENT):
            for row in rows[start : start + SENT]:
                copy.write_row(row)
            if meanwhile is not None:
                meanwhile(start, start + SENT)


def _complete(tx: Transaction, sums: Sums, sightings: list[Event]) -> int:
    """Complete known facts with what these sightings know better; returns how many changed."""
    before: list[Event] = []
    after: list[Event] = []
    stored = fetch(tx, [(event.org, event.event_id) for event in sightings])
    for event in sightings:
        old = stored[event.org, event.event_id]
        new = joined(old, event)
        if new != old:
            before.append(old)
            after.append(new)
    tx.many(UPDATE, [(*_facts_of(row), *_id_of(row)) for row in map(astuple, after)])
    sums.add(map(astuple, before), sign=-1)
    sums.add(map(astuple, after))
    return len(after)


def fetch(tx: Transaction, places: Sequence[Id]) -> dict[Id, Event]:
    """The stored events of these ids, locked against rivals until the transaction ends."""
    found: dict[Id, Event] = {}
    by_org: dict[str, list[str]] = defaultdict(list)
    for org, event_id in places:
        by_org[org].append(event_id)
    for org, ids in by_org.items():
        for start in range(0, len(ids), ASKED):
            asked = ids[start : start + ASKED]
            sql = (
                f"SELECT {COLUMNS} FROM events WHERE org = ? AND event_id IN ({', '.join('?' * len(asked))})"  # noqa: S608
                + (" ORDER BY event_id FOR UPDATE" if tx.db.shared else "")
            )
            for row in tx.text(sql, (org, *asked)).fetchall():
                event = Event(**dict(zip(EVENT_FIELDS, row, strict=True)))
                found[org, event.event_id] = event
    return found
