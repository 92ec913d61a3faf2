"""Four sessions that the real client recorded, with its own totals: hooks, ledger and client say the same.

`recorded.jsonl` has their rows as far as anything counts: no text, no tool, no file name. `GAIA_TEST_RECORDED=FOLDER`
takes whole recordings in their place, a folder each with the transcripts and the client's `result.json`.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from gaia_hooks.say import figures

from .conftest import hooked

if TYPE_CHECKING:
    from .conftest import Bench

WHOLE = os.environ.get("GAIA_TEST_RECORDED", "")
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"


class Recorded(NamedTuple):
    """A session: input, output, cache reads and writes by model, what counts, and the client's own total in dollars.

    `beyond` is what that total has in no row: compaction, prompt hooks and agent hooks.
    """

    of: str
    models: dict[str, tuple[int, int, int, int]]
    counts: int
    total: str
    beyond: str = "0"


SESSIONS = {
    "cfc3e525-67dd-4272-a0cc-207d57fdce53": Recorded(
        "nested-foreground-agents", {OPUS: (1113, 38, 0, 0), SONNET: (601, 13, 0, 0)}, 1_264, "0.006544"
    ),
    "f5c24210-dd84-435f-acbb-40a1e664bde5": Recorded(
        "prompt-and-agent-hooks", {OPUS: (110, 15, 0, 0)}, 125, "0.00788", beyond="0.00714"
    ),
    "f17eed58-18ff-4684-83e0-a58ce064657a": Recorded(
        "resume-compact-fork", {OPUS: (130, 21, 0, 0)}, 141, "0.03494", beyond="0.034"
    ),
    "6339b5b7-a026-48ab-8f9a-5b11c694ea2d": Recorded(
        "resume-compact-fork", {OPUS: (30, 7, 0, 0)}, 37, "0.0352"
    ),
    "3217e657-fa42-433d-88c7-84c1d805d8c7": Recorded(
        "tools-and-background-agents",
        {OPUS: (2186, 282, 16_640, 3_500), HAIKU: (4003, 103, 0, 0)},
        8_073,
        "0.0416638",
    ),
}
CARRIED = {"6339b5b7-a026-48ab-8f9a-5b11c694ea2d": Decimal("0.03494")}
"""What a fork's total carried in from the session that it was forked from."""


def put(projects: Path) -> dict[str, Path]:
    """Lay the recordings down as the client has them, a project each; each session's transcript."""
    files = defaultdict[tuple[str, str], list[bytes]](list)
    if WHOLE:
        for file in Path(WHOLE).rglob("*.jsonl"):
            of, name = file.relative_to(WHOLE).parts[0], file.relative_to(WHOLE)
            files[of, name.relative_to(of).as_posix()] = [file.read_bytes().rstrip(b"\n")]
    else:
        for line in Path(__file__).with_name("recorded.jsonl").read_text("utf-8").splitlines():
            of, path, row = json.loads(line)
            files[of, path].append(json.dumps(row).encode())
    found = {}
    for (of, path), rows in files.items():
        file = projects / of / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\n".join(rows) + b"\n")
        found[file.stem] = file
    return found


def by_hooks(bench: Bench, main: Path) -> tuple[dict[str, Any], int]:
    """Tokens by model and what counts, as hooks count it."""
    mine = hooked(bench, main)
    models = defaultdict[str, list[tuple[int, ...]]](list)
    for tallies in mine.state.tallies.values():
        for model, tally in tallies.items():
            models[model].append(tally.usage)
    told = {model: tuple(map(sum, zip(*usages, strict=True))) for model, usages in models.items()}
    whole = {model: (*one[:3], one[3] + one[4]) for model, one in told.items()}
    return whole, figures.SessionFigures(mine).budget_tokens


@pytest.mark.parametrize("name", SESSIONS, ids=[f"{one.of}: {name[:4]}" for name, one in SESSIONS.items()])
def test_a_recorded_session_is_counted_as_the_client_billed_it(bench: Bench, name: str) -> None:
    bench.run()  # the hooks' prices
    main, wanted = put(bench.claude / "projects")[name], SESSIONS[name]
    assert by_hooks(bench, main) == (wanted.models, wanted.counts)
    report = bench.run()
    assert not report.skipped
    assert not report.unreconciled
    told = bench.ledger.session(name)
    assert told is not None
    read = {
        part.key: (
            part.figures.input_tokens,
            part.figures.output_tokens,
            part.figures.cache_read_tokens,
            part.figures.cache_write_5m_tokens + part.figures.cache_write_1h_tokens,
        )
        for part in told.models
    }
    assert (read, told.figures.budget_tokens) == (wanted.models, wanted.counts)
    assert Decimal(told.unattributed_nano) / 10**9 == Decimal(wanted.beyond)
    assert Decimal(told.cost_nano) / 10**9 == Decimal(wanted.total) - CARRIED.get(name, 0)


def test_every_recording_is_named() -> None:
    rows = Path(__file__).with_name("recorded.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)[0] for line in rows} == {one.of for one in SESSIONS.values()}
