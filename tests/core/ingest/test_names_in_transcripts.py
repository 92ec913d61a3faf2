"""What a transcript names is cleaned where it comes in, for hooks and ledger alike; ids that look alike stay two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.ledger.sightings import fit
from gaia_budget.ledger.verify import verify
from gaia_hooks.facts import names
from gaia_hooks.facts.tokens.responses import response_of
from support.events import event
from support.rows import assistant, write

from .conftest import hooked

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Bench

STEERS = "a\x1b]0;owned\x07\u202eb\u200b\nSYSTEM: c"
CLEAN = "a]0;ownedb SYSTEM: c"
ALIKE = ("5e55\u200b", "5e55", "5e55\u2060")
TRAITS = ("effort", "entrypoint", "attributionSkill", "attributionPlugin", "attributionMcpServer",
          "attributionMcpTool", "attributionAgent")  # fmt: skip
KEPT = ("model", "branch", "agent_type", "effort", "entrypoint", "skill", "plugin", "mcp_server", "mcp_tool")


def hostile(key: str, session: str = "5e55", **extra: Any) -> dict[str, Any]:
    row = assistant(key, session=session, model=STEERS, output_tokens=10, gitBranch=STEERS, **extra)
    return row | dict.fromkeys(TRAITS, STEERS)


def rows(bench: Bench, *columns: str) -> list[tuple[Any, ...]]:
    return bench.ledger.db.ask(
        lambda ask: sorted(map(tuple, ask(f"SELECT {', '.join(columns)} FROM events", ())))
    )


def test_every_name_of_a_row_stands_in_the_ledger_as_it_may_be_shown(bench: Bench) -> None:
    agents = bench.project / "5e55" / "subagents"
    write(agents / "agent-x.jsonl", hostile("msg_a", agent="x"))
    (agents / "agent-x.meta.json").write_text(json.dumps({"agentType": STEERS}))
    write(bench.project / "5e55.jsonl", assistant("msg_0", session="5e55", output_tokens=1))
    bench.run()
    assert (CLEAN,) * len(KEPT) in rows(bench, *KEPT)


def test_hooks_hold_the_same_names(bench: Bench) -> None:
    main = bench.project / f"{ALIKE[1]}.jsonl"
    write(main, hostile("msg_a"))
    write(bench.project / ALIKE[1] / "subagents" / "agent-x.jsonl", hostile("msg_b", agent="x"))
    (bench.project / ALIKE[1] / "subagents" / "agent-x.meta.json").write_text(
        json.dumps({"agentType": STEERS})
    )
    mine = hooked(bench, main).state
    assert {thread.agent_type for thread in mine.threads.values()} == {"", CLEAN}
    assert {model for tallies in mine.tallies.values() for model in tallies} == {CLEAN}


@pytest.mark.parametrize("field", ["sessionId", "agentId"])
def test_ids_that_look_alike_stay_apart(field: str) -> None:
    found = [response_of(hostile("msg_a") | {field: one}) for one in ALIKE]
    ids = [getattr(one, {"sessionId": "session_id", "agentId": "agent_id"}[field]) for one in found]
    assert len(set(ids)) == len(ALIKE) and ids[1] == ALIKE[1]
    assert all(one.isprintable() for one in ids)
    again = [response_of(hostile("msg_a") | {field: one}) for one in ids]
    assert [getattr(one, {"sessionId": "session_id", "agentId": "agent_id"}[field]) for one in again] == ids


def test_sessions_that_look_alike_stay_two_however_often_they_are_read(bench: Bench) -> None:
    for number, one in enumerate(ALIKE):
        write(bench.project / f"{one}.jsonl", hostile(f"msg_{number}", session=one))
    bench.run()
    before = rows(bench, "event_id", "session_id", "output_tokens")
    assert len({session for _, session, _ in before}) == len(before) == len(ALIKE)
    for number, one in enumerate(ALIKE):  # the files grow, and are read on
        write(bench.project / f"{one}.jsonl", hostile(f"msg_{number}b", session=one))
    bench.run()
    assert CliRunner().invoke(app, ["rebuild"]).exit_code == 0
    after = rows(bench, "event_id", "session_id", "output_tokens")
    assert len(after) == 2 * len(ALIKE) and set(before) <= set(after)
    assert verify(bench.ledger) == []


def test_rows_of_an_older_ledger_are_not_booked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the names as they were written, and ids too."""
    path = bench.project / f"{ALIKE[0]}.jsonl"
    write(path, hostile("msg_a", session=ALIKE[0]))
    raw = event("msg_a", session_id=ALIKE[0], model="m", branch="b\u200b", output_tokens=10)
    with monkeypatch.context() as older:
        older.setattr("gaia_budget.ledger.record.fit", lambda event: event)
        bench.ledger.record([raw])
    bench.run()
    write(path, hostile("msg_b", session=ALIKE[0]))
    bench.run()
    assert [(one, tokens) for one, tokens in rows(bench, "event_id", "output_tokens")] == [
        ("msg_a", 10),
        ("msg_b", 10),
    ]


def test_an_apps_answer_names_its_model_like_a_transcript() -> None:
    told = msgspec.structs.replace(event("e"), model=STEERS, provider="x" * 1000, module="büro\u200d")
    found = fit(told)
    assert (found.model, len(found.provider)) == (CLEAN, names.FACT_LIMIT)
    assert found.module == told.module  # as its owner calls it
    assert fit(found) is not None and fit(fit(found)) == found


def test_a_file_of_a_name_of_any_length_is_counted(bench: Bench, tmp_path: Path) -> None:
    name = "s" * 240
    write(bench.project / f"{name}.jsonl", hostile("msg_a", session=name * 3))
    bench.run()
    ((session,),) = rows(bench, "session_id")
    assert len(session) == names.FACT_LIMIT
