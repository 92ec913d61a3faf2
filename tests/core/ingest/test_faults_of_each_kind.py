"""What a client, a proxy or a crash may write, members of each kind: hooks and ledger count alike, and it is said."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import snapshot
from gaia_budget.ingest.report import skipped
from gaia_budget.settings import load
from gaia_hooks.session import counting, sessions
from support.rows import ADVISOR, MODEL, SESSION, assistant, write

from .conftest import hooked

if TYPE_CHECKING:
    from .conftest import Bench

OTHER = "5e551011-0000-4000-8000-00000000000b"


def run(fresh: int = 0, output: int = 0, kind: object = "message", **more: Any) -> dict[str, Any]:
    return {"type": kind, "input_tokens": fresh, "output_tokens": output, **more}


def counted(session: counting.Session) -> tuple[dict[str, tuple[int, int]], int]:
    """Input and output of each model, and nano-dollars, as hooks have them."""
    models: dict[str, tuple[int, int]] = {}
    nano = 0
    for tallies in session.state.tallies.values():
        for model, tally in tallies.items():
            fresh, output = models.get(model, (0, 0))
            models[model] = fresh + tally.usage[0], output + tally.usage[1]
            nano += tally.cost_nano
    return models, nano


def told(bench: Bench, name: str = SESSION) -> tuple[dict[str, tuple[int, int]], int]:
    """The same of the ledger."""
    found = bench.ledger.session(name)
    if found is None:
        return {}, 0
    models = {part.key: (part.figures.input_tokens, part.figures.output_tokens) for part in found.models}
    return models, found.cost_nano


def alike(bench: Bench, main: Path) -> counting.Session:
    """Hooks and ledger count a session alike; what hooks have of it."""
    bench.run()  # the hooks' prices
    mine = hooked(bench, main)
    assert counted(mine) == told(bench, main.stem)
    assert bench.run().events_new == 0
    return mine


@pytest.fixture
def main(bench: Bench) -> Path:
    """The session's transcript, with an answer of 10 and 5 tokens."""
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("msg_first", second=1, input_tokens=10, output_tokens=5))
    return file


CONTRADICT = {
    "more than the top level": ((100, 1), [run(1_000, 1), run(2_000, 1)], (3_000, 2)),
    "less than the top level": ((5_000, 1), [run(1_000, 1), run(2_000, 1)], (5_000, 1)),
    "one run, another figure": ((100, 9), [run(100, 90)], (100, 90)),
    "compaction beside a wrong top level": ((40, 4), [run(900, 30, "compaction"), run(50, 5)], (950, 35)),
}


@pytest.mark.parametrize("of", CONTRADICT)
def test_iterations_that_contradict_the_top_level_cost_the_dearer_reading(
    bench: Bench, main: Path, of: str
) -> None:
    (fresh, output), runs, dearer = CONTRADICT[of]
    row = assistant("msg_b", second=2, input_tokens=fresh, output_tokens=output)
    row["message"]["usage"]["iterations"] = runs
    write(main, row)
    mine = alike(bench, main)
    assert counted(mine)[0] == {MODEL: (10 + dearer[0], 5 + dearer[1])}
    assert mine.state.odd == {"iterations": 1}
    assert mine.state.uncertain


KINDS = {
    "a new kind of the same model": (run(70, 7, "rehearsal"), {MODEL: (80, 12)}, "iterations.type=rehearsal"),
    "a new kind of another model": (
        run(70, 7, "critic", model=ADVISOR),
        {MODEL: (10, 5), ADVISOR: (70, 7)},
        "iterations.type=critic",
    ),
    "no kind": (run(70, 7, None), {MODEL: (80, 12)}, "iterations.type=None"),
    "a list for a kind": (run(70, 7, ["message"]), {MODEL: (80, 12)}, "iterations.type=['message']"),
    "no run at all": ("dream", {MODEL: (10, 5)}, "iterations"),
}


