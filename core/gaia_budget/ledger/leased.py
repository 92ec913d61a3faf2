"""Spending a lease: reserve and settle in memory, and tell the ledger in portions."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget.ledger.budgeting import TTL_SECONDS
from gaia_budget.ledger.leases import Report

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from gaia_budget.ledger.budgets import Scope
    from gaia_budget.ledger.leases import Lease
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.model import Event

PORTION = 500
"""Settled calls that are told at once."""
TELL_SECONDS = 1.0
"""How long a settled call waits at most while others are made."""


class Part:
    """One lease in use: what is spent and held of it, and the events that are not told yet."""

    __slots__ = ("events", "held", "lease", "scope", "spent")

    def __init__(self, scope: Scope, lease: Lease) -> None:
        self.scope = scope
        self.lease = lease
        self.spent = self.held = 0
        self.events: list[Event] = []

    @property
    def left(self) -> int:
        """What a next call may hold."""
        return self.lease.granted_nano - self.spent - self.held


class Held(NamedTuple):
    """What one call holds of a lease."""

    part: Part
    estimate_nano: int
    admitted_ts: int


class LeasedBudget:
    """One process's part of a budget. Safe for threads.

    What was not told when the process dies is stranded until its events come through the logs: never overspent.
    """

    def __init__(self, ledger: Ledger, amount_nano: int) -> None:
        self.ledger = ledger
        self.amount_nano = amount_nano
        self._lock = threading.Lock()
        self._parts: list[Part] = []  # the last one is in use; the others wait for calls in flight
        self._told = time.monotonic()

    def reserve(self, scope: Scope, estimate_nano: int) -> Held:
        """Hold an upper bound of a call's cost. Raises BudgetExceededError, LedgerError."""
        with self._lock:
            part = self._parts[-1] if self._parts else None
            if part is None or part.scope.key != scope.key or part.left < estimate_nano:
                part = self._renewed(scope, estimate_nano)
            part.held += estimate_nano
            return Held(part, estimate_nano, self.ledger.now())

    def settle(self, held: Held, actual_nano: int, event: Event) -> None:
        """Replace what a call held by what it cost. Its event is told with the next portion. Raises LedgerError."""
        with self._lock:
            part = held.part
            part.held -= held.estimate_nano
            part.spent += actual_nano
            part.events.append(msgspec.structs.replace(event, ts=min(event.ts, held.admitted_ts)))
            if part is not self._parts[-1] and not part.held:
                self._tell(part)
            elif len(part.events) >= PORTION or time.monotonic() - self._told > TELL_SECONDS:
                self._told = time.monotonic()
                self._tell(part)

    def close(self) -> None:
        """Tell the rest and return what is left. What calls in flight hold stays held until the lease expires."""
        with self._lock:
            for part in list(self._parts):
                self._tell(part, done=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _renewed(self, scope: Scope, need_nano: int) -> Part:
        """A new lease in place of the one that is used up."""
        if self._parts:
            self._tell(self._parts[-1], done=True)
        lease = self.ledger.lease(scope, max(self.amount_nano, need_nano), need_nano=need_nano)
        self._parts.append(Part(scope, lease))
        return self._parts[-1]

    def _tell(self, part: Part, *, done: bool = False) -> None:
        """Report a part; with no call in flight one that is done, or no longer in use, is returned."""
        returned = not part.held and (done or part is not self._parts[-1])
        self.ledger.report(part.lease.lease_id, Report(part.spent, part.events, returned), ttl_s=TTL_SECONDS)
        part.events = []
        if returned:
            self._parts.remove(part)
