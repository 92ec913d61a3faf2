"""Processes that race for one budget: it admits what fits and not one call more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.budgets import Budgets
from gaia_budget.errors import BudgetExceededError
from gaia_budget.ledger.verify import verify
from support.components import requires
from support.events import event
from support.postgres import Server
from support.racing import Runner, race

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gaia_budget.ledger import Ledger

DOLLAR = 1_000_000_000
FOR_THREE: dict[str, Any] = {"limit": 3 * DOLLAR + DOLLAR // 2, "estimate": DOLLAR, "calls": 1}


@pytest.mark.parametrize(("processes", "settle"), [(16, True), (16, False), (64, True)])
def test_a_budget_for_three_and_a_half_calls_admits_exactly_three(
    url: str, ledger: Ledger, processes: int, settle: bool
) -> None:
    ended = race(url, processes, FOR_THREE | {"settle": settle})

    assert ended == (3, processes - 3, [])
    month = Budgets(ledger).month("jseeker")
    assert month.spent_nano() + month.reserved_nano == 3 * DOLLAR
    assert verify(ledger) == []


def test_a_holder_that_is_killed_keeps_what_it_held_and_no_more(url: str, ledger: Ledger) -> None:
    holder = Runner(url, "holder", FOR_THREE | {"settle": False, "calls": 1, "ttl_s": 0.001})
    assert holder.next_answer() == "ready"
    holder.go()
    assert holder.next_answer() == "admitted"
    holder.kill()

    assert race(url, 16, FOR_THREE) == (2, 14, [])
    assert Budgets(ledger).expire() == 1
    assert race(url, 16, FOR_THREE | {"round": "second"}) == (0, 16, [])
    assert Budgets(ledger).month("jseeker").spent_nano() == 3 * DOLLAR
    assert verify(ledger) == []


def test_an_expired_reservation_still_counts_in_full(url: str, ledger: Ledger) -> None:
    Budgets(ledger).reserve(
        [Budgets(ledger).module_scope("jseeker", FOR_THREE["limit"])], DOLLAR, call_id="slow", ttl_s=0
    )
    assert Budgets(ledger).expire() == 1

    assert race(url, 16, FOR_THREE) == (2, 14, [])
    Budgets(ledger).settle("slow", 0)
    assert race(url, 16, FOR_THREE | {"round": "second"}) == (1, 15, [])
    assert verify(ledger) == []


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may stop."""
    server = Server()
    yield server
    server.remove()


@requires("postgresql")
def test_a_server_that_is_stopped_and_started_loses_no_call_and_admits_none_twice(own_server: Server) -> None:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

    url = own_server.create("ledger")
    calls, processes = 40, 8
    task = {"limit": 200 * DOLLAR, "estimate": DOLLAR, "calls": calls}

    def meanwhile(runners: list[Runner]) -> None:
        assert runners[0].next_answer() == "admitted"
        own_server.stop()
        own_server.start()

    ended = race(url, processes, task, meanwhile=meanwhile)

    assert ended.broken == []
    assert (ended.admitted + 1, ended.refused) == (200, calls * processes - 200)
    with Ledger.open(url, settings=Settings().but(timezone="UTC")) as ledger:
        assert ledger.spend(()).total.cost_nano == 200 * DOLLAR
        assert verify(ledger) == []


@requires("postgresql")
def test_a_large_batch_that_a_stopping_server_cuts_off_is_taken_in_whole(own_server: Server) -> None:
    import threading

    import psycopg

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

    url = own_server.create("ledger")
    seen = [event(f"m{number}", session_id=f"s{number % 50}", cost_nano=1) for number in range(50_000)]
    copying = "SELECT 1 FROM pg_stat_activity WHERE datname = 'ledger' AND query LIKE 'COPY events%'"
    with (
        Ledger.open(url, settings=Settings().but(timezone="UTC")) as ledger,
        psycopg.connect(own_server.url(), autocommit=True) as watcher,
    ):
        ingest = threading.Thread(target=ledger.record, args=(seen,))
        ingest.start()
        while ingest.is_alive() and not watcher.execute(copying).fetchone():
            pass
        assert ingest.is_alive()
        own_server.stop()
        own_server.start()
        ingest.join()

        assert ledger.spend(()).total.events == 50_000
        assert ledger.record(seen[:100]).duplicates == 100
        assert verify(ledger) == []


def test_two_ingests_of_the_same_events_at_once_count_each_once(make: Callable[..., Ledger]) -> None:
    import threading

    seen = [event(f"m{number}", cost_nano=1) for number in range(3000)]
    ledgers = [make(), make(), make()]
    threads = [
        threading.Thread(target=ledger.record, args=(seen if turn != 1 else seen[::-1],))
        for turn, ledger in enumerate(ledgers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ledgers[0].spend(()).total.events == 3000
    assert verify(ledgers[0]) == []


def test_a_file_that_another_process_has_locked_is_told_and_nothing_is_written(tmp_path: Any) -> None:
    import sqlite3

    from gaia_budget.errors import LedgerError
    from gaia_budget.ledger.database.connection import Database
    from gaia_budget.ledger.database.url import parse_url
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.settings.keys import Settings

    path = (tmp_path / "ledger.db").as_posix()
    settings = Settings().but(timezone="UTC")
    Ledger.open(f"sqlite:///{path}", settings=settings).close()
    impatient = Ledger(Database(parse_url(f"sqlite:///{path}"), patience_s=0.05), settings)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerError, match="locked"):
        impatient.record([event("a")])

    other.execute("ROLLBACK")
    other.close()
    assert impatient.spend(()).total.events == 0
    with pytest.raises(BudgetExceededError):
        Budgets(impatient).reserve([Budgets(impatient).module_scope("jseeker", 0)], 1, call_id="c")
    impatient.close()