@pytest.mark.parametrize("of", KINDS)
def test_an_iteration_of_an_unknown_kind_costs_what_it_says_and_is_named(
    bench: Bench, main: Path, of: str
) -> None:
    iteration, models, name = KINDS[of]
    top = isinstance(iteration, dict) and iteration.get("model") is None
    row = assistant("msg_b", second=2, input_tokens=70 * top, output_tokens=7 * top)
    row["message"]["usage"]["iterations"] = [run(), iteration]
    write(main, row)
    mine = alike(bench, main)
    assert counted(mine)[0] == models
    assert mine.state.odd == {name: 1}


@pytest.mark.parametrize(
    "figure", ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
)
def test_a_negative_count_takes_nothing_back_and_is_named(bench: Bench, main: Path, figure: str) -> None:
    before = alike(bench, main)
    row = assistant("msg_b", second=2)
    row["message"]["usage"][figure] = -7
    write(main, row)
    mine = alike(bench, main)
    assert counted(mine) == counted(before)
    assert mine.state.odd == {figure: 1}


ABSURD = {
    "an underflow": {"output_tokens": 2**64 - 3},
    "a half": {"input_tokens": 0.5},
    "in an iteration": {"iterations": [run(), run(2**40)]},
    "in the split": {"cache_creation": {"ephemeral_1h_input_tokens": 2**31}},
    "of searches": {"server_tool_use": {"web_search_requests": 1e308}},
}  # fmt: skip


@pytest.mark.parametrize("of", ABSURD)
def test_an_absurd_count_sets_its_row_aside_and_is_said(bench: Bench, main: Path, of: str) -> None:
    row = assistant("msg_b", second=2, input_tokens=1)
    row["message"]["usage"] |= ABSURD[of]
    write(main, row, assistant("msg_c", second=3, input_tokens=20))
    report = bench.run()
    assert [skip.line for skip in report.skipped] == [2]
    mine = alike(bench, main)
    assert counted(mine)[0] == {MODEL: (30, 5)}
    assert sum(mine.state.aside.values()) == 1
    assert mine.state.uncertain


