"""A module with a month's cap, the server on loopback, and what was booked, read back from ledger and log."""

from __future__ import annotations

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


@pytest.fixture
def guard(root: Path) -> Iterator[BudgetGuard]:
    from gaia_budget import BudgetGuard

    made = BudgetGuard("jseeker")
    yield made
    made.close()
