"""The part of the ledger that decides what may be spent."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_budget.ledger import budgets, leases, overrides, reservations
from gaia_budget.ledger.budgets import Scope
from gaia_budget.ledger.leases import Lease, Report
from gaia_budget.ledger.months import module_scope
from gaia_budget.ledger.overrides import Override
from gaia_budget.ledger.questions import bucket
from gaia_budget.ledger.reservations import Reservation
from gaia_budget.ledger.store import Store
from gaia_budget.ledger.zone import MICRO, first_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.ledger.zone import When
    from gaia_budget.model import Event

TTL_SECONDS = 900
"""How long a reservation or lease holds; longer than any provider keeps a call open."""


class Budgeting(Store):
    """Reserve, settle, lease, override. Every write may be repeated: doing it twice is doing it once."""

    def module_scope(self, module: str, limit_nano: int, *, counts_claude_code: bool = False) -> Scope:
        """The budget of a module's current month, in the ledger's time zone."""
        month = bucket(self.zone, "month", self.now())
        return Scope(
            module_scope(module, month), limit_nano, counts_claude_code, first_of(month + 1).isoformat()
        )

    def reserve(
        self, scopes: Sequence[Scope], estimate_nano: int, *, call_id: str, ttl_s: float = TTL_SECONDS
    ) -> Reservation:
        """Hold an upper bound of a call's cost in every scope, or in none.

        `call_id` names the call: asking again for it (after a lost connection) holds once. Raises
        BudgetExceededError before anything is held, InputError, LedgerError.
        """
        by_key = {scope.key: scope for scope in scopes}
        now = self.now()
        wanted = Reservation(call_id, tuple(sorted(by_key)), estimate_nano, now, now + int(ttl_s * MICRO))
        chosen = list(by_key.values())
        return self.db.write(lambda tx: reservations.reserve(tx, self.org, self.machine, chosen, wanted))

    def settle(self, reservation_id: str, actual_nano: int, event: Event | None = None) -> None:
        """Replace what was held by what the call cost, and record its event in the same transaction.

        An unpriced call passes what it is assumed to have cost; a call that never was passes 0. Repeating it
        changes nothing. Raises NotFoundError for an unknown reservation, InputError, LedgerError.
        """
        self.db.write(
            lambda tx: reservations.settle(tx, self.zone, self.org, reservation_id, actual_nano, event)
        )

    def keep_for(self, reservation_id: str, name: str, *, ttl_s: float) -> None:
        """Hold a call's money under another name for longer: its answer comes later, perhaps to another process."""
        until = self.now() + int(ttl_s * MICRO)
        self.db.write(lambda tx: reservations.keep_for(tx, self.org, reservation_id, name, until))

    def kept_for(self, beginning: str) -> str | None:
        """The name that begins so, of what is held for an answer that is not settled yet."""
        return self.db.ask(lambda ask: reservations.kept_for(ask, self.org, beginning))

    def expire(self) -> int:
        """Settle overdue reservations at their full reserve, and overdue leases at what they held."""
        now = self.now()
        return self.db.write(
            lambda tx: reservations.expire(tx, self.org, now) + leases.expire(tx, self.org, now)
        )

    def lease(
        self, scope: Scope, amount_nano: int, *, need_nano: int = 1, ttl_s: float = TTL_SECONDS
    ) -> Lease:
        """Set an amount aside for this process: at most `amount_nano`, less near the cap, at least `need_nano`.

        Raises BudgetExceededError where not even that is left.
        """
        now = self.now()
        wanted = Lease(uuid.uuid4().hex, scope.key, amount_nano, 0, 0, "active", now + int(ttl_s * MICRO))
        return self.db.write(
            lambda tx: leases.lease(tx, self.org, self.machine, scope, wanted, need_nano, now)
        )

    def report(
        self, lease_id: str, told: Report, *, ttl_s: float = TTL_SECONDS, patience_s: float | None = None
    ) -> None:
        """Take in what a lease's holder spent, with its events, and what it returns; renews the lease."""
        expires = self.now() + int(ttl_s * MICRO)
        self.db.write(lambda tx: leases.report(tx, self.zone, self.org, lease_id, told, expires), patience_s)

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
        now = self.now()
        until = self.instant(expires, end=True)
        if until is None:
            until = self.zone.start_of_month(bucket(self.zone, "month", now) + 1)
        if not module.strip():
            raise InputError("an override needs a module")
        made = Override(
            uuid.uuid4().hex[:8], module, amount_nano, 0, reason, granted_by, now, until, None, task
        )
        self.db.write(lambda tx: overrides.grant(tx, self.org, made))
        return made

    def revoke_override(self, override_id: str) -> None:
        """Take back what is not used yet. Raises NotFoundError."""
        now = self.now()
        self.db.write(lambda tx: overrides.revoke(tx, self.org, override_id, now))

    def cover_overspend(self, scope: Scope) -> None:
        """Draw on a module's overrides for what Claude Code has spent beyond the cap that its spend counts against."""
        now = self.now()
        self.db.write(lambda tx: budgets.cover(tx, self.org, scope, now))

    def active_overrides(self, module: str | None = None) -> list[Override]:
        """Overrides with something left to draw, of one module or of all."""
        now = self.now()
        return [one for one in self.overrides() if one.is_active(now) and module in (None, one.module)]

    def overrides(self) -> list[Override]:
        """Every override, the newest first."""
        return self.db.ask(lambda ask: overrides.listed(ask, self.org))
