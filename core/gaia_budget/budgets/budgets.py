"""What may be spent: reserve before a call, settle after it, lease, override. Composed over a ledger."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from gaia_budget.budgets import held, limits, months, overrides
from gaia_budget.budgets.held import Lease, LeaseReport, Reservation
from gaia_budget.budgets.limits import Scope
from gaia_budget.budgets.overrides import Override
from gaia_budget.errors import InputError
from gaia_budget.ledger.charges import module_scope
from gaia_budget.ledger.zone import MICRO, bucket, first_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.budgets.held import Paid
    from gaia_budget.budgets.months import MonthSpend
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.zone import When
    from gaia_budget.model import Event

TTL_SECONDS = 900
"""How long a reservation or lease holds; longer than any provider keeps a call open."""
GONE_SECONDS = 4.0
"""How long a call waits for a server that cannot be reached: whoever makes calls would rather be told."""


class Budgets:
    """The money of one organisation that is held. Every write may be repeated: doing it twice is doing it once.

    `gone_s`: how long a server that cannot be reached is waited for; a lock or a rival is waited for much longer.
    """

    def __init__(self, ledger: Ledger, gone_s: float = GONE_SECONDS) -> None:
        self.ledger = ledger
        self.db, self.org, self.machine, self.zone = ledger.db, ledger.org, ledger.machine, ledger.zone
        self.gone_s = gone_s

    def module_scope(self, module: str, limit_nano: int, *, counts_claude_code: bool = False) -> Scope:
        """The budget of a module's current month, in the ledger's time zone."""
        month = bucket(self.zone, "month", self.ledger.now())
        return Scope(
            module_scope(module, month), limit_nano, counts_claude_code, first_of(month + 1).isoformat()
        )

    def month(self, module: str, at: When = None) -> MonthSpend:
        """The calendar month of a module that an instant falls in (default: now), in the ledger's time zone."""
        return self._months(at, module)[module]

    def months(self, at: When = None) -> dict[str, MonthSpend]:
        """The same of every module that spent or reserved something in that month."""
        return self._months(at, None)

    def _months(self, at: When, module: str | None) -> dict[str, MonthSpend]:
        ts = self.ledger.instant(at)
        number = bucket(self.zone, "month", self.ledger.now() if ts is None else ts)
        return self.ledger.cache.of(
            ("months", number, module),
            lambda: self.db.ask(lambda ask: months.months(ask, self.zone, self.org, number, module)),
        )

    def reserve(
        self, scopes: Sequence[Scope], estimate_nano: int, *, call_id: str, ttl_s: float = TTL_SECONDS
    ) -> Reservation:
        """Hold an upper bound of a call's cost in every scope, or in none.

        `call_id` names the call: asking again for it (after a lost connection) holds once. Raises
        BudgetExceededError before anything is held, InputError, LedgerError.
        """
        by_key = {scope.key: scope for scope in scopes}
        now = self.ledger.now()
        wanted = Reservation(call_id, tuple(sorted(by_key)), estimate_nano, now, now + int(ttl_s * MICRO))
        chosen = list(by_key.values())
        return self.db.write(lambda tx: held.reserve(tx, self.org, self.machine, chosen, wanted), self.gone_s)

    def settle(self, reservation_id: str, actual_nano: int, event: Event | None = None) -> None:
        """Replace what was held by what the call cost, and record its event in the same transaction.

        An unpriced call passes what it is assumed to have cost; a call that never was passes 0. Repeating it
        changes nothing. Raises NotFoundError for an unknown reservation, InputError, LedgerError.
        """
        self.db.write(
            lambda tx: held.settle(tx, self.zone, self.org, reservation_id, actual_nano, event),
            self.gone_s,
        )

    def keep_for(self, reservation_id: str, name: str, *, ttl_s: float) -> None:
        """Hold a call's money under another name for longer: its answer comes later, perhaps to another process."""
        until = self.ledger.now() + int(ttl_s * MICRO)
        self.db.write(lambda tx: held.keep_for(tx, self.org, reservation_id, name, until), self.gone_s)

    def kept_for(self, beginning: str) -> str | None:
        """The name that begins so, of what is held for an answer that is not settled yet."""
        return self.db.ask(lambda ask: held.kept_for(ask, self.org, beginning))

    def expire(self) -> int:
        """Settle overdue reservations at their full reserve, and overdue leases at what they held."""
        now = self.ledger.now()
        return self.db.write(lambda tx: held.expire(tx, self.org, now), self.gone_s)

    def lease(
        self,
        scope: Scope,
        amount_nano: int,
        *,
        need_nano: int = 1,
        ttl_s: float = TTL_SECONDS,
        lease_id: str = "",
    ) -> Lease:
        """Set an amount aside for this process: at most `amount_nano`, less near the cap, at least `need_nano`.

        `lease_id` names it (default: a new name). Raises BudgetExceededError where not even that is left.
        """
        now, name = self.ledger.now(), lease_id or uuid.uuid4().hex
        wanted = Lease(name, scope.key, amount_nano, 0, 0, "active", now + int(ttl_s * MICRO))
        return self.db.write(
            lambda tx: held.lease(tx, self.org, self.machine, scope, wanted, need_nano, now), self.gone_s
        )

    def report(
        self, lease_id: str, told: LeaseReport, *, ttl_s: float = TTL_SECONDS, gone_s: float | None = None
    ) -> None:
        """Take in what a lease's holder spent, with its events, and what it returns; renews the lease."""
        expires = self.ledger.now() + int(ttl_s * MICRO)
        self.db.write(
            lambda tx: held.report(tx, self.zone, self.org, lease_id, told, expires),
            self.gone_s if gone_s is None else gone_s,
        )

    def wind_up(self, lease_id: str, calls: Sequence[Paid]) -> None:
        """End the lease of a process that died: what it paid and had not told, and the rest. Raises NotFoundError."""
        self.db.write(lambda tx: held.wind_up(tx, self.zone, self.org, lease_id, calls), self.gone_s)

    def add_override(
        self,
        module: str,
        amount_nano: int,
        reason: str,
        *,
        task: str = "",
        expires: When = None,
        granted_by: str = "",
    ) -> Override:
        """Grant money on top of a module's month, or of one task of it; by default until the month ends.

        Raises InputError. Only a human may grant: callers make sure of that.
        """
        now = self.ledger.now()
        until = self.ledger.instant(expires, end=True)
        if until is None:
            until = self.zone.start_of_month(bucket(self.zone, "month", now) + 1)
        if not module.strip():
            raise InputError("an override needs a module", slug="override-incomplete")
        made = Override(
            uuid.uuid4().hex[:8], module, amount_nano, 0, reason, granted_by, now, until, None, task
        )
        self.db.write(lambda tx: overrides.grant(tx, self.org, made))
        return made

    def revoke_override(self, override_id: str) -> None:
        """Take back what is not used yet. Raises NotFoundError."""
        now = self.ledger.now()
        self.db.write(lambda tx: overrides.revoke(tx, self.org, override_id, now))

    def cover_overspend(self, scope: Scope) -> None:
        """Draw on a module's overrides for what Claude Code has spent beyond the cap that its spend counts against."""
        now = self.ledger.now()
        self.db.write(lambda tx: limits.cover(tx, self.org, scope, now))

    def active_overrides(self, module: str | None = None) -> list[Override]:
        """Overrides with something left to draw, of one module or of all."""
        now = self.ledger.now()
        return [one for one in self.overrides() if one.is_active(now) and module in (None, one.module)]

    def overrides(self) -> list[Override]:
        """Every override, the newest first."""
        return self.db.ask(lambda ask: overrides.listed(ask, self.org))
