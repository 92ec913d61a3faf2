"""The month of `support.spent_month` in the state folder's ledger, with every clock stopped at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_hooks.machine import clock
from support import dashboard, spent_month
from support.dashboard import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from gaia_budget.model import Event
    from support.dashboard import Dashboard


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clocks of ledger and hooks at the month's end, in UTC."""
    monkeypatch.setattr(Ledger, "now", lambda _: spent_month.NOW)
    monkeypatch.setattr(clock, "now", lambda: spent_month.NOW)
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "UTC")
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def recorded() -> dict[str, bytes]:
    """The ledger's file, once it has been made."""
    return {}


@pytest.fixture
def month(
    stopped: None, home: Path, monkeypatch: pytest.MonkeyPatch, recorded: dict[str, bytes]
) -> list[Event]:
    """The events, which are in the ledger; caps and plan windows are told."""
    spent_month.owner_files(home / "gaia")
    spent_month.plan_windows(home / "gaia-budget")
    monkeypatch.setenv("GAIA_ROOT", str(home / "gaia"))
    monkeypatch.setenv("GAIA_BUDGET_BILLING", "plan")
    found = spent_month.events()
    file = home / "gaia-budget" / "ledger.db"
    if recorded:
        file.write_bytes(recorded["ledger"])
        return found
    with Ledger.open(settings=load()) as ledger:
        ledger.record(found)
    recorded["ledger"] = file.read_bytes()
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; the tests that ask need `requires("chromium")`."""
    with dashboard.chromium() as started:
        yield started


@pytest.fixture
def served(month: list[Event]) -> Iterator[Dashboard]:
    """The server over the month."""
    with dashboard.running() as running:
        yield running


@pytest.fixture
def seen(browser: Browser, served: Dashboard) -> Iterator[Seen]:
    """A page of it, which complains of nothing and asks nowhere else."""
    found = Seen(browser, served.url)
    yield found
    found.context.close()
    assert found.wrong == []
