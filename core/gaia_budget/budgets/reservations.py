"""Reserve before a call, settle after it: what is in flight counts, so no race can overspend."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget.budgets.limits import Scope, admit
from gaia_budget.budgets.overrides import give_back
from gaia_budget.errors import InputError, NotFoundError
from gaia_budget.ledger import record, sightings
from gaia_budget.ledger.charges import Charge, Place, add_to, charge, is_module, within

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
    row = (
        org,
        wanted.reservation_id,
        keys,
        wanted.estimate_nano,
        machine,
        wanted.created_ts,
        wanted.expires_ts,
    )
    if tx.text(OPEN, row).rowcount == 0:
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
    charges = {} if event is None else _recorded(tx, zone, org, keys, created, event)
    for key in keys:
        app = 0 if is_module(key) else actual_nano - unpriced
        add_to(charges, (org, key), Charge(app, 0, unpriced - assumed, -estimate))
    lifted = charge(tx, charges)
    if lifted and actual_nano < (estimate or assumed):
        give_back(tx, org, [key for key in keys if key in lifted], (estimate or assumed) - actual_nano)


def _recorded(
    tx: Transaction, zone: Zone, org: str, keys: Sequence[str], created: int, event: Event
) -> dict[Place, Charge]:
    """Record a call's event at the instant that admitted it; returns what it changes in the budgets."""
    ts = min(event.ts, created)
    for key in keys:
        ts = within(zone, key, ts)
    event = msgspec.structs.replace(sightings.fit(event), org=org, ts=ts)
    return record.take_fact(tx, zone, event)


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


def expire(tx: Transaction, org: str, now: int) -> int:
    """Settle what is overdue at its full reserve; its event may still come. Returns how many there were."""
    due = tx.locked(DUE, (org, now), "FOR UPDATE SKIP LOCKED").fetchall()
    for reservation_id, _, _ in due:
        tx.text(EXPIRE, (org, reservation_id))
    moved: dict[Place, Charge] = {}
    for _, scopes, estimate in due:
        for key in _scopes(scopes):
            add_to(moved, (org, key), Charge(assumed=estimate, reserved=-estimate))
    charge(tx, moved)
    return len(due)
