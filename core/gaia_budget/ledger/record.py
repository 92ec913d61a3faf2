"""Taking events in: each fact one row, completed by later and larger sightings, summed in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.ledger.merge import joined
from gaia_budget.ledger.rollups import Sums
from gaia_budget.ledger.schema import EVENT_FIELDS
from gaia_budget.model import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gaia_budget.ledger.budgets import Charge, Place
    from gaia_budget.ledger.database import Transaction
    from gaia_budget.ledger.zone import Zone

COLUMNS = ", ".join(f'"{name}"' for name in EVENT_FIELDS)
MARKS = ", ".join("?" * len(EVENT_FIELDS))
INSERT = f"INSERT INTO events ({COLUMNS}) VALUES ({MARKS}) ON CONFLICT (org, event_id) DO NOTHING"  # noqa: S608
UPDATE = f"UPDATE events SET ({COLUMNS}) = ({MARKS}) WHERE org = ? AND event_id = ?"  # noqa: S608
BULK = 64  # from here on PostgreSQL takes rows faster through COPY
CHUNK = 50_000  # events held in memory at once
ASKED = 500  # ids per look-up

Id = tuple[str, str]


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
    return total, sums.write(tx)


def fit(event: Event) -> Event:
    """The event with every text in a form that all databases hold: no NUL, no half of a surrogate pair."""
    texts = {name: value for name in EVENT_FIELDS if isinstance(value := getattr(event, name), str)}
    clean = {name: _fit(value) for name, value in texts.items()}
    return event if clean == texts else msgspec.structs.replace(event, **clean)


def _fit(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    chunk: list[Event] = []
    for event in events:
        chunk.append(event)
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _take_chunk(tx: Transaction, sums: Sums, events: list[Event]) -> Recorded:
    sightings: dict[Id, Event] = {}
    for event in events:
        place = (event.org, event.event_id)
        before = sightings.get(place)
        sightings[place] = event if before is None else joined(before, event)
    known = insert(tx, sightings)
    if known:
        sums.add(event for place, event in sightings.items() if place not in known)
    else:
        sums.add(sightings.values())
    completed = _complete(tx, sums, [sightings[place] for place in sorted(known)])
    new = len(sightings) - len(known)
    return Recorded(new, completed, len(events) - new - completed)


def insert(tx: Transaction, sightings: dict[Id, Event]) -> set[Id]:
    """Insert what is new; return the ids that were known already."""
    if tx.db.shared:
        return _insert_shared(tx, sightings)
    last = tx.text("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0]
    inserted = tx.many(INSERT, list(map(msgspec.structs.astuple, sightings.values())))
    if inserted == len(sightings):
        return set()
    new = tx.text("SELECT org, event_id FROM events WHERE rowid > ?", (last,))
    return sightings.keys() - set(new.fetchall())


def _insert_shared(tx: Transaction, sightings: dict[Id, Event]) -> set[Id]:
    rows = [msgspec.structs.astuple(sightings[place]) for place in sorted(sightings)]
    if len(rows) < BULK:
        return {_id_of(row) for row in rows if tx.text(INSERT, row).rowcount == 0}
    tx.text("CREATE TEMPORARY TABLE IF NOT EXISTS staged_events (LIKE events) ON COMMIT DELETE ROWS")
    tx.text("DELETE FROM staged_events")
    with tx.cursor.copy(f"COPY staged_events ({COLUMNS}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    tx.text(
        f"INSERT INTO events ({COLUMNS}) SELECT {COLUMNS} FROM staged_events "  # noqa: S608
        "ORDER BY org, event_id ON CONFLICT (org, event_id) DO NOTHING RETURNING org, event_id"
    )
    if tx.cursor.rowcount == len(rows):
        return set()
    return sightings.keys() - set(tx.cursor.fetchall())


_ORG, _EVENT_ID = EVENT_FIELDS.index("org"), EVENT_FIELDS.index("event_id")


def _id_of(row: Sequence[Any]) -> Id:
    return row[_ORG], row[_EVENT_ID]


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
    tx.many(UPDATE, [(*msgspec.structs.astuple(event), event.org, event.event_id) for event in after])
    sums.add(before, sign=-1)
    sums.add(after)
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
