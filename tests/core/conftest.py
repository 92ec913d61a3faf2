"""Every test of the ledger runs on SQLite and on a real PostgreSQL, which the tests start themselves."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from gaia_budget.ledger import Ledger
from gaia_budget.settings.keys import Settings
from support.components import requires
from support.postgres import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DATABASES = [pytest.param("sqlite"), pytest.param("postgresql", marks=requires("postgresql"))]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests; each test has a database of its own."""
    started = Server()
    yield started
    started.remove()


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{(tmp_path / 'ledger.db').as_posix()}"
    server: Server = request.getfixturevalue("server")
    return server.create(f"t{uuid.uuid4().hex}")


@pytest.fixture
def make(url: str) -> Iterator[Callable[..., Ledger]]:
    """Opens the test's ledger, as often as needed, with settings of the test's own."""
    opened: list[Ledger] = []

    def opening(**settings: object) -> Ledger:
        chosen = {"timezone": "UTC", "machine": "laptop", "user": "ana", **settings}
        opened.append(Ledger.open(url, settings=Settings().but(**chosen)))
        return opened[-1]

    yield opening
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(make: Callable[..., Ledger]) -> Ledger:
    """An empty ledger whose months follow UTC."""
    return make()
