"""A ledger that cannot be written says why, and is as it was before."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.errors import LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.verify import verify
from gaia_budget.settings.keys import Settings
from support.components import requires
from support.events import event
from support.privileges import without_privileges

if TYPE_CHECKING:
    from support.postgres import Server

SETTINGS = Settings().but(timezone="UTC")


def opened(file: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{file.as_posix()}", settings=SETTINGS)


def test_a_file_that_may_not_be_written_is_told() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "ledger.db")
        with opened(file) as ledger:
            ledger.record([event("a")])
        Path(folder).chmod(0o777)
        file.chmod(0o444)
        with without_privileges(), opened(file) as ledger:
            assert ledger.spend(()).total.events == 1
            with pytest.raises(LedgerError, match=r"read-only\. Give yourself write access"):
                ledger.record([event("b")])
        file.chmod(0o644)


def test_a_folder_that_may_not_be_entered_is_told() -> None:
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder, "closed")
        closed.mkdir()
        Path(folder).chmod(0o755)
        closed.chmod(0)
        with (
            without_privileges(),
            pytest.raises(LedgerError, match=r"cannot open the file\..*yours to read") as told,
        ):
            opened(closed / "ledger.db")
        assert told.value.slug == "ledger-cannot-open"
        closed.chmod(0o700)


@requires("postgresql")
def test_a_server_that_takes_no_writes_is_told(server: Server) -> None:
    with Ledger.open(server.create("standby"), settings=SETTINGS) as ledger:
        sql = "ALTER DATABASE standby SET default_transaction_read_only = on"
        ledger.db.write(lambda tx: tx.text(sql) and None)
        ledger.db.close()  # the setting holds for new connections
        with pytest.raises(LedgerError, match="read-only"):
            ledger.record([event("a")])


def test_a_full_disk_is_told_and_the_batch_comes_in_once_there_is_room(tmp_path: Path) -> None:
    seen = [event(f"m{number}", branch="x" * 500) for number in range(2000)]
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.record([event("first")])
        ledger.db.write(lambda tx: tx.text("PRAGMA max_page_count = 60") and None)
        for _ in range(2):
            with pytest.raises(LedgerError, match=r"disk is full\. Nothing was written"):
                ledger.record(seen)
        assert ledger.spend(()).total.events == 1
        ledger.db.write(lambda tx: tx.text("PRAGMA max_page_count = 1000000") and None)
        assert ledger.record(seen).new == 2000
        assert verify(ledger) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_write_that_the_system_cuts_short_leaves_nothing_behind(tmp_path: Path) -> None:
    import resource

    seen = [event(f"m{number}", branch="x" * 500) for number in range(2000)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.record([event("first")])
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
            with pytest.raises(LedgerError, match="Nothing was written"):
                ledger.record(seen)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert ledger.spend(()).total.events == 1
        assert ledger.record(seen).new == 2000
        assert verify(ledger) == []
