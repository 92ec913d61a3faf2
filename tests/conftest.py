"""Every test runs in a HOME and CLAUDE_CONFIG_DIR of its own: the machine's real ones are never touched."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from gaia_budget import ancestry, places
from gaia_budget.prices import catalogue
from support import components

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS = (
    "GAIA_ROOT",
    "GAIA_BUDGET_HOME",
    "GAIA_BUDGET_DB",
    "GAIA_SESSION_TYPE",
    "GAIA_BUDGET_OFF",
    "CLAUDECODE",
    "CLAUDE_PROJECT_DIR",
    "CLAUDE_CODE_SESSION_ID",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "XDG_DATA_HOME",
)

EXAMPLES = int(os.environ.get("GAIA_TEST_EXAMPLES", "100"))  # of a property that names no number of its own
settings.register_profile(
    "tests", deadline=None, max_examples=EXAMPLES
)  # no test depends on how fast the machine is
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home folder; `GAIA_BUDGET_HOME`, `CLAUDE_CONFIG_DIR` and what an administrator sets lie inside it."""
    home = tmp_path_factory.mktemp("home")
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ancestry, "ancestors", lambda *_: iter(()))  # whatever has started the tests
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home / ".claude"))
    monkeypatch.setenv("GAIA_BUDGET_HOME", str(home / "gaia-budget"))
    monkeypatch.setitem(places.MANAGED, sys.platform, str(home / "managed"))
    yield home
    if rounds := sys.modules.get("gaia_budget.middleware.books.rounds"):
        rounds.forget()  # what a test's guards would still do beside their calls is of its home


@pytest.fixture
def price_list(home: Path) -> None:
    """The price list in the state folder: each program that a test starts would need two seconds to make it."""
    catalogue.load()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose components are absent is skipped with the install line, or fails where none may skip."""
    components.check(item)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of generated cases go without coverage, which makes the same few branches cost 2.7 times as much.

    What they reach has tests of written cases as well, and those are what the report of CI counts.
    """
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")
