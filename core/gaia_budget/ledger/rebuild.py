"""A ledger made anew from its sources, and the proof that it holds what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget.ledger import bookmarks, record, rows, spans
from gaia_budget.ledger.record import LARGEST, joined
from gaia_budget.ledger.rows import EVENT_FIELDS, INSERT, event_of
from gaia_budget.ledger.sums import resum
from gaia_budget.ledger.verify import MOST_SHOWN, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gaia_budget.ledger.database import Transaction
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.model import Event

CHUNK = 5_000
PAGE = f"SELECT {INSERT.columns} FROM events WHERE org = ? AND event_id > ? ORDER BY event_id LIMIT {CHUNK}"  # noqa: S608
KNOWN = f"SELECT {INSERT.columns} FROM events WHERE org = ? AND event_id IN ({{}})"  # noqa: S608


class Rebuilt(NamedTuple):
    """What `rebuild` did: events found in the sources, and those carried over because their source is gone."""

    from_sources: int
    carried_over: int


def all_events(ledger: Ledger) -> Iterator[list[Event]]:
    """Every event of the organisation in portions, in the order of ids."""
    last = ""
    while True:
        found = _stored(ledger, PAGE, (ledger.org, last))
        if not found:
            return
        last = found[-1].event_id
        yield found


def _stored(ledger: Ledger, sql: str, values: Sequence[str]) -> list[Event]:
    return [event_of(row) for row in ledger.db.ask(lambda ask: ask(sql, values))]


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
        bookmarks.move(tx, ledger.org, ledger.machine, _marks(ledger, fresh))
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


def _marks(ledger: Ledger, fresh: Ledger) -> dict[str, bookmarks.Bookmark]:
    found = fresh.db.ask(lambda ask: bookmarks.fetch(ask, fresh.org, fresh.machine))
    return {ledger.source_key(name): mark for name, mark in found.items()}


def compare(ledger: Ledger, fresh: Ledger, before: int) -> list[Problem]:
    """Events older than `before` that the sources hold and the ledger does not, or holds with smaller figures."""
    found: list[Problem] = []
    for events_now in all_events(fresh):
        ids = [event.event_id for event in events_now]
        stored = _stored(ledger, KNOWN.format(", ".join("?" * len(ids))), (ledger.org, *ids))
        known = {event.event_id: event for event in stored}
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
