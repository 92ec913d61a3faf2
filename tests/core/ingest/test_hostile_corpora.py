"""Whatever lies on the disk is counted once: ledger and hooks against the truth, to the token and the nano-dollar.

`GAIA_TEST_SEEDS=50 GAIA_TEST_CORPUS_SESSIONS=20000` is the proof at full size: about 200 MB a seed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_hooks.say import figures
from gaia_hooks.session import counting
from support import hostile

if TYPE_CHECKING:
    from .conftest import Bench


SESSIONS = int(os.environ.get("GAIA_TEST_CORPUS_SESSIONS", "12"))


@pytest.mark.parametrize("seed", range(int(os.environ.get("GAIA_TEST_SEEDS", "4"))))
def test_ledger_and_hooks_tell_the_truth_of_a_hostile_corpus(bench: Bench, seed: int) -> None:
    bench.run()  # the hooks' prices
    corpus = hostile.write(bench.claude / "projects", seed, SESSIONS)
    report = bench.run()
    rows = {row.key[0]: row.figures for row in bench.ledger.spend(("session",)).rows}
    told = {name: (one.input_tokens, one.output_tokens, one.cost_nano) for name, one in rows.items()}
    assert told == {name: (one.fresh, one.output, one.nano) for name, one in corpus.sessions.items()}
    named = [skip for skip in report.skipped if len(Path(skip.file).name) == len("x.jsonl") + 35]
    assert len(named) == corpus.aside, "each row set aside is named"
    assert bench.run().events_new == 0

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
            counted = figures.SessionFigures(mine)
        assert (counted.usage[0], counted.usage[1], counted.responses, counted.cost_nano) == (
            truth.fresh, truth.output, truth.responses, truth.nano)  # fmt: skip
