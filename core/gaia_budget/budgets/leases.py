"""Leases: an amount set aside for one process, which spends it without asking the database for each call.

The worst that a lost holder can do is to strand what it held: never to overspend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget.budgets.limits import Scope, admit, look
from gaia_budget.budgets.overrides import give_back
from gaia_budget.errors import NotFoundError
from gaia_budget.ledger import record, sightings
from gaia_budget.ledger.charges import CREATE, Charge, Place, add_to, charge, is_module, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.ledger.database.connection import Transaction
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.model import Event

SHARE = 16
"""A lease takes at most one part in so many of what is left: near the cap leases shrink and strand little."""

COLUMNS = "scope, granted_nano, spent_nano, assumed_nano, state, expires_ts"
FIND = f"SELECT {COLUMNS} FROM leases WHERE org = ? AND lease_id = ?"  # noqa: S608
ADD = (
    "INSERT INTO leases (org, lease_id, scope, machine, granted_nano, state, expires_ts) "
    "VALUES (?, ?, ?, ?, ?, 'active', ?)"
)
CHANGE = "UPDATE leases SET spent_nano = ?, assumed_nano = ?, state = ?, expires_ts = ? WHERE org = ? AND lease_id = ?"
DUE = (
    "SELECT lease_id, scope, granted_nano - spent_nano FROM leases "
    "WHERE org = ? AND state = 'active' AND expires_ts <= ? ORDER BY lease_id"
)
KNOWN = "SELECT 1 FROM events WHERE org = ? AND event_id = ?"
EXPIRE = (
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
    found = find(tx, org, wanted.lease_id)
    if found is not None:
        return found
    tx.text(CREATE, (org, scope.key))
    spent, reserved, drawn = look(tx, org, scope)
    left = scope.limit_nano + drawn - spent - reserved
    amount = max(need_nano, min(wanted.granted_nano, left // SHARE))
    admit(tx, org, [scope], amount, now)
    tx.text(ADD, (org, wanted.lease_id, scope.key, machine, amount, wanted.expires_ts))
    return wanted._replace(granted_nano=amount)


def find(tx: Transaction, org: str, lease_id: str) -> Lease | None:
    """A lease as it stands, locked against rivals."""
    row = tx.locked(FIND, (org, lease_id)).fetchone()
    return Lease(lease_id, *row) if row else None


def report(tx: Transaction, zone: Zone, org: str, lease_id: str, told: LeaseReport, expires_ts: int) -> None:
    """Take in what a holder spent, and what it returns. The same report twice changes nothing.

    A holder that was thought dead (its lease expired) may still report: what it spent was set aside all the time.
    """
    held = find(tx, org, lease_id)
    if held is None:
        raise NotFoundError("lease", lease_id)
    events = [_booked(zone, org, held.scope, event) for event in told.events if sightings.is_fact(event)]
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
    tx.text(CHANGE, (*values, org, lease_id))
    app = 0 if is_module(held.scope) else part - unpriced
    add_to(charges, (org, held.scope), Charge(app, 0, assumed, 0 if was_expired else -freed))
    charge(tx, charges)
    if state != held.state:
        give_back(tx, org, [held.scope], held.granted_nano - spent)


def wind_up(tx: Transaction, zone: Zone, org: str, lease_id: str, calls: Sequence[Paid]) -> None:
    """Take in what a dead holder had not told, by its calls, and what it had left. A second time changes nothing.

    Raises NotFoundError.
    """
    held = find(tx, org, lease_id)
    if held is None:
        raise NotFoundError("lease", lease_id)
    untold = [call for call in calls if not tx.text(KNOWN, (org, call.events[0].event_id)).fetchone()]
    events = [event for call in untold for event in call.events]
    spent = held.spent_nano + sum(call.spent_nano for call in untold)
    report(tx, zone, org, lease_id, LeaseReport(spent, events, returned=True), held.expires_ts)


def _booked(zone: Zone, org: str, scope: str, event: Event) -> Event:
    """The event in the month that the lease was taken from."""
    return msgspec.structs.replace(sightings.fit(event), org=org, ts=within(zone, scope, event.ts))


def expire(tx: Transaction, org: str, now: int) -> int:
    """What is left of overdue leases is assumed spent. Returns how many there were."""
    due = tx.locked(DUE, (org, now), "FOR UPDATE SKIP LOCKED").fetchall()
    for lease_id, _, _ in due:
        tx.text(EXPIRE, (org, lease_id))
    moved: dict[Place, Charge] = {}
    for _, scope, left in due:
        add_to(moved, (org, scope), Charge(assumed=left, reserved=-left))
    charge(tx, moved)
    return len(due)
