"""Whoever only reads gets the same figures as the ledger gives, and a clear word when there is nothing to read."""

from __future__ import annotations

import itertools
import random
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, get_args

import pytest

from gaia_budget import settings as settings_of
from gaia_budget.errors import LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.measures import SCHEMA_VERSION
from gaia_budget.ledger.migrations import MIGRATIONS
from gaia_budget.ledger.questions import AXES
from gaia_budget.ledger.reading import Reader, embedded_file
from gaia_budget.model import Billing, Event, Kind, Source

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000_000
START = 1_760_000_000_000_000
KINDS, SOURCES, BILLINGS = get_args(Kind), get_args(Source), get_args(Billing)


def reader() -> Reader:
    found = settings_of.load()
    file = embedded_file(found)
    assert file is not None
    return Reader(file, found)


def facts(count: int) -> list[Event]:
    chance = random.Random(count)
    return [
        Event(
            event_id=f"fact-{number}",
            ts=START + chance.randrange(60 * DAY),
            kind=chance.choice(KINDS),
            source=chance.choice(SOURCES),
            billing=chance.choice(BILLINGS),
            module=chance.choice(["kitchen", "garden"]),
            model=chance.choice(["m-small", "m-large"]),
            session_id=chance.choice(["one", "two"]),
            agent_id=chance.choice(["", "a1"]),
            input_tokens=chance.randrange(1000),
            output_tokens=chance.randrange(1000),
            cost_nano=chance.choice([None, chance.randrange(10**9)]),
        )
        for number in range(count)
    ]


def test_a_reader_gives_the_figures_of_the_ledger_and_of_plain_addition() -> None:
    known = facts(400)
    with Ledger.open() as ledger:
        ledger.record(known)
        reading = reader()
        for axis, module, since in itertools.product(
            AXES, (None, "garden"), (None, "2025-10-20", START + DAY + 7)
        ):
            assert reading.spend((axis,), since, None, module) == ledger.spend((axis,), since, None, module)
        assert reading.spend(("model",), session="one") == ledger.spend(("model",), session="one")
        assert reading.month("garden") == ledger.month("garden")
        for module in (None, "garden"):
            mine = [fact for fact in known if module in (None, fact.module)]
            total = reading.spend((), module=module).total
            assert (total.cost_nano, total.events) == (sum(fact.cost_nano or 0 for fact in mine), len(mine))
        reading.close()


def test_the_version_changes_when_another_process_writes() -> None:
    with Ledger.open() as ledger:
        reading = reader()
        before = reading.version()
        assert reading.version() == before
        ledger.record([Event(event_id="new", ts=START)])
        assert reading.version() != before
        reading.close()


def test_a_reader_knows_the_newest_schema() -> None:
    assert len(MIGRATIONS) == SCHEMA_VERSION


def test_a_missing_ledger_is_not_made() -> None:
    with pytest.raises(LedgerError, match="no ledger yet"):
        reader()
    file = embedded_file(settings_of.load())
    assert file is not None
    assert not file.exists()


def test_a_file_that_is_no_ledger_is_named(home: Path) -> None:
    file = home / "gaia-budget" / "ledger.db"
    file.parent.mkdir()
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError, match="damaged or is no ledger"):
        reader()


def test_a_newer_ledger_is_left_alone() -> None:
    Ledger.open().close()
    file = embedded_file(settings_of.load())
    assert file is not None
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'of the future', 0)")
    connection.close()
    with pytest.raises(LedgerError, match="upgrade gaia-token-budget"):
        reader()


def test_a_changed_time_zone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "Europe/Berlin")
    Ledger.open().close()
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "America/Mexico_City")
    with pytest.raises(LedgerError, match="time zone has changed"):
        reader()


def test_a_locked_ledger_is_told_and_not_waited_for_long() -> None:
    Ledger.open().close()
    file = embedded_file(settings_of.load())
    assert file is not None
    holder = sqlite3.connect(file, isolation_level=None)
    try:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerError, match="locked"):
            reader()
    finally:
        holder.close()


def test_reading_needs_no_database_library() -> None:
    heavy = "{'pydantic', 'msgspec'}"
    probe = f"import sys, gaia_budget.ledger.reading; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
