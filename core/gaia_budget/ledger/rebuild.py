"""A whole ledger: made anew from its sources, or moved to another database; and the proof that every row is there."""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.errors import InputError, LedgerError
from gaia_budget.ledger import bookmarks, rows, sightings, spans
from gaia_budget.ledger.database.schema import OF_AN_ORGANISATION, ORGS, SESSIONS
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.ledger.rows import EVENT_FIELDS, INSERT, event_of
from gaia_budget.ledger.sightings import joined
from gaia_budget.ledger.sums import resum
from gaia_budget.ledger.verify import Problem, shortened
from gaia_budget.ledger.zone import Zone
from gaia_hooks.facts.tokens import usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gaia_budget.ledger.database.connection import Database, Transaction
    from gaia_budget.ledger.database.tables import Table
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.model import Event
    from gaia_budget.settings.keys import Settings

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
    if fresh.kind != "unattributed" and any(
        getattr(both, name) > getattr(fresh, name) for name in usage.FIELDS
    ):
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
    fresh = dict(zip(ids, map(sightings.fit, events_now), strict=True))
    completed = [anew(rows.event_of(known[place]), event) for place, event in fresh.items() if place in known]
    rows.update(tx, map(msgspec.structs.astuple, completed))
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
    return shortened(found)


def _compared(known: Event | None, fresh: Event) -> list[Problem]:
    if known is None:
        return [Problem("sources", fresh.event_id, "stands in a transcript or log and not in the ledger")]
    smaller = [name for name in usage.FIELDS if getattr(known, name) < getattr(fresh, name)]
    if smaller:
        return [Problem("sources", fresh.event_id, f"has less than its source: {', '.join(smaller)}")]
    return []


MOVED = tuple(table for table in OF_AN_ORGANISATION if table not in (ORGS, SESSIONS))
"""Every table that holds an organisation's data, but for what the target knows itself: its zone, and when sessions
spent."""


def check_zone(source: Ledger, url: str, settings: Settings) -> None:
    """A shared ledger keeps its months in a named zone: the one of the sums that move. Raises InputError."""
    shared = parse_url(url).shared
    if shared and not settings.timezone and source.zone.fingerprint() != Zone(UTC).fingerprint():
        raise InputError(
            "a shared ledger keeps its months in a named time zone. Set timezone in settings.toml first, such as "
            'timezone = "America/Mexico_City"',
            slug="ledger-time-zone",
        )


def move(source: Ledger, target: Ledger) -> dict[str, int]:
    """Copy every row of the organisation into an empty ledger, in one transaction; returns rows per table.

    Raises InputError when the target holds data, LedgerError when a row did not arrive as it was.
    """
    if source.db.address == target.db.address:
        raise InputError("the ledger is already there; name another database", slug="move-stopped")
    private = target.db.shared and not source.db.shared

    def work(tx: Transaction) -> dict[str, int]:
        counts = {}
        for table in MOVED:
            _refuse_data(tx, table, target.org)
            counts[table.name] = _copy(source, tx, table, private)
        spans.renew(tx, target.org)
        return counts

    counts = target.db.write(work)
    for table in MOVED:
        _prove(source, target, table, private)
    return counts


def _refuse_data(tx: Transaction, table: Table, org: str) -> None:
    if tx.text(f"SELECT count(*) FROM {table.name} WHERE org = ?", (org,)).fetchone()[0]:  # noqa: S608
        raise InputError(
            f"{tx.db.name} already holds data of the organisation {org} (table {table.name}); nothing was "
            "changed. Use an empty database, or another org in the settings",
            slug="move-stopped",
        )


def _copy(source: Ledger, tx: Transaction, table: Table, private: bool) -> int:
    sql = f"INSERT INTO {table.name} ({_listed(table)}) VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608
    count = 0
    for page in _pages(source.db, table, source.org):
        tx.many(sql, [_arriving(table, row, private) for row in page])
        count += len(page)
    return count


def _listed(table: Table) -> str:
    return ", ".join(f'"{name}"' for name in table.names)


def _pages(db: Database, table: Table, org: str) -> Iterator[Sequence[Any]]:
    return db.pages(f"SELECT {_listed(table)} FROM {table.name} WHERE org = ?", (org,), CHUNK)  # noqa: S608


def _arriving(table: Table, row: tuple[Any, ...], private: bool) -> tuple[Any, ...]:
    """A row as the target holds it: no NUL in texts, and no paths in a shared database."""
    values = {
        name: value.replace("\0", "") if isinstance(value, str) else value
        for name, value in zip(table.names, row, strict=True)
    }
    if private and table.name == "bookmarks":
        values["source"] = bookmarks.hashed(values["source"])
    return tuple(values.values())


def _prove(source: Ledger, target: Ledger, table: Table, private: bool) -> None:
    sent = _digest(
        _arriving(table, row, private) for rows in _pages(source.db, table, source.org) for row in rows
    )
    there = _digest(tuple(row) for rows in _pages(target.db, table, target.org) for row in rows)
    if sent != there:
        raise LedgerError(
            f"{table.name}: the {sent[0]} rows sent and the {there[0]} rows found are not the same. Is the old "
            "ledger still in use? Stop what writes to it, empty the new database, and try again",
            slug="move-differs",
        )


def _digest(rows: Iterable[tuple[Any, ...]]) -> tuple[int, int]:
    """How many rows there are, and the sum of their hashes: equal for equal rows in any order."""
    count = total = 0
    for row in rows:
        count += 1
        total += int.from_bytes(hashlib.sha256(repr(row).encode("utf-8", "surrogatepass")).digest()[:16])
    return count, total
