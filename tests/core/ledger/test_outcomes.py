"""What users said of a model is asked for by whoever has no ledger open, without making or changing one."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from gaia_budget.errors import LedgerError
from gaia_budget.ledger import outcomes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.ledger import Ledger


def test_outcomes_are_those_of_the_ledger(make: Callable[..., Ledger], url: str) -> None:
    ledger = make()
    for task, ok in (("jd_parse", False), ("cover", True), ("jd_parse", True)):
        ledger.record_outcome(task, "haiku", ok)

    assert outcomes.looked_up(url, ledger.org, "jd_parse") == ledger.outcomes("jd_parse")
    assert [one.ok for one in outcomes.looked_up(url, ledger.org, "cover", "jd_parse")].count(True) == 2
    assert outcomes.looked_up(url, "another", "jd_parse") == []


def test_a_missing_ledger_has_no_outcomes_and_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    assert outcomes.looked_up(f"sqlite:///{file.as_posix()}", "default", "jd_parse") == []
    assert not file.exists()


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError, match="damaged or is no ledger"):
        outcomes.looked_up(f"sqlite:///{file.as_posix()}", "default", "jd_parse")


def test_a_locked_ledger_is_told_and_not_waited_for_long(
    make: Callable[..., Ledger], tmp_path: Path, url: str
) -> None:
    make().close()
    if not url.startswith("sqlite"):
        return
    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="locked"):
            outcomes.looked_up(url, "default", "jd_parse")
    finally:
        holder.close()
