"""A ledger in a folder that may only be read answers from all that stands there, and changes none of it."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.errors import LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.database import read_only
from gaia_budget.settings.keys import Settings
from support.events import event
from support.privileges import only_to_be_read

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no folders that may only be read"
)
SETTINGS = Settings().but(timezone="UTC")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that whoever is not root reaches as well."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        inside = Path(made, "state")
        inside.mkdir()
        yield inside


def opened(folder: Path, settings: Settings = SETTINGS) -> Ledger:
    return Ledger.open(f"sqlite:///{(folder / 'ledger.db').as_posix()}", settings=settings)


def spent(ledger: Ledger) -> int:
    return ledger.spend(()).total.events


def left_behind(folder: Path, endings: list[str]) -> None:
    """Two events, the second one only in the log: what a writer has left that was killed."""
    away = folder.parent / "away"
    away.mkdir()
    with opened(folder) as ledger:
        ledger.record([event("a")])
        ledger.db.ask(lambda ask: ask("PRAGMA wal_checkpoint(TRUNCATE)", ()))
        ledger.record([event("b")])
        for file in folder.iterdir():
            shutil.copy(file, away)
    for file in folder.iterdir():
        file.unlink()
    for ending in endings:
        shutil.copy(away / f"ledger.db{ending}", folder)


@pytest.mark.parametrize(
    ("endings", "events"), [([""], 1), (["", "-wal"], 2), (["", "-wal", "-shm"], 2)], ids=str
)
def test_what_a_killed_writer_has_left_is_answered_from(
    folder: Path, endings: list[str], events: int
) -> None:
    left_behind(folder, endings)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with only_to_be_read(folder), opened(folder) as ledger:
        assert spent(ledger) == events
        with ledger.db.unchanging():
            assert spent(ledger) == events
        with pytest.raises(LedgerError, match=r"read-only\. Give yourself write access"):
            ledger.record([event("c")])
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert {name: before[name] for name in before if name != "ledger.db-shm"} == {
        name: after[name] for name in after if name != "ledger.db-shm"
    }


def test_an_empty_log_is_none(folder: Path) -> None:
    left_behind(folder, [""])
    (folder / "ledger.db-wal").touch()
    with only_to_be_read(folder), opened(folder) as ledger:
        assert spent(ledger) == 1


def test_a_transaction_that_never_ended_is_undone_in_what_is_read(folder: Path) -> None:
    left_behind(folder, [""])
    file = folder / "ledger.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = DELETE")
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        writer.execute("UPDATE events SET module = hex(zeroblob(200000))")
        torn = {path.name: path.read_bytes() for path in folder.iterdir()}
        writer.execute("ROLLBACK")
    for name, data in torn.items():
        (folder / name).write_bytes(data)
    assert torn.keys() == {"ledger.db", "ledger.db-journal"}
    with only_to_be_read(folder), opened(folder) as ledger:
        assert [row.key for row in ledger.spend(("module",)).rows] == [("jseeker",)]


@pytest.mark.parametrize("endings", [[""], ["", "-wal"]], ids=str)
def test_what_others_write_there_is_seen(folder: Path, endings: list[str]) -> None:
    left_behind(folder, endings)
    with only_to_be_read(folder):
        ledger = opened(folder)
        known, before = spent(ledger), ledger.db.state()
        assert (spent(ledger), ledger.db.state()) == (known, before)
    with opened(folder) as writer:
        writer.record([event("c"), event("d")])
    with only_to_be_read(folder), ledger:
        assert ledger.db.state() != before
        assert spent(ledger) == known + 2


def test_a_folder_that_may_be_written_again_is_written(folder: Path) -> None:
    left_behind(folder, [""])
    with only_to_be_read(folder):
        ledger = opened(folder)
        assert spent(ledger) == 1
    with ledger:
        ledger.record([event("c")])
        assert spent(ledger) == 2


def test_a_large_ledger_with_a_log_is_not_copied_but_names_the_cure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(folder, ["", "-wal"])
    monkeypatch.setattr(read_only, "MOST_COPIED", 100_000)
    with only_to_be_read(folder), pytest.raises(LedgerError, match="folder must exist and be writable"):
        opened(folder)


def test_a_zone_that_the_sums_do_not_follow_is_answered_from_the_hours(folder: Path) -> None:
    with opened(folder) as ledger:
        ledger.record([event("a", "2026-11-23T23:30")])
    tokyo = SETTINGS.but(timezone="Asia/Tokyo")
    with only_to_be_read(folder), opened(folder, tokyo) as ledger:
        assert [row.key for row in ledger.spend(("day",)).rows] == [("2026-11-24",)]
