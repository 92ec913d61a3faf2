"""Money that is held: reserved for a call until it is settled, set aside for a process as a lease.

What is in flight counts, so no race can overspend; the worst that a lost holder can do is to strand what it held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget.budgets.limits import Scope, admit, look
from gaia_budget.budgets.overrides import give_back
from gaia_budget.errors import InputError, NotFoundError
from gaia_budget.ledger import record, sightings
from gaia_budget.ledger.charges import CREATE, Charge, Place, add_to, charge, is_module, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.ledger.database.connection import Ask, Transaction
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.model import Event

_scopes = msgspec.json.Decoder(tuple[str, ...]).decode
OPEN = (
    "INSERT INTO reservations (org, reservation_id, scopes, estimate_nano, state, machine, created_ts, expires_ts) "
    "VALUES (?, ?, ?, ?, 'open', ?, ?, ?) ON CONFLICT (org, reservation_id) DO NOTHING"
)
FIND = (
    "SELECT scopes, estimate_nano, state, assumed_nano, created_ts, expires_ts FROM reservations "
    "WHERE org = ? AND reservation_id = ?"
)
CLOSE = (
    "UPDATE reservations SET state = 'settled', actual_nano = ?, assumed_nano = ?, event_id = ? "
    "WHERE org = ? AND reservation_id = ?"
)
CLOSE_OPEN = f"{CLOSE} AND state = 'open' RETURNING scopes, estimate_nano, created_ts"
DUE = (
    "SELECT reservation_id, scopes, estimate_nano FROM reservations "
    "WHERE org = ? AND state = 'open' AND expires_ts <= ? ORDER BY reservation_id"
)
RENAME = (
    "UPDATE reservations SET reservation_id = ?, expires_ts = ? "
    "WHERE org = ? AND reservation_id = ? AND state = 'open'"
)
KEPT = (
    "SELECT reservation_id FROM reservations WHERE org = ? AND state IN ('open', 'expired') "
    "AND substr(reservation_id, 1, ?) = ? LIMIT 1"
)
EXPIRE = "UPDATE reservations SET state = 'expired', assumed_nano = estimate_nano WHERE org = ? AND reservation_id = ?"


class Reservation(NamedTuple):
    """Money held for one call until it is settled, or until it expires at its full amount."""

    reservation_id: str
    scopes: tuple[str, ...]
    estimate_nano: int
    created_ts: int
    expires_ts: int


def reserve(
    tx: Transaction, org: str, machine: str, scopes: Sequence[Scope], wanted: Reservation
) -> Reservation:
    """Hold the estimate in every scope or in none. Raises BudgetExceededError."""
    if wanted.estimate_nano < 0:
        raise InputError("an estimate cannot be negative", slug="not-valid")
    keys = msgspec.json.encode(wanted.scopes).decode()
    values = (wanted.estimate_nano, machine, wanted.created_ts, wanted.expires_ts)
    if tx.text(OPEN, (org, wanted.reservation_id, keys, *values)).rowcount == 0:
        return _again(tx, org, wanted)
    admit(tx, org, scopes, wanted.estimate_nano, wanted.created_ts)
    return wanted


def _again(tx: Transaction, org: str, wanted: Reservation) -> Reservation:
    """A retry whose first try had gone through: the same reservation."""
    scopes, estimate, state, _, created, expires = tx.text(FIND, (org, wanted.reservation_id)).fetchone()
    if state != "open" or estimate != wanted.estimate_nano or _scopes(scopes) != wanted.scopes:
        raise InputError(
            "this call_id was used for another call; each call needs its own", slug="call-id-used"
        )
    return wanted._replace(created_ts=created, expires_ts=expires)


def settle(
    tx: Transaction, zone: Zone, org: str, reservation_id: str, actual_nano: int, event: Event | None
) -> None:
    """Replace what was held by what the call cost, and record its event. A second time changes nothing.

    What the event does not price (`actual_nano` beyond its cost) is charged as assumed. The event belongs to
    the instant of the reservation, so that a call over midnight counts in the month that admitted it.
    """
    if actual_nano < 0:
        raise InputError("a cost cannot be negative", slug="not-valid")
    if event is not None and not sightings.is_fact(event):
        event = None  # what it cost is assumed: the ledger's sums cannot hold it
    unpriced = max(0, actual_nano - ((event.cost_nano or 0) if event else 0))
    row = (actual_nano, unpriced, event.event_id if event else "", org, reservation_id)
    found = tx.text(CLOSE_OPEN, row).fetchall()
    if found:
        [(scopes, estimate, created)] = found
        assumed = 0
    else:
        known = _expired(tx, org, reservation_id)
        if known is None:
            return
        scopes, created, assumed = known
        estimate = 0  # it is no longer reserved but assumed
        tx.text(CLOSE, row)
    keys = _scopes(scopes)
    charges: dict[Place, Charge] = {}
    if event is not None:
        charges = record.take_fact(tx, zone, _booked(zone, org, keys, event, min(event.ts, created)))
    for key in keys:
        app = 0 if is_module(key) else actual_nano - unpriced
        add_to(charges, (org, key), Charge(app, 0, unpriced - assumed, -estimate))
    lifted = charge(tx, charges)
    if lifted and actual_nano < (estimate or assumed):
        give_back(tx, org, [key for key in keys if key in lifted], (estimate or assumed) - actual_nano)


def _booked(zone: Zone, org: str, scopes: Sequence[str], event: Event, ts: int) -> Event:
    """The event at an instant, in the month that its money was taken from."""
    for scope in scopes:
        ts = within(zone, scope, ts)
    return msgspec.structs.replace(sightings.fit(event), org=org, ts=ts)


def _expired(tx: Transaction, org: str, reservation_id: str) -> tuple[str, int, int] | None:
    """Scopes, instant and assumed amount of an expired reservation; None for a settled one."""
    row = tx.locked(FIND, (org, reservation_id)).fetchone()
    if row is None:
        raise NotFoundError("reservation", reservation_id)
    scopes, _, state, assumed, created, _ = row
    return None if state == "settled" else (scopes, created, assumed)


def keep_for(tx: Transaction, org: str, reservation_id: str, name: str, expires_ts: int) -> None:
    """Give what is held another name and more time: its answer comes later, and perhaps to another process."""
    tx.text(RENAME, (name, expires_ts, org, reservation_id))


def kept_for(ask: Ask, org: str, beginning: str) -> str | None:
    """The name of what is still held, or was when it expired, that begins so; None: nothing is, or it is settled."""
    rows = ask(KEPT, (org, len(beginning), beginning))
    return str(rows[0][0]) if rows else None


SHARE = 16
"""A lease takes at most one part in so many of what is left: near the cap leases shrink and strand little."""

FIND_LEASE = (
    "SELECT scope, granted_nano, spent_nano, assumed_nano, state, expires_ts FROM leases "
    "WHERE org = ? AND lease_id = ?"
)
ADD_LEASE = (
    "INSERT INTO leases (org, lease_id, scope, machine, granted_nano, state, expires_ts) "
    "VALUES (?, ?, ?, ?, ?, 'active', ?)"
)
CHANGE_LEASE = (
    "UPDATE leases SET spent_nano = ?, assumed_nano = ?, state = ?, expires_ts = ? "
    "WHERE org = ? AND lease_id = ?"
)
DUE_LEASES = (
    "SELECT lease_id, scope, granted_nano - spent_nano FROM leases "
    "WHERE org = ? AND state = 'active' AND expires_ts <= ? ORDER BY lease_id"
)
KNOWN = "SELECT 1 FROM events WHERE org = ? AND event_id = ?"
EXPIRE_LEASE = (
    "UPDATE leases SET state = 'expired', assumed_nano = assumed_nano + granted_nano - spent_nano "
    "WHERE org = ? AND lease_id = ?"
)


class Lease(NamedTuple):
    """An amount set aside for one process until it is returned, or until it expires as if spent."""

    lease_id: str
    scope: str
    granted_nano: int
    spent_nano: int
    assumed_nano: int
    state: str
    expires_ts: int


class LeaseReport(NamedTuple):
    """What a holder tells: the total spent from the lease so far (not the change), the events of this part."""

    spent_nano: int
    events: Sequence[Event] = ()
    returned: bool = False


class Paid(NamedTuple):
    """A call that was paid from a lease: what it cost, and its events, of which the first is the call's own."""

    spent_nano: int
    events: Sequence[Event]


