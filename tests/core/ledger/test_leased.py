"""Spending a lease in memory, and keeping what the ledger could not take."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from gaia_budget import places
from gaia_budget.errors import BudgetExceededError
from gaia_budget.ledger import spool
from gaia_budget.ledger.leased import LeasedBudget
from gaia_budget.ledger.verify import verify
from support.clock import Clock
from support.events import event

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

AT = "2026-11-23T12:00"


@pytest.fixture
def clock(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(AT)
    monkeypatch.setattr(type(ledger), "now", lambda _: clock.ts)
    return clock


def test_calls_on_a_lease_are_told_and_the_rest_is_returned(ledger: Ledger, clock: Clock) -> None:
    scope = ledger.module_scope("jseeker", 10_000)
    with LeasedBudget(ledger, 100) as budget:
        for number in range(7):
            held = budget.reserve(scope, 30)
            budget.settle(held, 20, event(f"e{number}", AT, cost_nano=20))

    month = ledger.month("jseeker")
    assert (month.spent_nano(), month.reserved_nano) == (140, 0)
    assert ledger.spend(()).total.responses == 7
    assert verify(ledger) == []


def test_a_call_in_flight_keeps_its_part_of_a_lease_that_is_used_up(ledger: Ledger, clock: Clock) -> None:
    scope = ledger.module_scope("jseeker", 10_000)
    budget = LeasedBudget(ledger, 100)
    slow = budget.reserve(scope, 90)
    quick = budget.reserve(scope, 50)
    budget.settle(quick, 50, event("quick", AT, cost_nano=50))
    budget.settle(slow, 80, event("slow", AT, cost_nano=80))
    budget.close()

    month = ledger.month("jseeker")
    assert (month.spent_nano(), month.reserved_nano) == (130, 0)
    assert verify(ledger) == []


def test_leases_of_several_processes_together_never_overspend(ledger: Ledger) -> None:
    scope = ledger.module_scope("jseeker", 1000)
    made: list[int] = []

    def work(name: int) -> None:
        budget = LeasedBudget(ledger, 200)
        for number in range(100):
            try:
                held = budget.reserve(scope, 7)
            except BudgetExceededError:
                break
            made.append(name)
            budget.settle(held, 7, event(f"{name}-{number}", AT, cost_nano=7))
        budget.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) * 7 == ledger.spend(()).total.cost_nano <= 1000
    assert verify(ledger) == []


def test_a_settlement_that_was_kept_is_given_to_the_ledger_once(ledger: Ledger, clock: Clock) -> None:
    ledger.reserve([ledger.module_scope("jseeker", 100)], 50, call_id="c")
    settlement = spool.Settlement("c", 9, event("e", AT, cost_nano=9))
    spool.put(settlement)
    spool.put(spool.Settlement("held elsewhere", 4, event("f", AT, cost_nano=4)))
    with (places.home() / spool.NAME).open("ab") as torn:
        torn.write(b'{"reservation_id": "torn", "act')

    assert spool.replay(ledger) == 2
    assert spool.replay(ledger) == 0
    assert ledger.month("jseeker").spent_nano() == 13
    assert (places.home() / spool.UNREADABLE).read_bytes().startswith(b'{"reservation_id": "torn"')
    assert verify(ledger) == []
