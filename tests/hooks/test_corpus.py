"""The hooks' count of a corpus whose truth is known: zero tokens and zero nano-dollars off, in any steps."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from gaia_hooks.facts import snapshot
from gaia_hooks.say import figures
from gaia_hooks.session import counting as session
from support import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from support.sessions import Truth

MEGABYTE = 1 << 20


def told(truth: Truth, session_id: str) -> tuple[tuple[int, ...], int, int, int]:
    """A session's tokens of each kind, re-cached tokens, nano-dollars and responses, as the generator knows them."""
    own = [one for one in truth.responses.values() if one.session == session_id]
    usage = tuple(map(sum, zip(*(one.usage for one in own), strict=True))) if own else (0,) * 7
    return usage, sum(one.recached for one in own), sum(one.nano or 0 for one in own), len(own)


def counted(home: str, transcript: Path, steps: random.Random) -> tuple[tuple[int, ...], int, int, int]:
    """The same by the hooks, which may read as little as a few kilobytes in a call."""
    with session.lock_of(home, transcript.stem, 5) as lock:
        while True:
            mine = session.opened(home, transcript.stem, lock)
            mine.watch(str(transcript), "/home/dev/project")
            mine.find_agents()
            mine.count(steps.choice([1 << 13, 1 << 16, 1 << 30]))
            if not mine.state.behind:
                break
            mine.store()
        mine.settle_all()
        mine.store()
        found = figures.SessionFigures(mine)
    return found.usage, found.recached, found.cost_nano, found.responses


@pytest.mark.parametrize("seed", range(3))
def test_every_session_of_the_corpus_is_counted_without_error(home: Path, seed: int) -> None:
    from gaia_budget import settings
    from gaia_budget.snapshot import write

    config = home / ".claude"
    truth = corpus.write(config, size=4 * MEGABYTE, seed=seed)
    write(settings.load())
    state = str(home / "gaia-budget")
    assert snapshot.load(state)["prices"]
    found = {}
    for transcript in sorted(
        config.glob("projects/*/*.jsonl")
    ):  # a session in a worktree goes on in a second one
        found[transcript.stem] = counted(state, transcript, random.Random(seed))
    assert found == {session: told(truth, session) for session in found}
    assert set(found) == set(truth.client)
