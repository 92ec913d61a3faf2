"""What another model ran for a response is a part of it: its money counts, and no face calls it a response.

And what rows tell of how a response came to be is an axis of `spend`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget import snapshot
from gaia_budget.cli.app import app
from gaia_budget.ledger.verify import verify
from gaia_budget.settings import load
from gaia_hooks.session import counting, sessions
from support.rows import ADVISOR, MODEL, SESSION, assistant, write

if TYPE_CHECKING:
    from .conftest import Bench

GATEWAY_ID = "answer-1"
"""A message id that a gateway gives to many answers."""


def stored(bench: Bench) -> list[dict[str, str]]:
    names = ("event_id", "part_of", "agent_id", "model")
    rows = bench.ledger.db.ask(
        lambda ask: list(ask(f"SELECT {', '.join(names)} FROM events ORDER BY event_id", ()))
    )
    return [dict(zip(names, row, strict=True)) for row in rows]


def counted_by_hooks(bench: Bench, transcript: Path) -> None:
    """The session is over: what hooks counted of it stands in a log."""
    home = str(bench.home / "gaia-budget")
    policy = snapshot.write(load()) | {"installed_at": 1}  # what is older is history, and in no log
    Path(home, "snapshot.json").write_text(json.dumps(policy), "utf-8")
    with counting.lock_of(home, SESSION, 5) as lock:
        session = counting.opened(home, SESSION, lock)
        session.watch(str(transcript), "/home/dev/project")
        session.store()
    sessions.catch_up(home, SESSION, final=True)


def ask(*words: str) -> dict[str, Any]:
    answer = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.mark.parametrize("watched", [False, True], ids=["read from transcripts", "counted by hooks"])
def test_an_advisors_part_costs_under_its_own_model_and_is_no_response(bench: Bench, watched: bool) -> None:
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("msg_a", second=1, input_tokens=1000, output_tokens=10, advised=700),
                assistant("msg_b", second=2, input_tokens=1000, output_tokens=10))  # fmt: skip
    if watched:
        counted_by_hooks(bench, file)
    report = bench.run()

    assert report.responses_new == 2
    found = {row.key[0]: row.figures for row in bench.ledger.spend(("model",)).rows}
    assert (found[MODEL].responses, found[ADVISOR].responses) == (2, 0)
    assert found[ADVISOR].output_tokens == 700
    assert found[ADVISOR].cost_nano > 0
    assert stored(bench)[1] == {
        "event_id": f"msg_a+{ADVISOR}", "part_of": "msg_a", "agent_id": "", "model": ADVISOR}  # fmt: skip
    assert verify(bench.ledger) == []


@pytest.mark.parametrize("watched", [False, True], ids=["read from transcripts", "counted by hooks"])
def test_a_resumed_reply_costs_what_each_of_its_requests_did_and_is_one_response(
    bench: Bench, watched: bool
) -> None:
    before = assistant("msg_a", second=1, input_tokens=1000, output_tokens=90)
    after = assistant("msg_a", second=2, input_tokens=1090, output_tokens=30, requestId="req-resumed")
    after["message"]["pausedResponses"] = [{"limit": "max_tokens", "usage": before["message"]["usage"]}]
    file = bench.project / f"{SESSION}.jsonl"
    write(file, before, after)
    if watched:
        counted_by_hooks(bench, file)
    bench.run()

    total = bench.ledger.spend().total
    assert (total.responses, total.input_tokens, total.output_tokens) == (1, 2090, 120)
    assert verify(bench.ledger) == []


def test_an_unpriced_part_is_said(bench: Bench) -> None:
    row = assistant("msg_a", output_tokens=10, advised=700)
    row["message"]["usage"]["iterations"][1]["model"] = "nobody-knows-1"
    write(bench.project / f"{SESSION}.jsonl", row)
    bench.run()
    assert (bench.total().responses, bench.total().unpriced_responses) == (1, 1)


def test_parts_of_responses_with_one_message_id_are_counted_once_by_every_reader(bench: Bench) -> None:
    """A gateway's id in two threads: hooks and ingest must call the part by the same name."""
    main = bench.project / f"{SESSION}.jsonl"
    write(main, assistant(GATEWAY_ID, second=1, output_tokens=10, requestId="req-1"))
    write(bench.project / SESSION / "subagents" / "agent-x.jsonl",
          assistant(GATEWAY_ID, second=9, agent="x", output_tokens=20, advised=700, requestId="req-2"))  # fmt: skip
    bench.run()
    before = stored(bench)
    assert {one["event_id"] for one in before} == {
        GATEWAY_ID, f"{GATEWAY_ID}@req-2", f"{GATEWAY_ID}@req-2+{ADVISOR}"}  # fmt: skip

    counted_by_hooks(bench, main)
    assert bench.run().events_new == 0
    assert stored(bench) == before


AXES = {
    "effort": {"effort": "high"},
    "entrypoint": {"entrypoint": "cli"},
    "skill": {"attributionSkill": "review"},
    "plugin": {"attributionPlugin": "tools"},
    "after_mcp_server": {"attributionMcpServer": "github"},
    "after_mcp_tool": {"attributionMcpTool": "search"},
}


@pytest.mark.parametrize("watched", [False, True], ids=["read from transcripts", "counted by hooks"])
@pytest.mark.parametrize("axis", AXES)
def test_spend_by_what_a_row_tells_of_how_its_response_came_to_be(
    bench: Bench, axis: str, watched: bool
) -> None:
    file = bench.project / f"{SESSION}.jsonl"
    [value] = AXES[axis].values()
    write(file, assistant("msg_a", second=1, output_tokens=10, **AXES[axis]),
                assistant("msg_b", second=2, output_tokens=5))  # fmt: skip
    if watched:
        counted_by_hooks(bench, file)
    bench.run()

    told = ask("spend", "--by", axis)
    assert {row["key"]: row["output_tokens"] for row in told["rows"]} == {value: 10, "": 5}
    both = ask("spend", "--by", f"{axis},model")
    assert both["total"] == told["total"]
