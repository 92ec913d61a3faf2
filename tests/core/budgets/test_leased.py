"""Spending a lease in memory, and keeping what the ledger could not take."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec
import pytest

from gaia_budget import places
from gaia_budget.budgets import Budgets, spool
from gaia_budget.budgets.held import LeaseReport, Paid
from gaia_budget.budgets.leased import LeasedBudget
from gaia_budget.errors import BudgetExceededError, LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.ledger.verify import verify
from gaia_budget.settings.keys import Settings
from support.clock import Clock
from support.events import event

if TYPE_CHECKING:
    from pathlib import Path

AT = "2026-11-23T12:00"


@pytest.fixture
def clock(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(AT)
    monkeypatch.setattr(type(ledger), "now", lambda _: clock.ts)
    return clock


def test_calls_on_a_lease_are_told_and_the_rest_is_returned(ledger: Ledger, clock: Clock) -> None:
    scope = Budgets(ledger).module_scope("jseeker", 10_000)
    with LeasedBudget(Budgets(ledger), 100) as budget:
        for number in range(7):
            held = budget.reserve(scope, 30)
            budget.settle(held, 20, event(f"e{number}", AT, cost_nano=20))

    month = Budgets(ledger).month("jseeker")
    assert (month.spent_nano(), month.reserved_nano) == (140, 0)
    assert ledger.spend(()).total.responses == 7
    assert verify(ledger) == []


def test_a_call_in_flight_keeps_its_part_of_a_lease_that_is_used_up(ledger: Ledger, clock: Clock) -> None:
    scope = Budgets(ledger).module_scope("jseeker", 10_000)
    budget = LeasedBudget(Budgets(ledger), 100)
    slow = budget.reserve(scope, 90)
    quick = budget.reserve(scope, 50)
    budget.settle(quick, 50, event("quick", AT, cost_nano=50))
    budget.settle(slow, 80, event("slow", AT, cost_nano=80))
    budget.close()

    month = Budgets(ledger).month("jseeker")
    assert (month.spent_nano(), month.reserved_nano) == (130, 0)
    assert verify(ledger) == []


def test_whatever_stops_the_last_report_what_was_spent_is_kept(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = LeasedBudget(Budgets(ledger), 100)
    budget.settle(
        budget.reserve(Budgets(ledger).module_scope("jseeker", 10_000), 30), 20, event("e", AT, cost_nano=20)
    )

    def at_exit(*_: object, **__: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as broken:
        broken.setattr(Budgets, "report", at_exit)
        budget.close()

    assert spool.replay(Budgets(ledger)) == 1
    assert ledger.spend(()).total.cost_nano == 20


def test_leases_of_several_processes_together_never_overspend(ledger: Ledger) -> None:
    scope = Budgets(ledger).module_scope("jseeker", 1000)
    made: list[int] = []

    def work(name: int) -> None:
        budget = LeasedBudget(Budgets(ledger), 200)
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


def test_spend_goes_on_while_the_ledger_cannot_be_reached_and_is_told_later(
    tmp_path: Path, ledger_file: str
) -> None:
    import sqlite3

    settings = Settings().but(timezone="UTC")
    with Ledger.open(ledger_file, settings=settings) as ledger:
        away = Ledger(Database(parse_url(ledger_file), patience_s=0.05), settings)
        budget = LeasedBudget(Budgets(away), 100)
        scope = Budgets(ledger).module_scope("jseeker", 10_000)
        first = budget.reserve(scope, 30)
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        budget.settle(first, 20, event("e1", AT, cost_nano=20))
        budget.settle(budget.reserve(scope, 80), 70, event("e2", AT, cost_nano=70))
        with pytest.raises(LedgerError, match="locked"):
            budget.reserve(scope, 30)
        budget.close()

        other.execute("ROLLBACK")
        other.close()
        away.close()
        assert ledger.spend(()).total.events == 0
        assert [spool.replay(Budgets(ledger)), spool.replay(Budgets(ledger))] == [1, 0]
        assert ledger.spend(()).total.cost_nano == 90
        assert verify(ledger) == []


@pytest.fixture
def ledger_file(tmp_path: Path) -> str:
    return f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}"


def test_a_report_that_was_kept_is_given_to_the_ledger_once(ledger: Ledger, clock: Clock) -> None:
    lease = Budgets(ledger).lease(Budgets(ledger).module_scope("jseeker", 1000), 50)
    spool.put(
        places.ensure_home(),
        spool.SpooledReport(lease.lease_id, 9, [event("e", AT, cost_nano=9)], returned=True),
    )
    spool.put(places.ensure_home(), spool.SpooledReport("taken elsewhere", 4, [event("f", AT, cost_nano=4)]))
    with (places.home() / spool.NAME).open("ab") as torn:
        torn.write(b'{"lease_id": "torn", "spent')

    assert spool.replay(Budgets(ledger)) == 2
    assert spool.replay(Budgets(ledger)) == 0
    month = Budgets(ledger).month("jseeker")
    assert (month.spent_nano(), month.reserved_nano) == (13, 0)
    assert (places.home() / spool.UNREADABLE).read_bytes().startswith(b'{"lease_id": "torn"')
    assert verify(ledger) == []


def test_a_call_that_ends_after_the_close_is_told_too(ledger: Ledger, clock: Clock) -> None:
    budget = LeasedBudget(Budgets(ledger), 100)
    slow = budget.reserve(Budgets(ledger).module_scope("jseeker", 10_000), 30)
    budget.close()
    budget.settle(slow, 20, event("slow", AT, cost_nano=20))

    month = Budgets(ledger).month("jseeker")
    assert (month.spent_nano(), month.reserved_nano) == (20, 0)
    assert verify(ledger) == []


def test_the_lease_of_a_dead_holder_is_wound_up_by_its_calls_and_twice_is_once(
    ledger: Ledger, clock: Clock
) -> None:
    budgets = Budgets(ledger)
    lease = budgets.lease(budgets.module_scope("jseeker", 10_000), 100)
    told = event("told", AT, cost_nano=20)
    budgets.report(lease.lease_id, LeaseReport(20, [told]))
    calls = [Paid(20, [told]), Paid(30, [event("untold", AT, cost_nano=30)])]
    for _ in range(2):
        budgets.wind_up(lease.lease_id, calls)
        month = budgets.month("jseeker")
        assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (50, 0, 0)
    assert verify(ledger) == []


def test_each_ingest_settles_what_is_overdue_and_tells_what_was_kept(ledger: Ledger) -> None:
    from gaia_budget.ingest.run import run

    scope = Budgets(ledger).module_scope("jseeker", 1000)
    Budgets(ledger).reserve([scope], 50, call_id="lost", ttl_s=0)
    lease = Budgets(ledger).lease(scope, 40)
    spent = msgspec.structs.replace(event("e", cost_nano=9), ts=ledger.now())
    spool.put(places.ensure_home(), spool.SpooledReport(lease.lease_id, 9, [spent], returned=True))

    run(Settings().but(timezone="UTC"), ledger)

    month = Budgets(ledger).month("jseeker")
    assert (month.app_nano, month.assumed_nano, month.reserved_nano) == (9, 50, 0)
    assert verify(ledger) == []
