"""Spending a lease: reserve and settle in memory, and tell the ledger in portions."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from gaia_budget.budgets import spool
from gaia_budget.budgets.held import LeaseReport
from gaia_budget.errors import BudgetExceededError, GaiaBudgetError, LedgerError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from gaia_budget.budgets.budgets import Budgets
    from gaia_budget.budgets.held import Lease
    from gaia_budget.budgets.limits import Scope
    from gaia_budget.model import Event

log = logging.getLogger(__name__)
PORTION = 500
"""Settled calls that are told at once."""
TELL_SECONDS = 1.0
"""How long a settled call waits at most while others are made."""
PATIENCE_SECONDS = 2.0
"""How long a call waits for a ledger that cannot be reached: its spend can be told later."""


class HeldLease:
    """One lease in use: what is spent and held of it, and the events that are not told yet."""

    __slots__ = ("events", "held", "in_use", "lease", "scope", "spent")

    def __init__(self, scope: Scope, lease: Lease) -> None:
        self.scope = scope
        self.lease = lease
        self.in_use = True  # the next calls may take of it; else it waits for those in flight
        self.spent = self.held = 0
        self.events: list[Event] = []

    @property
    def left(self) -> int:
        """What a next call may hold."""
        return self.lease.granted_nano - self.spent - self.held

    @property
    def is_over(self) -> bool:
        """Whether it waits for no call any more."""
        return not self.in_use and not self.held


class Held(NamedTuple):
    """What one call holds of a lease."""

    part: HeldLease
    estimate_nano: int
    admitted_ts: int

    @property
    def lease_id(self) -> str:
        """The lease that it is held of."""
        return self.part.lease.lease_id


class Witness(Protocol):
    """Whoever keeps a record of leases, so that somebody can wind them up if this process dies."""

    def taking(self, lease_id: str) -> None:
        """A lease is about to be taken. What this raises keeps it from being taken."""

    def told(self, event_ids: Sequence[str]) -> None:
        """These events are in the ledger, or in the spool."""

    def returned(self, lease_id: str) -> None:
        """Nothing of a lease is held any more."""


class LeasedBudget:
    """One process's part of its budgets. Safe for threads.

    What was not told when the process dies is stranded until a witness's record of it is read, or its events come
    through the logs: never overspent.
    """

    def __init__(self, budgets: Budgets, amount_nano: int, witness: Witness | None = None) -> None:
        self.budgets = budgets
        self.amount_nano = amount_nano
        self._witness = witness
        self._lock = threading.Lock()
        self._parts: list[HeldLease] = []
        self._told = time.monotonic()
        self._problem: LedgerError | None = None  # since the ledger could not be reached last
        self._closed = False

    def reserve(self, scope: Scope, estimate_nano: int) -> Held:
        """Hold an upper bound of a call's cost. Raises BudgetExceededError, LedgerError."""
        with self._lock:
            fitting = (
                part
                for part in reversed(self._parts)
                if part.scope.key == scope.key and part.left >= estimate_nano
            )
            part = next(fitting, None) or self._renewed(scope, estimate_nano)
            part.held += estimate_nano
            return Held(part, estimate_nano, self.budgets.ledger.now())

    def settle(self, held: Held, actual_nano: int, *events: Event) -> None:
        """Replace what a call held by what it cost; its events are told with the next portion.

        Never raises: while the ledger cannot be reached, what is to tell is kept, and what is left of the lease
        may be spent.
        """
        with self._lock:
            part = held.part
            part.held -= held.estimate_nano
            part.in_use = part.in_use and not self._closed
            part.spent += actual_nano
            part.events += [
                msgspec.structs.replace(event, ts=min(event.ts, held.admitted_ts)) for event in events
            ]
            waited = time.monotonic() - self._told > TELL_SECONDS
            full = len(part.events) >= PORTION
            if self._closed or waited or (self._problem is None and (full or part.is_over)):
                self._try_to_tell()

    def tell(self) -> bool:
        """Tell what is not told yet; whether there was something."""
        with self._lock:
            waits = any(part.events or part.is_over for part in self._parts)
            if waits:
                self._try_to_tell()
            return waits

    def give_back(self) -> None:
        """Tell the rest, and return what no call in flight holds: nobody is about to spend it."""
        with self._lock:
            for part in self._parts:
                part.in_use = False
            self._try_to_tell()

    def close(self) -> None:
        """Tell the rest and return what is left; keep it in a file where the ledger cannot be reached.

        What calls in flight hold stays held until they are settled, or the lease expires. Raises OSError when
        the file cannot be written either.
        """
        with self._lock:
            self._closed = True
            for part in list(self._parts):
                part.in_use = False
                report = LeaseReport(part.spent, part.events, returned=not part.held)
                try:
                    self.budgets.report(part.lease.lease_id, report)
                except Exception as error:  # noqa: BLE001 (whatever stops it here: what was spent must not be lost)
                    spool.put(
                        self.budgets.ledger.folder,
                        spool.SpooledReport(
                            part.lease.lease_id, report.spent_nano, part.events, report.returned
                        ),
                    )
                    if not isinstance(error, LedgerError):
                        log.warning("a lease's spend was kept in %s: %s", spool.NAME, type(error).__name__)
                self._is_told(part)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _renewed(self, scope: Scope, need_nano: int) -> HeldLease:
        """A new lease in place of the one of the same module that is used up, or of a month that is over."""
        for part in self._parts:
            if part.scope.module == scope.module:
                part.in_use = False
        self._try_to_tell()
        if self._problem is not None:
            raise self._problem
        lease_id = uuid.uuid4().hex
        if self._witness is not None:
            self._witness.taking(lease_id)
        try:
            lease = self.budgets.lease(
                scope, max(self.amount_nano, need_nano), need_nano=need_nano, lease_id=lease_id
            )
        except BudgetExceededError:
            if self._witness is not None:
                self._witness.returned(lease_id)
            raise
        self._parts.append(HeldLease(scope, lease))
        return self._parts[-1]

    def _try_to_tell(self) -> None:
        """Report every part that has something to tell; the first that cannot be told ends it."""
        known, self._problem = self._problem, None
        for part in list(self._parts):
            if not part.events and not part.is_over:
                continue
            try:
                self._report(part, LeaseReport(part.spent, part.events, part.is_over))
            except GaiaBudgetError as error:
                if known is None:  # once in each outage
                    log.warning("a lease's spend is told later: %s", error)
                self._problem = (
                    error
                    if isinstance(error, LedgerError)
                    else LedgerError(str(error), slug="ledger-unusable")
                )
                break
            self._is_told(part)
        self._told = time.monotonic()

    def _report(self, part: HeldLease, told: LeaseReport) -> None:
        try:
            self.budgets.report(part.lease.lease_id, told, gone_s=PATIENCE_SECONDS)
        except NotFoundError:  # the ledger was made anew meanwhile: the events alone count
            self.budgets.ledger.record(told.events, gone_s=PATIENCE_SECONDS)
            part.lease = part.lease._replace(granted_nano=0)

    def _is_told(self, part: HeldLease) -> None:
        events, part.events = part.events, []
        if part.is_over:
            self._parts.remove(part)
        if self._witness is not None:
            self._witness.told([event.event_id for event in events])
            if part.is_over:
                self._witness.returned(part.lease.lease_id)
