"""On PostgreSQL many write at once: what one changes, no other undoes, and nobody fails because of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from gaia_budget.ledger import Ledger, Recorded, record, rows
from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.migrations import MIGRATIONS, migrate
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.ledger.rebuild import rebuild
from gaia_budget.ledger.verify import verify
from gaia_budget.settings.keys import Settings
from support.components import requires
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.postgres import Server

pytestmark = requires("postgresql")
WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def database(server: Server, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    return server.create(f"rivals_{abs(hash(request.node.nodeid))}")


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    with Ledger.open(database, settings=Settings().but(timezone="UTC")) as opened:
        yield opened


def until_it_waits(rival: psycopg.Connection[Any], working: threading.Thread) -> None:
    """Return when work waits for what the rival holds."""
    with psycopg.connect(rival.info.dsn, autocommit=True) as watcher:
        while working.is_alive() and not watcher.execute(WAITING).fetchone():
            pass
    assert working.is_alive()


def once_it_waits(rival: psycopg.Connection[Any], work: Callable[[], object]) -> threading.Thread:
    """Start work that waits for what the rival holds; returns when it does."""
    thread = threading.Thread(target=work)
    thread.start()
    until_it_waits(rival, thread)
    return thread


def test_a_completion_that_waits_for_a_rivals_keeps_both(
    ledger: Ledger, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record([event("a", input_tokens=1, output_tokens=1)])
    fetch, read, locked = rows.fetch, threading.Event(), threading.Event()

    def interrupted(tx: Any, places: Any, **how: bool) -> Any:
        found = fetch(tx, places, **how)
        if not how["locked"]:
            read.set()
            locked.wait(60)
        return found

    monkeypatch.setattr(rows, "fetch", interrupted)
    with psycopg.connect(database) as rival:
        completing = threading.Thread(target=ledger.record, args=([event("a", input_tokens=70)],))
        completing.start()
        assert read.wait(60)
        rival.execute("UPDATE events SET output_tokens = 50 WHERE event_id = 'a'")
        locked.set()
        until_it_waits(rival, completing)
        rival.commit()
    completing.join()

    total = ledger.spend(("response",)).total
    assert (total.input_tokens, total.output_tokens) == (70, 50)


def test_an_upgrade_finds_the_session_of_an_event_that_is_committed_while_it_waits(
    database: str, tmp_path: Path
) -> None:
    old = Database(parse_url(database))
    migrate(old, tmp_path, MIGRATIONS[:3])
    with psycopg.connect(database) as rival:
        rival.execute(
            "INSERT INTO events (org, event_id, ts, kind, source, billing, module, session_id, cost_nano) "
            "VALUES ('default', 'late', 1795435200000000, 'response', 'app', 'api', 'via', 's', 7)"
        )
        waiting = once_it_waits(rival, lambda: migrate(old, tmp_path))
        rival.commit()
    waiting.join()
    old.close()

    with Ledger.open(database, settings=Settings().but(timezone="UTC")) as ledger:
        assert ledger.spend((), session="s").total.cost_nano == 7


def test_a_rebuild_waits_for_whoever_is_recording(ledger: Ledger, database: str, tmp_path: Path) -> None:
    settings = Settings().but(timezone="UTC")
    with (
        Ledger.open(f"sqlite:///{(tmp_path / 'fresh.db').as_posix()}", settings=settings) as fresh,
        psycopg.connect(database) as rival,
    ):
        rival.execute(
            "INSERT INTO events (org, event_id, ts, kind, source, billing, module, cost_nano) "
            "VALUES ('default', 'late', 1795435200000000, 'response', 'app', 'api', 'via', 7)"
        )
        waiting = once_it_waits(rival, lambda: rebuild(ledger, fresh))
        rival.commit()
        waiting.join()

    assert ledger.spend(()).total.cost_nano == 7
    assert verify(ledger) == []


def test_a_ledger_that_is_made_anew_while_others_record_loses_and_doubles_nothing(
    ledger: Ledger, database: str, tmp_path: Path
) -> None:
    source = f"sqlite:///{(tmp_path / 'fresh.db').as_posix()}"
    settings = Settings().but(timezone="UTC")
    known = [event(f"m{number}", session_id=f"s{number % 9}", cost_nano=1) for number in range(300)]
    ledger.record(known)
    failed: list[BaseException] = []

    def recording(rival: Ledger, name: int) -> None:
        try:
            for turn in range(30):
                rival.record(
                    [event(f"n{name}-{turn}", session_id=f"t{turn}", cost_nano=1), *known[turn : turn + 5]]
                )
        except BaseException as error:
            failed.append(error)

    rivals = [Ledger.open(database, settings=settings) for _ in range(3)]
    with Ledger.open(source, settings=settings) as fresh:
        fresh.record(known)
        threads = [threading.Thread(target=recording, args=(one, name)) for name, one in enumerate(rivals)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            rebuild(ledger, fresh)
        for thread in threads:
            thread.join()
    for one in rivals:
        one.close()

    assert failed == []
    assert ledger.spend(()).total.cost_nano == 300 + 3 * 30
    assert verify(ledger) == []


def test_several_large_portions_of_one_batch_are_staged_one_after_the_other(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "CHUNK", 100)
    seen = [event(f"m{number:04}", session_id=f"s{number % 90}", cost_nano=1) for number in range(1000)]
    ledger.record(seen[::10])

    assert ledger.record(seen) == Recorded(new=900, duplicates=100)
    assert ledger.spend(()).total.cost_nano == 1000
    assert verify(ledger) == []
