"""A module with a month's cap, the server on loopback, and what was booked, read back from ledger and log."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from support.apps import set_caps
from support.wire_server import WireServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gaia_budget import BudgetGuard

CAPS = {"jseeker": 10.0, "hart_os": 15.0, "via": 20.0, "mycel": 5.0, "raven": 10.0}


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as running:
        yield running


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ecosystem's folder, with a cap for each app."""
    folder = tmp_path / "gaia"
    folder.mkdir()
    set_caps(folder, CAPS)
    monkeypatch.setenv("GAIA_ROOT", str(folder))
    return folder


@pytest.fixture(scope="session")
def price_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The price catalogue as the first use of it leaves it in a state folder; making it takes most of a second."""
    from gaia_budget.prices import catalogue

    place = tmp_path_factory.mktemp("prices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAIA_BUDGET_HOME", str(place))
        catalogue.load()
    return place / "cache" / "prices.json"


@pytest.fixture(autouse=True)
def prices(home: Path, price_catalogue: Path) -> None:
    """Each test's state folder has the catalogue already."""
    folder = home / "gaia-budget" / "cache"
    folder.mkdir(parents=True)
    shutil.copy2(price_catalogue, folder)


@pytest.fixture
def guard(root: Path) -> Iterator[BudgetGuard]:
    from gaia_budget import BudgetGuard

    made = BudgetGuard("jseeker")
    yield made
    made.close()