UNKNOWN = {
    "magic_tokens": {"magic_tokens": 5},
    "server_tool_use.code_runs": {"server_tool_use": {"web_search_requests": 0, "code_runs": 2}},
    "cache_creation.ephemeral_24h_input_tokens": {"cache_creation": {"ephemeral_24h_input_tokens": 9}},
    "output_tokens_details.audio_tokens": {"output_tokens_details": {"audio_tokens": 3}},
    "speed=warp": {"speed": "warp"},
    "service_tier=flex": {"service_tier": "flex"},
    "inference_geo=mars": {"inference_geo": "mars"},
    "iterations.dream_tokens": {"iterations": [run(7, 0, dream_tokens=4)]},
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_a_usage_has_that_nobody_knows_is_named_and_the_rest_counted(
    bench: Bench, main: Path, name: str
) -> None:
    row = assistant("msg_b", second=2, input_tokens=7)
    row["message"]["usage"] |= UNKNOWN[name]
    write(main, row)
    mine = alike(bench, main)
    assert counted(mine)[0] == {MODEL: (17, 5)}
    assert mine.state.odd == {name: 1}


@pytest.mark.parametrize("folder", ["", "workflows/wf_1", "teams/red", "2027/q1/night", "a/b/c/d/e/f"])
def test_an_agents_file_is_the_sessions_in_whatever_folder_a_client_puts_it(
    bench: Bench, main: Path, folder: str
) -> None:
    file = main.with_suffix("") / "subagents" / folder / "agent-x.jsonl"
    write(file, assistant("msg_x", second=2, agent="x", input_tokens=100, output_tokens=50))
    assert counted(alike(bench, main))[0] == {MODEL: (110, 55)}


ROWS = {
    "a new type": {"type": "assistant_v2"},
    "no type": {"type": None},
    "a list for a type": {"type": ["assistant"]},
    "a new type around a usage": {"type": "billing", "message": None, "usage": {"input_tokens": 1_000}},
}


@pytest.mark.parametrize("of", ROWS)
def test_a_usage_in_a_row_of_an_unknown_type_is_named_and_not_counted(
    bench: Bench, main: Path, of: str
) -> None:
    write(
        main,
        assistant("msg_b", second=2, input_tokens=1_000) | ROWS[of],
        assistant("msg_c", second=3, input_tokens=20),
    )
    mine = alike(bench, main)
    assert counted(mine)[0] == {MODEL: (30, 5)}
    reason = f"a row of the type {ROWS[of]['type']} tells of a usage"
    assert mine.state.aside == {reason: 1}
    assert [(skip.line, skip.reason) for skip in skipped(load())] == [(2, reason)]


@pytest.mark.parametrize("how", [shutil.copy, os.link, os.symlink], ids=["copied", "hard link", "linked"])
def test_an_agents_file_that_belongs_to_two_sessions_counts_for_the_one_that_its_rows_name(
    bench: Bench, main: Path, how: Any
) -> None:
    file = main.with_suffix("") / "subagents" / "agent-x.jsonl"
    write(file, assistant("msg_x", second=2, agent="x", input_tokens=100))
    other = bench.project / f"{OTHER}.jsonl"
    write(other, assistant("msg_o", second=1, session=OTHER, input_tokens=3))
    twin = other.with_suffix("") / "subagents" / file.name
    twin.parent.mkdir(parents=True)
    how(file, twin)
    assert counted(alike(bench, other))[0] == {MODEL: (3, 0)}
    assert counted(alike(bench, main))[0] == {MODEL: (110, 5)}


def test_an_agents_file_with_rows_of_two_sessions_counts_each_row_once_for_its_own(
    bench: Bench, main: Path
) -> None:
    other = bench.project / f"{OTHER}.jsonl"
    write(other, assistant("msg_o", second=1, session=OTHER, input_tokens=3))
    for folder in (main, other):
        write(folder.with_suffix("") / "subagents" / "agent-x.jsonl",
              assistant("msg_x", second=2, agent="x", input_tokens=100),
              assistant("msg_y", second=3, agent="x", session=OTHER, input_tokens=200))  # fmt: skip
    assert counted(alike(bench, other))[0] == {MODEL: (203, 0)}
    assert counted(alike(bench, main))[0] == {MODEL: (110, 5)}


@pytest.mark.parametrize(
    "gone",
    ["subagents/workflows/wf_1", "subagents", ""],
    ids=["the run", "all agents", "the session's folder"],
)
@pytest.mark.parametrize("seen_by", ["hooks", "ledger", "both"])
def test_a_workflows_folder_that_is_deleted_while_it_runs_takes_nothing_back(
    bench: Bench, main: Path, gone: str, seen_by: str
) -> None:
    home, below = str(bench.home / "gaia-budget"), main.with_suffix("")
    run_of = below / "subagents" / "workflows" / "wf_1"
    write(run_of / "agent-x.jsonl", assistant("msg_x", second=2, agent="x", input_tokens=100))
    policy = snapshot.write(load()) | {"installed_at": 1}  # what is older is history, and in no log
    Path(home, "snapshot.json").write_text(json.dumps(policy), "utf-8")
    if seen_by != "ledger":
        with counting.lock_of(home, SESSION, 5) as lock:
            session = counting.opened(home, SESSION, lock)
            session.watch(str(main), "/home/dev/project")
            session.count()
            session.store()
    if seen_by != "hooks":
        bench.run()
    shutil.rmtree(below / gone)
    write(main, assistant("msg_b", second=4, input_tokens=20))
    if seen_by != "ledger":
        assert sessions.catch_up(home, SESSION, final=True)
        with counting.lock_of(home, SESSION, 5) as lock:
            assert counted(counting.opened(home, SESSION, lock))[0] == {MODEL: (130, 5)}
    bench.run()
    assert told(bench)[0] == {MODEL: (130, 5)}
    write(run_of / "agent-x.jsonl", assistant("msg_y", second=5, agent="x", input_tokens=1_000))
    bench.run()
    assert told(bench)[0] == {MODEL: (1_130, 5)}, "the run goes on in a folder of the same name"
