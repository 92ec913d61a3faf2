"""A ledger on both databases whose clock stands still, and a file of the user's own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gaia_budget.ledger import Ledger
from gaia_budget.settings.keys import Settings
from support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT = "2026-11-23T12:00"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The ledger's clock, moved by the test alone."""
    clock = Clock(AT)
    monkeypatch.setattr(Ledger, "now", lambda _: clock.ts)
    return clock


@pytest.fixture
def settings() -> Settings:
    """Months follow UTC."""
    return Settings().but(timezone="UTC", machine="laptop", user="ana")


@pytest.fixture
def own_rules(home: Path) -> Callable[[str], Path]:
    """Writes alerts.toml."""

    def write(text: str) -> Path:
        file = home / "gaia-budget" / "alerts.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write
