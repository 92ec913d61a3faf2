"""A ledger made anew from its sources, and the proof that it holds what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import select

from gaia_budget.ledger import record, rows, spans
from gaia_budget.ledger.merge import LARGEST, joined
from gaia_budget.ledger.resum import resum
from gaia_budget.ledger.schema import EVENT_FIELDS, bookmarks, events
from gaia_budget.ledger.verify import MOST_SHOWN, Problem
from gaia_budget.model import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Select

    from gaia_budget.ledger.database import Transaction
    from gaia_budget.ledger.ledger import Ledger

CHUNK = 5_000
COLUMNS = [events.c[name] for name in EVENT_FIELDS]
MARK = (
    "INSERT INTO bookmarks (org, machine, source, position, state) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (org, machine, source) DO UPDATE SET position = excluded.position, state = excluded.state"
)


class Rebuilt(NamedTuple):
    """What `rebuild` did: events found in the sources, and those carried over because their source is gone."""

    from_sources: int
    carried_over: int


def all_events(ledger: Ledger) -> Iterator[list[Event]]:
    """Every event of the organisation in portions, in the order of ids."""
    last = ""
    while True:
        page = select(*COLUMNS).where(events.c.org == ledger.org, events.c.event_id > last)
        page = page.order_by(events.c.event_id).limit(CHUNK)
        found = _stored(ledger, page)
        if not found:
            return
        last = found[-1].event_id
        yield found


def _stored(ledger: Ledger, question: Select[Any]) -> list[Event]:
    found = ledger.db.read(lambda connection: connection.execute(question).all())
    return [Event(**dict(zip(EVENT_FIELDS, row, strict=True))) for row in found]


def anew(old: Event, fresh: Event) -> Event:
    """A known event as its sources tell it now; what only the old row knows is kept.

    Where the old row has larger figures, part of its source is gone: then both are joined.
    """
    both = joined(old, fresh)
    if fresh.kind != "unattributed" and any(getattr(both, name) > getattr(fresh, name) for name in LARGEST):
        return both
    if fresh.cost_nano is None:
        fresh = msgspec.structs.replace(fresh, cost_nano=old.cost_nano, price_source=old.price_source)
    blanks = {name: getattr(old, name) for name in EVENT_FIELDS if getattr(fresh, name) in ("", None)}
    return msgspec.structs.replace(fresh, **blanks)


def rebuild(ledger: Ledger, fresh: Ledger) -> Rebuilt:
    """Put the events of `fresh`, a new ledger of the same sources, in place of the known ones, in one transaction.

    Rows whose source is gone stay; sums and month budgets are made anew; reservations, leases, overrides,
    alerts and outcomes have no other source and stay.
    """

    def work(tx: Transaction) -> Rebuilt:
        tx.keep_out_writers("events")
        found = 0
        for events_now in all_events(fresh):
            found += len(events_now)
            _replace(tx, events_now)
        spans.renew(tx, ledger.org)
        resum(tx, ledger.zone, ledger.org)
        tx.text("DELETE FROM bookmarks WHERE org = ? AND machine = ?", (ledger.org, ledger.machine))
        tx.many(MARK, _marks(ledger, fresh))
        total = tx.text("SELECT count(*) FROM events WHERE org = ?", (ledger.org,)).fetchone()[0]
        return Rebuilt(found, total - found)

    return ledger.db.write(work)


def _replace(tx: Transaction, events_now: list[Event]) -> None:
    ids = [(event.org, event.event_id) for event in events_now]
    known = rows.fetch(tx, ids, locked=True)
    fresh = dict(zip(ids, map(record.fit, events_now), strict=True))
    rows.update(tx, [anew(known[place], event) for place, event in fresh.items() if place in known])
    new = [msgspec.structs.astuple(event) for place, event in fresh.items() if place not in known]
    rows.insert(tx, new)


def _marks(ledger: Ledger, fresh: Ledger) -> list[tuple[str, str, str, int, str]]:
    b = bookmarks.c
    mine = select(b.source, b.position, b.state).where(b.org == fresh.org, b.machine == fresh.machine)
    found = fresh.db.read(lambda connection: connection.execute(mine).all())
    return [
        (ledger.org, ledger.machine, ledger.source_key(name), place, state) for name, place, state in found
    ]


def compare(ledger: Ledger, fresh: Ledger, before: int) -> list[Problem]:
    """Events older than `before` that the sources hold and the ledger does not, or holds with smaller figures."""
    found: list[Problem] = []
    for events_now in all_events(fresh):
        ids = [event.event_id for event in events_now]
        question = select(*COLUMNS).where(events.c.org == ledger.org, events.c.event_id.in_(ids))
        known = {event.event_id: event for event in _stored(ledger, question)}
        for event in events_now:
            if event.ts < before and event.kind != "unattributed":
                found += _compared(known.get(event.event_id), event)
    return [*found[:MOST_SHOWN], *_rest(len(found) - MOST_SHOWN)]


def _rest(count: int) -> list[Problem]:
    return [Problem("sources", "…", f"and {count} more")] if count > 0 else []


def _compared(known: Event | None, fresh: Event) -> list[Problem]:
    if known is None:
        return [Problem("sources", fresh.event_id, "stands in a transcript or log and not in the ledger")]
    smaller = [name for name in LARGEST if getattr(known, name) < getattr(fresh, name)]
    if smaller:
        return [Problem("sources", fresh.event_id, f"has less than its source: {', '.join(smaller)}")]
    return []
