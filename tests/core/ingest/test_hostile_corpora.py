"""Whatever lies on the disk is counted once: ledger and hooks against the truth, to the token and the nano-dollar.

`GAIA_TEST_SEEDS=50 GAIA_TEST_CORPUS_MB=200 GAIA_TEST_CORPUS_SESSIONS=200` is the proof at full size: 0.7 GB of disk
while it runs, 20 seconds of one core a seed.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget import settings
from gaia_budget.ingest.report import skipped
from gaia_hooks.facts import snapshot
from gaia_hooks.say import events, figures
from gaia_hooks.session import counting
from support import hostile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Bench

SESSIONS = int(os.environ.get("GAIA_TEST_CORPUS_SESSIONS", "12"))
MEGABYTES = int(os.environ.get("GAIA_TEST_CORPUS_MB", "0"))
SEEDS = range(int(os.environ.get("GAIA_TEST_SEEDS", "3")))
FIRED = ("UserPromptSubmit", "PreToolUse", "PostToolUse", "SubagentStop", "Stop", "SessionEnd")


@pytest.fixture(autouse=True)
def room(home: Path, tmp_path: Path) -> Iterator[None]:
    """A corpus goes with its test: pytest would keep those of all seeds."""
    yield
    for folder in (home, tmp_path):
        shutil.rmtree(folder)
        folder.mkdir()


def check_ledger(bench: Bench, corpus: hostile.Corpus) -> None:
    """Every session is its truth, every row set aside is named, and nothing is left to take in."""
    rows = {row.key[0]: row.figures for row in bench.ledger.spend(("session",)).rows}
    told = {name: (one.input_tokens, one.output_tokens, one.cost_nano) for name, one in rows.items()}
    assert told == {name: (one.fresh, one.output, one.nano) for name, one in corpus.sessions.items()}
    named = [skip for skip in skipped(settings.load()) if Path(skip.file).stem in corpus.sessions]
    assert len(named) == corpus.aside
    assert bench.run().events_new == 0


def check_hooks(counted: figures.SessionFigures, truth: hostile.Truth) -> None:
    assert (counted.usage[0], counted.usage[1], counted.responses, counted.cost_nano) == (
        truth.fresh, truth.output, truth.responses, truth.nano)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_ledger_and_hooks_tell_the_truth_of_a_hostile_corpus(bench: Bench, seed: int) -> None:
    bench.run()  # the hooks' prices
    corpus = hostile.write(bench.claude / "projects", seed, SESSIONS, MEGABYTES)
    bench.run()
    check_ledger(bench, corpus)

    dice, home = random.Random(seed), str(bench.home / "gaia-budget")
    for main in (bench.claude / "projects").glob("*/*.jsonl"):
        truth = corpus.sessions.get(main.stem)
        if truth is None:
            continue
        with counting.lock_of(home, main.stem, 5) as lock:
            while True:
                mine = counting.opened(home, main.stem, lock)
                mine.watch(str(main), "/home/dev/p")
                mine.count(dice.choice([1 << 10, 1 << 14, 1 << 30]))
                if not mine.state.behind:
                    break
                mine.store()
            mine.settle_all()
            mine.store()
            check_hooks(figures.SessionFigures(mine), truth)


def fire(home: str, main: Path, event: str, agent: str = "") -> figures.SessionFigures:
    """What a hook of Claude Code does on an event, in this process."""
    payload = {"session_id": main.stem, "transcript_path": str(main), "cwd": "/home/dev/p", "hook_event_name": event,
               "prompt": "go on", "tool_name": "Read", "tool_input": {}, "agent_id": agent}  # fmt: skip
    with counting.lock_of(home, main.stem, 5) as lock:
        mine = counting.opened(home, main.stem, lock, snapshot.load(home))
        events.handle(mine, payload)
        mine.store()
        return figures.SessionFigures(mine)


def main_of(path: Path) -> Path:
    """The session's own transcript, beside which its subagents' files lie in folders."""
    below = [one for one in path.parents if one.name == "subagents"]
    return below[0].parent.with_suffix(".jsonl") if below else path


@pytest.mark.parametrize("seed", SEEDS)
def test_hooks_that_fire_at_random_moments_while_the_files_grow_tell_the_truth(
    bench: Bench, tmp_path: Path, seed: int
) -> None:
    """Bytes arrive in pieces cut anywhere, in all files at once; now and then an ingest comes between."""
    bench.run()  # the hooks' prices
    dice, home, written = random.Random(seed), str(bench.home / "gaia-budget"), tmp_path / "written"
    corpus = hostile.write(written, seed, SESSIONS, MEGABYTES)
    left = [(path, path.read_bytes()) for path in sorted(written.rglob("*.jsonl"))]
    watched, piece = set[Path](), max(700, MEGABYTES * 1000)
    while left:
        at = dice.randrange(len(left))
        path, data = left[at]
        size = dice.choice([1, 90, piece, 6 * piece])
        left[at] = path, data[size:]
        if not data[size:]:
            left[at] = left[-1]
            left.pop()
        file = bench.claude / "projects" / path.relative_to(written)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as out:
            out.write(data[:size])
        main = main_of(file)
        if dice.random() < 0.3 and main.stem in corpus.sessions:
            watched.add(main)
            fire(home, main, dice.choice(FIRED), "" if main == file else file.stem.partition("-")[2])
        if dice.random() < 0.01 and not MEGABYTES:
            bench.run()
    for main in watched:
        check_hooks(fire(home, main, "SessionEnd"), corpus.sessions[main.stem])
    bench.run()
    check_ledger(bench, corpus)
