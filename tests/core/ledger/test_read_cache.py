"""Readings of a ledger are shared for as long as nothing is committed to it, by anybody, and not a moment longer."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.budgets import Budgets
from gaia_budget.errors import LedgerError
from gaia_budget.forecast.outlook import together
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.settings.keys import Settings
from support.components import requires
from support.events import event
from support.postgres import Standby

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.postgres import Server

UTC = {"timezone": "UTC"}
ELSEWHERE = """
import sys
from gaia_budget.ledger import Ledger
from gaia_budget.model import Event
from gaia_budget.settings.keys import Settings
with Ledger.open(sys.argv[1], settings=Settings().but(timezone="UTC")) as ledger:
    ledger.record([Event(event_id="far", ts=1795435200000000, source="app", billing="api", module="via", cost_nano=5)])
"""


def spent(ledger: Ledger) -> int:
    return ledger.spend(("module",)).total.cost_nano


def test_what_is_committed_by_anybody_is_in_the_very_next_answer(
    make: Callable[..., Ledger], url: str
) -> None:
    one, other = make(), make()

    for number in range(1, 20):
        writer = one if number % 2 else other
        writer.record([event(f"e{number}", cost_nano=1)])
        assert spent(one) == spent(other) == number
        assert spent(one) == spent(other) == number  # kept, or read again: the same
    subprocess.run([sys.executable, "-c", ELSEWHERE, url], check=True)
    assert spent(one) == spent(other) == 24


def test_a_question_that_was_answered_is_not_asked_again_until_something_is_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record([event("e1", cost_nano=1)])
    read: list[int] = []

    def reading() -> int:
        read.append(1)
        return len(read)

    assert [ledger.cache.of("count", reading) for _ in range(3)] == [1, 1, 1]
    ledger.record([event("e2", cost_nano=1)])
    assert [ledger.cache.of("count", reading) for _ in range(3)] == [2, 2, 2]


def test_threads_that_ask_for_the_same_at_once_read_it_once(ledger: Ledger) -> None:
    ledger.record([event("e1", cost_nano=1)])
    all_read, read = threading.Barrier(4), []

    def reading() -> int:
        read.append(1)
        with suppress(threading.BrokenBarrierError):
            all_read.wait(0.2)  # where each of them reads, they meet here
        return len(read)

    with ThreadPoolExecutor(4) as threads:
        found = [threads.submit(ledger.cache.of, "count", reading) for _ in range(4)]
        assert [one.result() for one in found] == [1, 1, 1, 1]


def test_a_reading_that_fails_keeps_nobody_waiting(ledger: Ledger) -> None:
    ledger.record([event("e1", cost_nano=1)])

    def failing() -> int:
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            ledger.cache.of("count", failing)
    assert ledger.cache.of("count", lambda: 3) == 3


def test_money_that_is_granted_is_in_the_next_month(ledger: Ledger) -> None:
    budgets, settings = Budgets(ledger), Settings()
    ledger.record([event("e1", cost_nano=7)])
    at = event("e1").ts

    assert (budgets.month("jseeker", at).app_nano, together(ledger, settings, at).counted.spent_nano) == (
        7,
        7,
    )
    ledger.record([event("e1", cost_nano=9)])
    assert (budgets.month("jseeker", at).app_nano, together(ledger, settings, at).counted.spent_nano) == (
        9,
        9,
    )


def test_a_reading_that_a_write_has_overtaken_is_not_kept(ledger: Ledger) -> None:
    def overtaken() -> int:
        found = ledger.db.ask(lambda ask: int(ask("SELECT count(*) FROM events", ())[0][0]))
        ledger.record([event(f"e{found}", cost_nano=1)])
        return found

    assert ledger.cache.of("events", overtaken) == 0
    assert ledger.cache.of("events", overtaken) == 1


def test_a_view_that_others_have_overtaken_leaves_nothing_behind(make: Callable[..., Ledger]) -> None:
    one, other = make(), make()
    one.record([event("e1", cost_nano=1)])

    with one.db.unchanging():
        assert spent(one) == 1
        other.record([event("e2", cost_nano=1)])
        assert spent(one) == 1
        assert one.spend(("model",)).total.cost_nano == 1  # asked for the first time, in the old view
    assert spent(one) == 2
    assert one.spend(("model",)).total.cost_nano == 2
    with one.db.unchanging():
        assert spent(one) == 2
        one.record([event("e3", cost_nano=1)])
        assert spent(one) == 3
    assert spent(one) == 3


def test_a_view_that_could_not_begin_holds_nobody_to_an_older_one(
    make: Callable[..., Ledger], url: str
) -> None:
    if not url.startswith("sqlite"):
        return
    first, file = make(), url.removeprefix("sqlite:///")
    first.record([event("e1", cost_nano=1)])
    first.close()
    rival = sqlite3.connect(file, isolation_level=None)
    rival.execute("PRAGMA journal_mode = DELETE")  # as on a network drive: whoever writes keeps readers out
    one, other = make(), make()
    with one.db.unchanging():
        assert spent(one) == 1

    rival.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError), one.db.unchanging():
        pass
    rival.close()

    other.record([event("e2", cost_nano=1)])
    assert spent(one) == 2


def test_a_file_that_takes_the_place_of_another_is_another_state(
    make: Callable[..., Ledger], url: str, tmp_path: Path
) -> None:
    if not url.startswith("sqlite"):
        return
    ledger, file = make(), Path(url.removeprefix("sqlite:///"))
    assert ledger.cache.of("state", lambda: "old") == "old"

    shutil.copy(file, tmp_path / "copy.db")
    (tmp_path / "copy.db").replace(file)

    assert ledger.cache.of("state", lambda: "new") == "new"
    file.unlink()
    assert [ledger.cache.of("state", lambda answer=answer: answer) for answer in "ab"] == ["a", "b"]


def test_nothing_is_kept_where_rows_lie_on_other_servers(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not ledger.db.shared:
        return
    monkeypatch.setattr(Database, "ask", lambda *_: [("1:1:", True)])

    assert [ledger.cache.of("state", lambda answer=answer: answer) for answer in "ab"] == ["a", "b"]


@requires("postgresql")
def test_nothing_is_kept_of_a_standby_whose_snapshots_may_be_equal_for_two_states(server: Server) -> None:
    with Ledger.open(server.create("followed"), settings=Settings().but(**UTC)) as ledger:
        ledger.record([event("a", cost_nano=1)])
        assert ledger.db.state() is not None
    standby = Standby(server)
    try:
        followed = Database(parse_url(standby.url("followed")))
        assert followed.state() is None
        assert followed.ask(lambda ask: list(ask("SELECT sum(cost_nano) FROM events", ()))) == [(1,)]
        followed.close()
    finally:
        standby.remove()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on POSIX")
def test_a_process_that_was_forked_while_another_thread_looked_waits_for_nobody(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", settings=Settings().but(**UTC)) as ledger:
        watch = ledger.db._watch
        assert watch is not None
        watch.state()
        with watch._lock:  # as a thread holds it that the child will not have
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                os._exit(0 if watch.state() is not None else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
