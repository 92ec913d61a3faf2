"""For any state of files and settings every face tells the same figures, and an ingest changes none of them.

States are made step by step: responses of the session and its subagents, hook events through the program that Claude
Code is wired to, an ingest at any point, another way of paying, a project folder that moves, an override. A few are
made by default; `GAIA_TEST_STATES=2000` makes so many, `GAIA_TEST_DB=postgresql` on PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from gaia_budget import places
from gaia_budget.prices import catalogue
from gaia_budget.setup import hookcopy
from gaia_hooks.facts import snapshot
from gaia_hooks.machine import clock
from gaia_hooks.session import months
from support.postgres import Server

from .states import DOLLAR, MODELS, PLACES, SETUPS, STEPS, Setup, World, agreed

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES = int(os.environ.get("GAIA_TEST_STATES", "6"))
ON_POSTGRESQL = os.environ.get("GAIA_TEST_DB") == "postgresql"


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The price list and the compiled hooks, which are the same in every state."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAIA_BUDGET_HOME", str(root / "gaia-budget"))
        places.ensure_home()
        catalogue.load()
        hookcopy.install(Path(sys.executable))
        yield root


@pytest.fixture(scope="module")
def database() -> Iterator[Server | None]:
    """A server of our own where the states are to lie on PostgreSQL."""
    started = Server() if ON_POSTGRESQL else None
    yield started
    if started:
        started.remove()


@settings(
    max_examples=STATES,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a smaller state would take minutes to find
    report_multiple_bugs=False,
)
@example(
    Setup(False, False, "plan", None, None),
    [("responds", MODELS[0], "", (25, 14425, 4832, 5860, 340), 900), ("shows", 2043), ("ingest",)],
)
@example(
    Setup(False, False, None, None, None),
    [
        ("hook", "PreToolUse"),
        ("responds", MODELS[2], "a2", (75, 6519, 476, 594, 5583), 900),
        ("ingest",),
        ("moves",),
        ("rebuild",),
        ("responds", MODELS[1], "a2", (39999, 6471, 31950, 1533, 39999), 0),
    ],
)
@example(
    Setup(True, True, None, "0.01", None),
    [("app", 6949), ("responds", MODELS[1], "a2", (10, 20, 30, 40, 50), 0), ("rebuild",)],
)
@example(
    Setup(True, True, None, "0.01", None),
    [("responds", MODELS[1], "", (10, 20, 30, 40, 50), 0), ("ends",), ("grows", 254), ("ingest",)],
)
@given(SETUPS, STEPS)
def test_every_face_tells_the_same_and_an_ingest_changes_nothing(
    made_once: Path, database: Server | None, chosen: Setup, steps: list[tuple[Any, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        root = Path(folder).resolve()
        for name, value in PLACES.items():
            patch.setenv(name, str(root / value))
        if database:
            patch.setenv("GAIA_BUDGET_DB", database.create(f"t{uuid.uuid4().hex}"))
        shutil.copytree(made_once / "gaia-budget" / "cache", root / "gaia-budget" / "cache")
        copy = shutil.copytree(made_once / "gaia-budget" / "hook", root / "gaia-budget" / "hook")
        world = World(root, next(one for one in copy.iterdir() if one.is_dir()), chosen)
        patch.setenv("CLAUDE_CODE_SESSION_ID", world.session)
        for step in steps:
            world.do(step)
        world.hook("Stop")

        before = world.hook("UserPromptSubmit")
        figures = agreed(world.faces())
        world.ingest()
        assert agreed(world.faces()) == figures, "an ingest changes no answer"
        after = world.hook("UserPromptSubmit")
        if before.get("decision") == "block" and not world.paid_anew:
            assert after.get("decision") == "block", "an ingest lifts no limit"
        over = _nano(figures["month"]) >= _cap(world)
        assert (after.get("decision") == "block") == (chosen.blocks and over)


def _nano(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole) * DOLLAR + int(rest.ljust(9, "0"))


def _cap(world: World) -> int:
    """The cap with what overrides have added to it, as hooks decide by it."""
    policy = snapshot.load(str(world.home))
    found = months.MonthFile(str(world.home), "shop", policy, clock.now())
    if found.limit is None:  # nothing spent, nothing set: hooks need no limit where none can act
        assert not world.chosen.blocks
        return 1 << 62
    return found.limit
