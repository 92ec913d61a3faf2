"""Booking calls: journal first, then the module's ARGUS log, then the ledger; each call exactly once."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from gaia_budget import places
from gaia_budget.errors import BudgetExceededError, GaiaBudgetError, NotFoundError
from gaia_budget.middleware import beside
from gaia_budget.middleware.books import costs, late
from gaia_budget.middleware.books.journal import CallJournal, unwritable
from gaia_budget.middleware.books.log import Appender, line_of
from gaia_budget.middleware.books.rounds import Rounds
from gaia_hooks.machine import files
from gaia_hooks.session import argus, months

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.budgets.leased import Held, LeasedBudget
    from gaia_budget.budgets.limits import Scope
    from gaia_budget.ledger import Ledger
    from gaia_budget.middleware.books.journal import Settlement
    from gaia_budget.settings.keys import Settings

log = logging.getLogger("gaia_budget")
TTL_SECONDS = 3600.0
"""How long a call's money is held when its process neither settles it nor dies: longer than SDKs wait for one."""
PAID_SECONDS = 0.2
"""How long an answer that is paid waits for a ledger that cannot be reached: it is booked later."""
KEPT_LOGS = 16
"""Logs that are kept open, of the modules that this process books calls to."""


class Bookings:
    """The ledger, the logs and the journal of one process."""

    def __init__(self, settings: Settings) -> None:
        from gaia_budget.budgets import Budgets
        from gaia_budget.ledger import Ledger

        self.pid = os.getpid()
        self.ledger: Ledger = Ledger.open(settings=settings)
        self.budgets = Budgets(self.ledger)
        self._paid = Budgets(self.ledger, gone_s=PAID_SECONDS)
        self._logs = str(places.logs_dir())
        self._kept_logs: dict[str, Appender] = {}  # by module
        home = places.ensure_home()
        self._home, self._snapshot, folder = str(home), str(home / "snapshot.json"), home / "calls"
        self._journal = CallJournal(folder)
        self._lock = threading.Lock()
        self._late: dict[str, tuple[Settlement, bool]] = {}
        self._leased: LeasedBudget | None = None
        self._of_leases: dict[str, Held] = {}
        if settings.lease_nano:
            from gaia_budget.budgets.leased import LeasedBudget

            self._leased = LeasedBudget(self.budgets, settings.lease_nano, self._journal)
        self._rounds = Rounds(self.ledger, settings, self._leased)
        weakref.finalize(self, _end, os.getpid(), self._rounds)  # before the journal gives its file up
        late.settle_what_the_dead_left(
            self.budgets, folder, self._logs, partial(self._tell_hooks, again=True)
        )

    def hold(
        self,
        scopes: Sequence[Scope],
        worst: Settlement,
        ttl_s: float = TTL_SECONDS,
        *,
        in_ledger: bool = False,
    ) -> None:
        """Hold the worst case of a call in every scope. Raises BudgetExceededError, LedgerError.

        The journal knows of it before the ledger does, so that no crash leaves money held for nothing. With leases
        it is held in memory where it counts against a month alone, unless another process may settle it
        (`in_ledger`).
        """
        self._catch_up()
        try:
            if not in_ledger and len(scopes) == 1 and self._held_of_lease(scopes[0], worst):
                return
            self._journal.note(worst)
        except OSError as error:
            raise unwritable(error) from None
        try:
            self.budgets.reserve(scopes, worst.actual_nano, call_id=worst.call_id, ttl_s=ttl_s)
        except BaseException:
            self._journal.done(worst.call_id)
            raise

    def _held_of_lease(self, scope: Scope, worst: Settlement) -> bool:
        """Hold it of what this process has set aside. Where a lease is refused, less may be enough: the ledger says.

        Raises OSError, LedgerError.
        """
        if self._leased is None:
            return False
        try:
            held = self._leased.reserve(scope, worst.actual_nano)
        except BudgetExceededError:
            return False
        try:
            self._journal.note(msgspec.structs.replace(worst, lease_id=held.lease_id))
        except BaseException:
            self._leased.settle(held, 0)
            raise
        self._of_leases[worst.call_id] = held
        return True

    def keep_for(self, call_id: str, name: str, ttl_s: float) -> None:
        """Hold what a call holds under another name in the ledger, for whoever reads its answer later.

        Raises LedgerError; BudgetExceededError where a lease held it and the month has no room beside the lease.
        """
        held = self._of_leases.get(call_id)
        if held is None or self._leased is None:
            self.budgets.keep_for(call_id, name, ttl_s=ttl_s)
            return
        self.budgets.reserve([held.part.scope], held.estimate_nano, call_id=name, ttl_s=ttl_s)
        self._of_leases.pop(call_id, None)
        self._leased.settle(held, 0)

    def kept(self, call_id: str) -> None:
        """What is held stays so beyond this process; the ledger settles it when it expires."""
        self._journal.done(call_id)

    def book_once(self, settlement: Settlement) -> None:
        """Book an answer that may have been read before. Raises LedgerError, OSError."""
        if self.ledger.record([settlement.event]).new:
            costs.process.add(settlement.event)
            self._append(settlement)
            self._tell_hooks(settlement)

    def note(self, settlement: Settlement) -> None:
        """Book what nothing is spent on; never raises, and what cannot be written now is left out."""
        try:
            self._append(settlement)
            self.ledger.record([settlement.event])
        except (OSError, GaiaBudgetError) as error:
            log.warning("a call that did not go as asked is not counted: %s", error)

    def settle(self, settlement: Settlement) -> None:
        """Book a call. The money is spent, so this never raises: what cannot be written now is written later."""
        costs.process.add(settlement.event)
        held = self._of_leases.get(settlement.call_id)
        if held is not None:
            settlement = msgspec.structs.replace(settlement, lease_id=held.lease_id)
        self.take_over(settlement, in_log=False)

    def take_over(self, settlement: Settlement, *, in_log: bool) -> None:
        """Book what a call cost, which may have gone through while there was no ledger. Never raises."""
        try:
            self._journal.note(settlement)
        except OSError as error:
            log.warning("a call could not be noted in the journal: %s", error.strerror)
        self._book(settlement, in_log=in_log)
        self._rounds.booked()

    def has_any(self, *event_ids: str) -> bool:
        """Whether the ledger has one of these events. Raises LedgerError."""
        return self.ledger.has_any([one for one in event_ids if one])

    def release(self, call_id: str) -> None:
        """Give back what was held for a call that was never sent."""
        try:
            self.budgets.settle(call_id, 0)
        except GaiaBudgetError as error:
            log.warning("a reservation stays until it expires: %s", error)
        self._journal.done(call_id)

    @property
    def has_open_calls(self) -> bool:
        """Whether a call is on its way, or waits to be booked."""
        return self._journal.has_open_calls

    def close(self) -> None:
        """Write what is still late and close the ledger, which opens again when it is needed."""
        self._catch_up()
        self._rounds.end()
        self.ledger.close()
        self._kept_logs.clear()

    def _book(self, settlement: Settlement, in_log: bool) -> bool:
        """Write a call everywhere; whether that went well, else it is kept until later."""
        try:
            if not in_log:
                self._append(settlement)
                in_log = True
            self._enter(settlement)
        except (OSError, GaiaBudgetError) as error:
            with self._lock:
                self._late[settlement.call_id] = (settlement, in_log)
            log.warning(
                "a paid call is kept in %s until it can be booked: %s", places.home() / "calls", error
            )
            return False
        if not settlement.lease_id:  # else once the lease is told
            self._journal.done(settlement.call_id)
        return True

    def _enter(self, settlement: Settlement) -> None:
        held = self._of_leases.pop(settlement.call_id, None)
        if held is not None and self._leased is not None:
            self._leased.settle(held, settlement.actual_nano, settlement.event, *settlement.more)
            self._tell_hooks(settlement)
            return
        if settlement.reserved:
            try:
                self._paid.settle(settlement.call_id, settlement.actual_nano, settlement.event)
            except NotFoundError:  # the ledger was made anew meanwhile
                self.ledger.record([settlement.event], gone_s=PAID_SECONDS)
        else:
            self.ledger.record([settlement.event], gone_s=PAID_SECONDS)
        if settlement.more:
            self.ledger.record(settlement.more, gone_s=PAID_SECONDS)
        self._tell_hooks(settlement)

    def _tell_hooks(self, settlement: Settlement, *, again: bool = False) -> None:
        """Add a call to the month that Claude Code's hooks hold, where any are there to read it. Never raises."""
        event = settlement.event
        if not settlement.actual_nano or not files.exists(self._snapshot):
            return
        noted = [(f"app:{event.event_id}", event.ts, settlement.actual_nano)]
        try:
            if again:
                noted = months.missing(self._home, event.module, noted, 0)
            if noted:
                months.note(self._home, event.module, noted)
        except OSError as error:
            log.warning("hooks learn of a call at the next ingest: %s", error.strerror)

    def _append(self, settlement: Settlement) -> None:
        module = settlement.event.module
        kept = self._kept_logs.get(module)
        if kept is None:
            if len(self._kept_logs) >= KEPT_LOGS:
                self._kept_logs.clear()
            kept = self._kept_logs[module] = Appender(argus.runtime_path(self._logs, module))
        kept.append(line_of(settlement))

    def _catch_up(self) -> None:
        """Book what could not be booked before; the first that still cannot be ends it, for a call waits for this."""
        if not self._late:
            return
        with self._lock:
            waiting, self._late = list(self._late.items()), {}
        for place, (_, (settlement, in_log)) in enumerate(waiting):
            if not self._book(settlement, in_log):
                with self._lock:
                    self._late = {**dict(waiting[place + 1 :]), **self._late}
                return


def _end(pid: int, rounds: Rounds) -> None:
    """The books are dropped, or the process ends."""
    if pid == os.getpid():
        beside.finish(rounds.end)
