"""Taking events in: each fact one row, completed by later and larger sightings, summed in the same transaction."""

from __future__ import annotations

import itertools
import json
import logging
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import astuple

from gaia_budget.ledger import rows
from gaia_budget.ledger.sightings import fit, is_fact, joined, repriced_by
from gaia_budget.ledger.spans import Spans
from gaia_budget.ledger.sums import Sums

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from gaia_budget.ledger.charges import Charge, Place
    from gaia_budget.ledger.database.connection import Transaction
    from gaia_budget.ledger.rows import EventRow, Id
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.model import Event

log = logging.getLogger(__name__)
CHUNK = 50_000  # events held in memory at once
SET_ASIDE = "INSERT INTO events_set_aside (org, event_id, fact) VALUES (?, ?, ?) ON CONFLICT (org, event_id) DO NOTHING"
_event_id = itemgetter(rows.EVENT_FIELDS.index("event_id"))
_part_of = itemgetter(rows.EVENT_FIELDS.index("part_of"))


class Recorded(NamedTuple):
    """What `record` did: facts that were new, known ones that were completed, and sightings that told nothing new.

    `parts` are those of the new ones that are parts of a response; `repriced` those of the completed ones whose
    tokens are what they were, and whose price is another: by `repriced_nano` in all.
    """

    new: int = 0
    completed: int = 0
    duplicates: int = 0
    parts: int = 0
    repriced: int = 0
    repriced_nano: int = 0


class _Derived:
    """What is kept beside the events, in the transaction that records them: their sums, and when sessions spent."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._sums = Sums(zone)
        self._spans = Spans()

    def add(self, found: Collection[EventRow], instead_of: Iterable[EventRow] = ()) -> None:
        self._sums.add(instead_of, sign=-1)
        self._sums.add(found)
        self._spans.add(found)

    def seen(self, known: Iterable[EventRow]) -> None:
        """Known events: an older program that still ran after an upgrade may have recorded them without a span."""
        self._spans.add(known)

    def fold(self) -> None:
        self._sums.fold()
        self._spans.fold()

    def join(self, other: _Derived) -> None:
        self._sums.join(other._sums)
        self._spans.join(other._spans)

    def write(self, tx: Transaction) -> dict[Place, Charge]:
        self._spans.write(tx)
        return self._sums.write(tx)


def take_in(
    tx: Transaction, zone: Zone, events: Iterable[Event], *, priced_before: bool = False
) -> tuple[Recorded, dict[Place, Charge]]:
    """Record events; also return what they change in the budgets of module months.

    The caller charges them, after every other table: rivals lock tables in one order.
    """
    total = Recorded()
    derived = _Derived(zone)
    for chunk in _chunks(tx, events):
        total = Recorded(*map(int.__add__, total, _take_chunk(tx, derived, chunk, priced_before)))
        derived.fold()
    return total, derived.write(tx)


def take_fact(tx: Transaction, zone: Zone, event: Event) -> dict[Place, Charge]:
    """The same of one event that is a fact."""
    derived, row = _Derived(zone), astuple(event)
    if rows.insert(tx, [row]):
        _complete(tx, derived, [event], priced_before=False)
    else:
        derived.add([row])
    return derived.write(tx)


def _chunks(tx: Transaction, events: Iterable[Event]) -> Iterator[list[Event]]:
    """Those events that can be facts. The others are kept apart and named: one of them must not end anything."""
    remaining = iter(events)
    while chunk := list(itertools.islice(remaining, CHUNK)):
        facts = [event for event in chunk if is_fact(event)]
        if len(facts) < len(chunk):
            _set_aside(tx, [event for event in chunk if not is_fact(event)])
        yield facts


def _set_aside(tx: Transaction, events: Iterable[Event]) -> None:
    for event in events:
        log.warning("%s is set aside: its date or a figure cannot be true", event.event_id)
        sane = fit(event)
        tx.text(SET_ASIDE, (sane.org, sane.event_id, json.dumps(msgspec.structs.asdict(sane))))


def _take_chunk(tx: Transaction, derived: _Derived, events: list[Event], priced_before: bool) -> Recorded:
    sightings = {(event.org, event.event_id): event for event in events}
    if len(sightings) < len(events):
        sightings = _joined(events, priced_before)
    found = list(map(astuple, sightings.values()))
    if tx.db.shared and _copied(tx, derived, found):
        return Recorded(len(found), 0, len(events) - len(found), _parts(found))
    known = rows.insert(tx, _ordered(tx, found))
    fresh = [row for row in found if rows.id_of(row) not in known] if known else found
    derived.add(fresh)
    changed = (
        _complete(tx, derived, [sightings[place] for place in sorted(known)], priced_before) if known else []
    )
    repriced = [repriced_by(old, new) for old, new in changed]
    return Recorded(
        new=len(fresh),
        completed=len(changed),
        duplicates=len(events) - len(fresh) - len(changed),
        parts=_parts(fresh),
        repriced=sum(map(bool, repriced)),
        repriced_nano=sum(repriced),
    )


def _parts(found: Iterable[EventRow]) -> int:
    return sum(map(bool, map(_part_of, found)))


def _ordered(tx: Transaction, found: list[EventRow]) -> list[EventRow]:
    """On PostgreSQL rivals lock rows in one order; there neighbours in the index also lie together then."""
    return sorted(found, key=_event_id) if tx.db.shared else found


def _copied(tx: Transaction, derived: _Derived, found: list[EventRow]) -> bool:
    """Copy events that all seem new, and sum them while the server is at work; False when one is known after all.

    They are summed in the order they were read in: neighbours in memory take half the time of scattered ones.
    """
    apart = _Derived(derived.zone)

    def meanwhile() -> None:
        apart.add(found)
        apart.fold()

    if not rows.copy_new(tx, _ordered(tx, found), meanwhile):
        return False
    derived.join(apart)
    return True


def _joined(events: list[Event], priced_before: bool) -> dict[Id, Event]:
    sightings: dict[Id, Event] = {}
    for event in events:
        place = (event.org, event.event_id)
        before = sightings.get(place)
        sightings[place] = event if before is None else joined(before, event, priced_before=priced_before)
    return sightings


def _complete(
    tx: Transaction, derived: _Derived, sightings: list[Event], priced_before: bool
) -> list[tuple[Event, Event]]:
    """Complete known facts with what these sightings know better; returns what changed, as it was and as it is.

    What tells nothing new is only read; the others are read again, locked: a rival may have been faster.
    """
    stored = rows.fetch(tx, _places(sightings), locked=False)
    derived.seen(stored.values())
    better = [event for event in sightings if _completed(stored, event, priced_before)]
    stored = rows.fetch(tx, _places(better), locked=True)
    changed = [pair for event in better if (pair := _completed(stored, event, priced_before))]
    before, after = [astuple(old) for old, _ in changed], [astuple(new) for _, new in changed]
    rows.update(tx, after)
    derived.add(after, instead_of=before)
    return changed


def _places(events: Iterable[Event]) -> list[Id]:
    return [(event.org, event.event_id) for event in events]


def _completed(
    stored: Mapping[Id, EventRow], event: Event, priced_before: bool
) -> tuple[Event, Event] | None:
    """A fact as it is stored and as this sighting completes it; None where that tells nothing new."""
    row = stored[event.org, event.event_id]
    if row == astuple(event):
        return None
    old = rows.event_of(row)
    new = joined(old, event, priced_before=priced_before)
    return None if new == old else (old, new)
