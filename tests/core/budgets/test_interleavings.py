"""Any interleaving of calls, crashes, grants and months keeps within the limits, and sums equal events."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gaia_budget.budgets import Budgets
from gaia_budget.budgets.held import LeaseReport
from gaia_budget.budgets.limits import Scope
from gaia_budget.errors import BudgetExceededError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.verify import verify
from gaia_budget.model import Event
from gaia_budget.settings.keys import Settings
from support.events import ts

LIMIT = 100
AMOUNT = st.integers(0, 60)


class Use(RuleBasedStateMachine):
    """A module month, a session and a task cap under random use."""

    url = ""
    calls: Bundle[tuple[str, int]] = Bundle("calls")
    leases: Bundle[tuple[str, int]] = Bundle("leases")
    grants: Bundle[str] = Bundle("grants")

    @initialize()
    def open(self) -> None:
        """Every run has an organisation of its own in one database."""
        chosen = Settings().but(timezone="Europe/Berlin", org=uuid.uuid4().hex)
        self.instant = ts("2026-11-30T22:30")
        self.ledger = Ledger.open(self.url, settings=chosen)
        self.ledger.now = lambda: self.instant  # type: ignore[method-assign]
        self.events = 0
        self.paid = 0
        self.granted: dict[str, int] = {}

    def scopes(self) -> list[Scope]:
        return [
            Budgets(self.ledger).module_scope("m", LIMIT),
            Scope("session:s", 2 * LIMIT),
            Scope("task:m:t:1", 70),
        ]

    def event(self, cost: int | None) -> Event:
        self.events += 1
        return Event(event_id=f"e{self.events}", ts=self.instant, module="m", source="app", org=self.ledger.org,
                     billing="api", cost_nano=cost, input_tokens=self.events)  # fmt: skip

    @rule(target=calls, amount=AMOUNT, which=st.sets(st.integers(1, 2)), ttl=st.integers(1, 600))
    def reserve(self, amount: int, which: set[int], ttl: int) -> Any:
        call_id = uuid.uuid4().hex
        chosen = [self.scopes()[place] for place in (0, *which)]
        for _ in range(2):  # a retry changes nothing
            try:
                Budgets(self.ledger).reserve(chosen, amount, call_id=call_id, ttl_s=ttl)
            except BudgetExceededError:
                return ("", 0)
        return (call_id, amount)

    @rule(call=consumes(calls), share=st.integers(0, 100), priced=st.booleans(), again=st.booleans())
    def settle(self, call: tuple[str, int], share: int, priced: bool, again: bool) -> None:
        call_id, amount = call
        if call_id:
            actual = amount * share // 100
            event = self.event(actual if priced else None)
            self.paid += actual if priced else 0
            for _ in range(1 + again):
                Budgets(self.ledger).settle(call_id, actual, event)

    @rule(seconds=st.integers(1, 3600))
    def time_passes(self, seconds: int) -> None:
        self.instant += seconds * 1_000_000

    @rule()
    def expire(self) -> None:
        Budgets(self.ledger).expire()

    @rule(
        target=grants,
        amount=st.integers(1, 50),
        hours=st.integers(1, 48),
        task=st.sampled_from(["", "t", "other"]),
    )
    def grant(self, amount: int, hours: int, task: str) -> str:
        until = self.instant + hours * 3_600_000_000
        made = Budgets(self.ledger).add_override("m", amount, "why", task=task, expires=until)
        self.granted[made.override_id] = amount
        return made.override_id

    @rule(override_id=consumes(grants))
    def revoke(self, override_id: str) -> None:
        Budgets(self.ledger).revoke_override(override_id)

    @rule(target=leases, amount=AMOUNT, need=st.integers(1, 20), ttl=st.integers(1, 600))
    def lease(self, amount: int, need: int, ttl: int) -> Any:
        try:
            made = Budgets(self.ledger).lease(self.scopes()[0], amount, need_nano=need, ttl_s=ttl)
        except BudgetExceededError:
            return ("", 0)
        return (made.lease_id, made.granted_nano)

    @rule(lease=leases, share=st.integers(0, 100), priced=st.booleans(), returned=st.booleans())
    def report(self, lease: tuple[str, int], share: int, priced: bool, returned: bool) -> None:
        lease_id, granted = lease
        if not lease_id:
            return
        before = self.ledger.db.write(lambda tx: _lease_spent(tx, self.ledger.org, lease_id))
        if before[1] == "returned":
            return
        spent = max(before[0], granted * share // 100)
        cost = spent - before[0] if priced else None
        self.paid += cost or 0
        told = LeaseReport(spent, [self.event(cost)], returned)
        for _ in range(2):
            Budgets(self.ledger).report(lease_id, told)

    @invariant()
    def nothing_is_overspent(self) -> None:
        rows = self.ledger.db.ask(
            lambda ask: ask(
                "SELECT scope, app_nano + assumed_nano + reserved_nano, limit_nano + override_nano FROM budgets "
                "WHERE org = ? AND limit_nano IS NOT NULL",
                (self.ledger.org,),
            )
        )
        for scope, used, allowed in rows:
            assert used <= allowed, scope

    @invariant()
    def sums_equal_events(self) -> None:
        assert self.ledger.spend(()).total.cost_nano == self.paid

    @invariant()
    def no_override_is_used_beyond_its_amount(self) -> None:
        for found in Budgets(self.ledger).overrides():
            assert found.used_nano <= self.granted[found.override_id]
            assert found.task != "other" or not found.used_nano

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            assert verify(self.ledger) == []
            self.ledger.close()


def _lease_spent(tx: Any, org: str, lease_id: str) -> tuple[int, str]:
    row = tx.text(
        "SELECT spent_nano, state FROM leases WHERE org = ? AND lease_id = ?", (org, lease_id)
    ).fetchone()
    return row[0], row[1]


def test_any_interleaving_keeps_within_the_limits_and_equals_the_events(url: str) -> None:
    class Here(Use):
        pass

    Here.url = url
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