def lease(
    tx: Transaction, org: str, machine: str, scope: Scope, wanted: Lease, need_nano: int, now: int
) -> Lease:
    """Set an amount aside: at most `wanted.granted_nano`, at least `need_nano`. Raises BudgetExceededError."""
    found = _lease(tx, org, wanted.lease_id)
    if found is not None:
        return found
    tx.text(CREATE, (org, scope.key))
    spent, reserved, drawn = look(tx, org, scope)
    left = scope.limit_nano + drawn - spent - reserved
    amount = max(need_nano, min(wanted.granted_nano, left // SHARE))
    admit(tx, org, [scope], amount, now)
    tx.text(ADD_LEASE, (org, wanted.lease_id, scope.key, machine, amount, wanted.expires_ts))
    return wanted._replace(granted_nano=amount)


def _lease(tx: Transaction, org: str, lease_id: str) -> Lease | None:
    """A lease as it stands, locked against rivals."""
    row = tx.locked(FIND_LEASE, (org, lease_id)).fetchone()
    return Lease(lease_id, *row) if row else None


def report(tx: Transaction, zone: Zone, org: str, lease_id: str, told: LeaseReport, expires_ts: int) -> None:
    """Take in what a holder spent, and what it returns. The same report twice changes nothing.

    A holder that was thought dead (its lease expired) may still report: what it spent was set aside all the time.
    """
    held = _lease(tx, org, lease_id)
    if held is None:
        raise NotFoundError("lease", lease_id)
    events = [
        _booked(zone, org, (held.scope,), event, event.ts)
        for event in told.events
        if sightings.is_fact(event)
    ]
    _, charges = record.take_in(tx, zone, events)
    spent = min(max(told.spent_nano, held.spent_nano), held.granted_nano)
    part = spent - held.spent_nano
    unpriced = max(0, part - sum(event.cost_nano or 0 for event in events))
    freed = part if held.state != "returned" else 0
    state = held.state
    if told.returned and state != "returned":
        freed, state = held.granted_nano - held.spent_nano, "returned"
    was_expired = held.state == "expired"
    assumed = unpriced - (freed if was_expired else 0)
    values = (spent, held.assumed_nano + assumed, state, max(expires_ts, held.expires_ts))
    tx.text(CHANGE_LEASE, (*values, org, lease_id))
    app = 0 if is_module(held.scope) else part - unpriced
    add_to(charges, (org, held.scope), Charge(app, 0, assumed, 0 if was_expired else -freed))
    charge(tx, charges)
    if state != held.state:
        give_back(tx, org, [held.scope], held.granted_nano - spent)


def wind_up(tx: Transaction, zone: Zone, org: str, lease_id: str, calls: Sequence[Paid]) -> None:
    """Take in what a dead holder had not told, by its calls, and what it had left. A second time changes nothing.

    Raises NotFoundError.
    """
    held = _lease(tx, org, lease_id)
    if held is None:
        raise NotFoundError("lease", lease_id)
    untold = [call for call in calls if not tx.text(KNOWN, (org, call.events[0].event_id)).fetchone()]
    events = [event for call in untold for event in call.events]
    spent = held.spent_nano + sum(call.spent_nano for call in untold)
    report(tx, zone, org, lease_id, LeaseReport(spent, events, returned=True), held.expires_ts)


def expire(tx: Transaction, org: str, now: int) -> int:
    """Settle overdue reservations at their full reserve, overdue leases at what is left; how many there were.

    The event of an overdue call may still come.
    """
    calls = tx.locked(DUE, (org, now), "FOR UPDATE SKIP LOCKED").fetchall()
    for reservation_id, _, _ in calls:
        tx.text(EXPIRE, (org, reservation_id))
    leases = tx.locked(DUE_LEASES, (org, now), "FOR UPDATE SKIP LOCKED").fetchall()
    for lease_id, _, _ in leases:
        tx.text(EXPIRE_LEASE, (org, lease_id))
    held = [(key, estimate) for _, scopes, estimate in calls for key in _scopes(scopes)]
    held += [(scope, left) for _, scope, left in leases]
    moved: dict[Place, Charge] = {}
    for key, nano in held:
        add_to(moved, (org, key), Charge(assumed=nano, reserved=-nano))
    charge(tx, moved)
    return len(calls) + len(leases)
