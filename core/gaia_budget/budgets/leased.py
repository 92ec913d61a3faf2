"""Spending a lease: reserve and settle in memory, and tell the ledger in portions."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget.budgets import spool
from gaia_budget.budgets.leases import Report
from gaia_budget.errors import LedgerError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from gaia_budget.budgets.budgets import Budgets
    from gaia_budget.budgets.leases import Lease
    from gaia_budget.budgets.limits import Scope
    from gaia_budget.model import Event

log = logging.getLogger(__name__)
PORTION = 500
"""Settled calls that are told at once."""
TELL_SECONDS = 1.0
"""How long a settled call waits at most while others are made."""
PATIENCE_SECONDS = 2.0
"""How long a call waits for a ledger that cannot be reached: its spend can be told later."""


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

    def __init__(self, budgets: Budgets, amount_nano: int) -> None:
        self.budgets = budgets
        self.amount_nano = amount_nano
        self._lock = threading.Lock()
        self._parts: list[Part] = []  # the last one is in use; the others wait for calls in flight
        self._told = time.monotonic()
        self._reached = True
        self._closed = False

    def reserve(self, scope: Scope, estimate_nano: int) -> Held:
        """Hold an upper bound of a call's cost. Raises BudgetExceededError, LedgerError."""
        with self._lock:
            part = self._parts[-1] if self._parts else None
            if part is None or part.scope.key != scope.key or part.left < estimate_nano:
                part = self._renewed(scope, estimate_nano)
            part.held += estimate_nano
            return Held(part, estimate_nano, self.budgets.ledger.now())

    def settle(self, held: Held, actual_nano: int, event: Event) -> None:
        """Replace what a call held by what it cost; its event is told with the next portion.

        Never raises: while the ledger cannot be reached, what is to tell is kept, and what is left of the lease
        may be spent.
        """
        with self._lock:
            part = held.part
            part.held -= held.estimate_nano
            part.spent += actual_nano
            part.events.append(msgspec.structs.replace(event, ts=min(event.ts, held.admitted_ts)))
            waited = time.monotonic() - self._told > TELL_SECONDS
            full = len(part.events) >= PORTION
            if self._closed or waited or (self._reached and (full or self._is_over(part))):
                self._try_to_tell(done=self._closed)

    def close(self) -> None:
        """Tell the rest and return what is left; keep it in a file where the ledger cannot be reached.

        What calls in flight hold stays held until they are settled, or the lease expires. Raises OSError when
        the file cannot be written either.
        """
        with self._lock:
            self._closed = True
            for part in list(self._parts):
                report = Report(part.spent, part.events, returned=not part.held)
                try:
                    self.budgets.report(part.lease.lease_id, report)
                except Exception as error:  # noqa: BLE001 (whatever stops it here: what was spent must not be lost)
                    spool.put(
                        self.budgets.ledger.folder,
                        spool.Told(part.lease.lease_id, report.spent_nano, part.events, report.returned),
                    )
                    if not isinstance(error, LedgerError):
                        log.warning("a lease's spend was kept in %s: %s", spool.NAME, type(error).__name__)
                part.events = []
            self._parts = [part for part in self._parts if part.held]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _renewed(self, scope: Scope, need_nano: int) -> Part:
        """A new lease in place of the one that is used up."""
        self._try_to_tell(done=True)
        lease = self.budgets.lease(scope, max(self.amount_nano, need_nano), need_nano=need_nano)
        self._parts.append(Part(scope, lease))
        return self._parts[-1]

    def _is_over(self, part: Part) -> bool:
        """Whether a lease that is no longer in use waits for no call any more."""
        return part is not self._parts[-1] and not part.held

    def _try_to_tell(self, *, done: bool = False) -> None:
        """Report every part that has something to tell; with `done` the one in use too is returned if it can be."""
        reached, self._reached = self._reached, False
        for part in list(self._parts):
            returned = not part.held and (done or part is not self._parts[-1])
            if not part.events and not returned:
                continue
            told = Report(part.spent, part.events, returned)
            try:
                self.budgets.report(part.lease.lease_id, told, gone_s=PATIENCE_SECONDS)
            except LedgerError as error:
                if reached:  # once in each outage
                    log.warning("a lease's spend is told later: %s", error)
                break
            part.events = []
            if returned:
                self._parts.remove(part)
        else:
            self._reached = True
        self._told = time.monotonic()
