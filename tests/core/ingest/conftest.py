"""A ledger of its own and a Claude Code folder of its own for each test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gaia_budget import settings
from gaia_budget.ingest.run import run
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_hooks.session import counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger.database.measures import Figures


@dataclass
class Bench:
    """What the tests of `ingest` work on."""

    home: Path
    ledger: Ledger

    @property
    def claude(self) -> Path:
        return self.home / ".claude"

    @property
    def project(self) -> Path:
        return self.claude / "projects" / "-home-dev-project"

    @property
    def logs(self) -> Path:
        return self.home / "gaia-budget" / "logs"

    def run(self) -> Report:
        return run(settings.load(), self.ledger)

    def total(self) -> Figures:
        return self.ledger.spend().total


@pytest.fixture
def bench(home: Path) -> Iterator[Bench]:
    with Ledger.open(settings=load()) as ledger:
        yield Bench(home, ledger)


def hooked(bench: Bench, main: Path, piece: int = 1 << 30) -> counting.Session:
    """A session as hooks count all of it, so many bytes at a time; nothing is stored."""
    home = str(bench.home / "gaia-budget")
    with counting.lock_of(home, main.stem, 5) as lock:
        mine = counting.opened(home, main.stem, lock)
        mine.watch(str(main), "/home/dev/project")
        mine.count(piece)
        while mine.state.behind:
            mine.count(piece)
        mine.settle_all()
        return mine
