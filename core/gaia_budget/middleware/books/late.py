"""Calls that are booked late: those that go through though the ledger cannot be used, and those of the dead.

Where nobody has set a cap, calls go on without a ledger. Each is in the journal and in the module's log as ever, so it
is booked once, by this process or by the next one. All of them together are held to the default cap, as far as this
process knows. What processes have left that are gone is settled by whoever starts next.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget import places
from gaia_budget.budgets.held import Paid
from gaia_budget.budgets.spool import upkeep
from gaia_budget.errors import BudgetExceededError, NotFoundError
from gaia_budget.middleware.books import costs
from gaia_budget.middleware.books.journal import CallJournal, abandoned, unwritable
from gaia_budget.middleware.books.log import line_of, stands_in
from gaia_hooks.facts.prices.money import usd_short
from gaia_hooks.machine import files
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from gaia_budget.budgets import Budgets
    from gaia_budget.errors import GaiaBudgetError
    from gaia_budget.middleware.books.booking import Bookings
    from gaia_budget.middleware.books.journal import Left, Settlement

log = logging.getLogger("gaia_budget")
RETRY_SECONDS = 30.0
"""How long calls go through without asking whether the ledger can be used again."""
REMEMBERED = 100_000
"""Calls that this process books itself once it can; those before them are booked from its journal when it has ended."""


class _Late(NamedTuple):
    settlement: Settlement
    in_log: bool


class WaitingCalls:
    """The calls of one guard that wait for a ledger. Safe for threads; reads and opens nothing until there is one."""

    def __init__(self, notice_once: Callable[[str, str], None]) -> None:
        self._notice_once = notice_once
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}
        self._late: dict[str, _Late] = {}
        self._spent = 0
        self._pid, self._ask_again = 0, 0.0
        self._journal: CallJournal | None = None
        self._of_parents: list[CallJournal] = []

    @property
    def goes_on(self) -> bool:
        """Whether calls go through without asking for the ledger."""
        return self._ask_again > 0 and time.monotonic() < self._ask_again and self._pid == os.getpid()

    def begin(self, problem: GaiaBudgetError, module: str, limit_nano: int) -> None:
        """The ledger was asked just now, in vain."""
        self._ask_again = time.monotonic() + RETRY_SECONDS
        self._notice_once(
            f"without ledger {module}",
            f"{problem}. Nobody has set a cap for {module}, so its calls go through: they stand in its log, and are "
            f"booked once the ledger can be used (until then {usd_short(limit_nano)} at most)",
        )

    def renew_lock(self) -> None:
        """In a process that was forked: what waits is its parent's to book."""
        self._lock = threading.Lock()

    def hold(self, worst: Settlement, limit_nano: int) -> None:
        """Let a call through, within the default cap. Raises BudgetExceededError.

        Raises LedgerError where the journal cannot be written either.
        """
        try:
            journal = self._kept()
            with self._lock:
                held = sum(self._open.values())
                if self._spent + held + worst.actual_nano > limit_nano:
                    raise _exceeded(worst, self._spent, held, limit_nano)
                journal.note(msgspec.structs.replace(worst, reserved=False))
                self._open[worst.call_id] = worst.actual_nano
        except OSError as error:
            raise unwritable(error) from None

    def settle(self, settlement: Settlement) -> None:
        """Note what a call cost. Never raises."""
        costs.process.add(settlement.event)
        kept, in_log = msgspec.structs.replace(settlement, reserved=False), False
        try:
            self._kept().note(kept)
            files.append(argus.runtime_path(str(places.logs_dir()), kept.event.module), line_of(kept))
            in_log = True
        except OSError as error:
            log.warning("a call could not be noted: %s", error.strerror)
        with self._lock:
            self._open.pop(kept.call_id, None)
            self._spent += kept.actual_nano
            self._late[kept.call_id] = _Late(kept, in_log)
            if len(self._late) > REMEMBERED:
                del self._late[next(iter(self._late))]

    def give_to(self, books: Callable[[], Bookings]) -> None:
        """The ledger can be used: book what waits for it. Never raises."""
        if not self._late or self._pid != os.getpid():
            return
        with self._lock:
            late, self._late, self._spent = self._late, {}, 0
        for call_id, one in late.items():
            books().take_over(one.settlement, in_log=one.in_log)
            if self._journal is not None:
                self._journal.done(call_id)

    def _kept(self) -> CallJournal:
        """The journal of this process. Raises OSError."""
        with self._lock:
            if self._journal is not None and self._pid == os.getpid():
                return self._journal
            if self._journal is not None:
                self._of_parents.append(self._journal)
                self._open, self._late, self._spent = {}, {}, 0
            self._journal, self._pid = CallJournal(places.ensure_home() / "calls"), os.getpid()
            return self._journal


def _exceeded(worst: Settlement, spent: int, held: int, limit_nano: int) -> BudgetExceededError:
    module = worst.event.module
    return BudgetExceededError(
        f"module {module}: the ledger cannot be used, and without it this process has spent {usd_short(spent)} and "
        f"holds {usd_short(held)} of the default cap of {usd_short(limit_nano)}; this call may cost "
        f"{usd_short(worst.actual_nano)}. Mend the ledger (gaia-budget doctor), or raise default_monthly_budget_usd",
        scope=f"module {module}",
        spent_nano=spent,
        reserved_nano=held,
        limit_nano=limit_nano,
    )


def settle_what_the_dead_left(
    budgets: Budgets, folder: Path, logs: str, tell_hooks: Callable[[Settlement], None]
) -> None:
    """Book the calls in the journals of processes that are gone, return their leases, and settle what is overdue.

    Raises LedgerError, OSError: then it is left for the next one.
    """
    upkeep(budgets)
    for left in abandoned(folder):
        for settlement in _settled(budgets, left):
            tell_hooks(settlement)
            path = argus.runtime_path(logs, settlement.event.module)
            if not stands_in(path, settlement.call_id):
                files.append(path, line_of(settlement))


def _settled(budgets: Budgets, left: Left) -> Iterable[Settlement]:
    """The calls that a process has left, each entered in the ledger."""
    for lease_id in dict.fromkeys([*left.leases, *(call.lease_id for call in left.calls if call.lease_id)]):
        paid = [call for call in left.calls if call.lease_id == lease_id]
        _wind_up(budgets, lease_id, paid)
        yield from paid
    for call in left.calls:
        if not call.lease_id and _entered(budgets, call):
            yield call


def _wind_up(budgets: Budgets, lease_id: str, paid: Sequence[Settlement]) -> None:
    calls = [Paid(call.actual_nano, (call.event, *call.more)) for call in paid]
    try:
        budgets.wind_up(lease_id, calls)
    except NotFoundError:  # it died before the lease was its own, or the ledger is new: events alone count
        budgets.ledger.record([event for call in calls for event in call.events])


def _entered(budgets: Budgets, settlement: Settlement) -> bool:
    """Enter a call that the ledger held money for, or that cost nothing; whether there was one."""
    if settlement.reserved:
        try:
            budgets.settle(settlement.call_id, settlement.actual_nano, settlement.event)
        except NotFoundError:
            return False  # it died before the ledger held anything: the call was never sent
    else:
        budgets.ledger.record([settlement.event])
    if settlement.more:
        budgets.ledger.record(settlement.more)
    return True
