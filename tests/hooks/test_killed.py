"""Killed at any write, by hooks or by the core: every response stands in log and month exactly once, to the token."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from gaia_hooks.facts import snapshot
from gaia_hooks.machine import files
from gaia_hooks.session import months, sessions
from support.rows import SESSION, assistant, write

from . import dying

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Watched

EVENTS = ("PreToolUse", "PostToolUse", "Stop", "SubagentStop", "UserPromptSubmit", "SessionEnd")
AGENTS = ("", "", "x", "y")


class Day:
    """A session whose rows arrive while hooks and the core are killed, and the truth about it."""

    def __init__(self, watched: Watched, seed: int) -> None:
        self.watched, self.chance = watched, random.Random(seed)
        self.truth: dict[str, int] = {}
        self.recent: list[tuple[str, str, int]] = []
        self.logs = [watched.home / "logs"]
        self.killed = 0
        self.calls = 0

    def step(self) -> None:
        """Some rows, then one writer that may die."""
        for _ in range(self.chance.randrange(3)):
            self.row()
        self.die()

    def row(self) -> None:
        """A new response, or one of the last ones grown."""
        if self.recent and self.chance.random() < 0.3:
            key, agent, second = self.chance.choice(self.recent)
            tokens = self.truth[key] + self.chance.randrange(40)
        else:
            second, agent = len(self.truth), self.chance.choice(AGENTS)
            key, tokens = f"m{second:05d}", self.chance.randrange(1, 1000)
            self.recent = [*self.recent, (key, agent, second)][-2:]
        self.truth[key] = tokens
        write(self.file(agent), assistant(key, second=second, agent=agent, output_tokens=tokens))

    def file(self, agent: str) -> Path:
        """The transcript of the main thread or of a subagent."""
        main = self.watched.transcript
        return main.with_suffix("") / "subagents" / f"agent-{agent}.jsonl" if agent else main

    def die(self) -> None:
        """One writer is killed at one of its first changes, or comes through."""
        work: Callable[[], object]
        if self.chance.random() < 0.2:
            work = self.core
        else:
            event = self.chance.choice(EVENTS)
            self.calls += 1
            call = f"toolu_{self.calls}"
            work = dying.hook(
                self.watched.payload(event, agent_id="x", agent_type="Explore", tool_use_id=call)
            )
        self.killed += dying.killed(work, self.chance.randrange(1, 18), self.chance.randrange(1 << 30))

    def core(self) -> None:
        """What `ingest` does for a watched session."""
        sessions.catch_up(str(self.watched.home), SESSION)

    def check(self) -> None:
        """Everything adds up to the truth, response by response."""
        self.watched.hook("SessionEnd")
        self.watched.hook("SessionEnd")
        assert self.watched.log() == ""
        lines = [
            json.loads(line)
            for folder in self.logs
            for file in sorted(folder.glob("*_runtime.jsonl*"))
            if not file.name.endswith(".lock")
            for line in file.read_bytes().splitlines()
        ]
        logged: Counter[str] = Counter()
        for line in lines:
            logged[line.get("corrects") or line["event_id"]] += line["output_tokens"]
        assert dict(logged) == self.truth
        assert len({line["event_id"] for line in lines}) == len(lines)
        cost = sum(line["cost_nano_usd"] for line in lines)
        assert cost == 20_000 * sum(self.truth.values())
        counted = self.watched.figures()
        assert (counted.usage[1], counted.cost_nano) == (sum(self.truth.values()), cost)
        home = str(self.watched.home)
        policy = snapshot.load(home) | {"month": [0, 1 << 62], "counted_to": 0}
        assert months.MonthFile(home, "project", policy, 1).total == cost


def lose(day: Day) -> None:
    """The state is gone, cut or empty."""
    file = day.watched.state_file
    if file.exists():
        damage = day.chance.choice([None, b"", file.read_bytes()[:200]])
        file.unlink() if damage is None else file.write_bytes(damage)


def rotate(day: Day) -> None:
    """The log is rotated, under its lock and never with a torn line, as the core does it."""
    log = day.logs[-1] / "project_runtime.jsonl"
    with files.Lock(f"{log}.lock", 5):
        if not log.exists() or not log.read_bytes().endswith(b"\n"):
            return
        numbers = [
            int(path.suffix[1:]) for path in log.parent.glob(f"{log.name}.*") if path.suffix[1:].isdigit()
        ]
        for number in sorted(numbers, reverse=True):
            log.with_name(f"{log.name}.{number}").rename(f"{log}.{number + 1}")
        log.rename(f"{log}.1")


def move(day: Day) -> None:
    """GAIA_ROOT is set later: lines go into another folder from now on.

    Only once a state names the folder before: of what was killed at the very first line in a folder nobody knows.
    """
    mine = sessions.read(str(day.watched.home), SESSION)
    if len(day.logs) < 3 and mine is not None and mine.log_place[0].startswith(f"{day.logs[-1]}/"):
        day.logs.append(day.watched.home / f"logs-{len(day.logs)}")
        day.watched.save_policy(logs=str(day.logs[-1]))


def nothing(day: Day) -> None:
    """An ordinary day."""


@pytest.mark.parametrize("happens", [nothing, lose, rotate, move], ids=lambda happens: happens.__name__)
def test_after_kills_at_random_writes_all_adds_up(watched: Watched, happens: Callable[[Day], None]) -> None:
    day = Day(watched, seed=int(os.environ.get("GAIA_TEST_SEED", "20261123")))
    while day.killed < int(os.environ.get("GAIA_TEST_KILLS", "125")):
        day.step()
        if day.chance.random() < 0.02:
            happens(day)
    day.check()
