"""Watched sessions: what hook calls count, write once and never lose."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gaia_hooks.machine import files
from gaia_hooks.session import sessions, state
from support.rows import SESSION, assistant, write

from . import dying

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Watched


def test_only_new_bytes_are_read_and_nothing_is_counted_twice(watched: Watched) -> None:
    write(watched.transcript, assistant("a", second=1, input_tokens=100, output_tokens=10))
    watched.hook("PreToolUse")
    write(watched.transcript, assistant("b", second=2, input_tokens=110, output_tokens=5))
    watched.hook("PreToolUse")
    watched.hook("PreToolUse")
    counted = watched.figures()
    assert (counted.responses, counted.usage[:2]) == (2, (210, 15))
    assert counted.cost_nano == 210 * 4000 + 15 * 20000
    assert [line["event_id"] for line in watched.lines()] == ["a"]


def test_a_line_names_the_source_of_its_own_price(watched: Watched) -> None:
    own = [[0, [[-1, 1, 1, 1, 1, 1]], None, {"source": "override"}]]
    watched.save_policy(prices=watched.policy["prices"] | {"claude-haiku-5-5": own})
    write(watched.transcript, assistant("a", second=1, model="claude-haiku-5-5", input_tokens=5))
    write(watched.transcript, assistant("b", second=2, model="claude-opus-5-5", input_tokens=5))
    write(watched.transcript, assistant("c", second=3, model="claude-opus-9", input_tokens=5))
    watched.hook("SessionEnd")
    assert [line["price_source"] for line in watched.lines()] == ["override", "genai-prices", "unpriced"]


def test_a_torn_last_line_is_counted_when_it_is_whole(watched: Watched) -> None:
    whole = json.dumps(assistant("a", input_tokens=7)).encode()
    watched.transcript.write_bytes(whole[:100])
    watched.hook("PreToolUse")
    assert watched.figures().responses == 0
    watched.transcript.write_bytes(whole)
    watched.hook("PreToolUse")
    assert watched.figures().usage[0] == 7
    watched.transcript.write_bytes(whole + b"\n")
    watched.hook("SessionEnd")
    assert watched.figures().responses == 1
    assert len(watched.lines()) == 1


def test_subagents_are_counted_with_the_session_and_their_lines_name_them(watched: Watched) -> None:
    agents = watched.transcript.with_suffix("") / "subagents"
    write(watched.transcript, assistant("a", second=1, input_tokens=100))
    write(agents / "agent-x1.jsonl", assistant("s", second=2, agent="x1", input_tokens=500, output_tokens=11))
    watched.hook("SubagentStart", agent_id="x1", agent_type="Explore")
    watched.hook("SubagentStop", agent_id="x1", agent_type="Explore")
    assert watched.figures().usage[:2] == (600, 11)
    [line] = watched.lines()
    assert (line["agent_type"], line["agent_id"], line["input_tokens"]) == ("Explore", "x1", 500)


def test_a_subagent_that_no_event_told_of_is_found_when_the_turn_ends(watched: Watched) -> None:
    agents = watched.transcript.with_suffix("") / "subagents"
    write(watched.transcript, assistant("a", second=1, input_tokens=100))
    write(agents / "agent-x2.jsonl", assistant("s", second=2, agent="x2", input_tokens=500))
    (agents / "agent-x2.meta.json").write_text('{"agentType": "Explore"}')
    watched.hook("Stop")
    assert watched.figures().usage[0] == 600
    watched.hook("SessionEnd")
    assert [line["agent_type"] for line in watched.lines()] == ["main", "Explore"]


def test_compaction_that_reports_a_subagent_without_a_file_changes_nothing(watched: Watched) -> None:
    write(watched.transcript, assistant("a", input_tokens=100))
    missing = str(watched.transcript.with_suffix("") / "subagents" / "agent-gone.jsonl")
    watched.hook("SubagentStop", agent_id="gone", agent_type="", agent_transcript_path=missing)
    assert watched.figures().usage[0] == 100


def test_a_fork_counts_only_its_own_responses(watched: Watched) -> None:
    copy = assistant("a", second=1, requestSessionId="parent")
    own = assistant("b", second=2, input_tokens=30)
    write(watched.transcript, copy, own)
    watched.hook("SessionEnd")
    assert watched.figures().responses == 1
    assert [line["event_id"] for line in watched.lines()] == ["b"]


def test_counting_goes_on_when_a_worktree_moves_the_transcript(watched: Watched) -> None:
    rows = [assistant(f"m{i}", second=i, input_tokens=10) for i in range(40)]
    write(watched.transcript, *rows[:30])
    watched.hook("PreToolUse")
    moved = watched.claude / "projects" / "-home-dev-project-worktree" / watched.transcript.name
    write(moved, *rows)  # the new file holds copies of what was counted, then new rows
    watched.transcript = moved
    watched.hook("PreToolUse")
    watched.hook("SessionEnd")
    assert watched.figures().responses == 40
    assert sorted(line["event_id"] for line in watched.lines()) == sorted(
        row["message"]["id"] for row in rows
    )


def test_a_moved_transcript_that_starts_afresh_is_counted_too(watched: Watched) -> None:
    write(watched.transcript, assistant("a", second=1, input_tokens=10))
    watched.hook("PreToolUse")
    watched.transcript = watched.claude / "projects" / "-elsewhere" / watched.transcript.name
    write(watched.transcript, assistant("b", second=2, input_tokens=20))
    watched.hook("SessionEnd")
    assert watched.figures().usage[0] == 30


def test_a_truncated_or_deleted_transcript_loses_nothing_that_was_counted(watched: Watched) -> None:
    rows = [assistant(f"m{i}", second=i, input_tokens=10) for i in range(5)]
    write(watched.transcript, *rows)
    watched.hook("PreToolUse")
    watched.transcript.write_bytes(json.dumps(rows[0]).encode() + b"\n")
    watched.hook("PreToolUse")
    write(watched.transcript, assistant("n", second=9, input_tokens=3))
    watched.hook("PreToolUse")
    assert watched.figures().usage[0] == 53
    watched.transcript.unlink()
    watched.hook("SessionEnd")
    assert watched.figures().usage[0] == 53
    assert len(watched.lines()) == 6


def test_a_lost_or_corrupt_state_is_counted_again_and_no_line_is_written_twice(watched: Watched) -> None:
    rows = [assistant(f"m{i}", second=i, input_tokens=10) for i in range(6)]
    write(watched.transcript, *rows[:4])
    watched.hook("Stop")
    for damage in (b"", b"{", b'{"schema":1}', None):
        if damage is None:
            watched.state_file.unlink()
        else:
            watched.state_file.write_bytes(damage)
        watched.hook("PreToolUse")
        assert watched.figures().responses == 4
    write(watched.transcript, *rows[4:])
    watched.hook("SessionEnd")
    assert [line["event_id"] for line in watched.lines()] == [row["message"]["id"] for row in rows]


def test_the_state_of_a_newer_version_is_left_alone_and_said(watched: Watched) -> None:
    write(watched.transcript, assistant("a", input_tokens=10))
    watched.hook("PreToolUse")
    newer = json.loads(watched.state_file.read_bytes()) | {"schema": state.SCHEMA + 1}
    watched.state_file.write_text(json.dumps(newer))
    assert watched.hook("PreToolUse") == {}
    assert json.loads(watched.state_file.read_bytes()) == newer
    assert "NewerState" in watched.log()


def test_what_one_call_may_not_read_is_left_and_the_rest_is_caught_up(watched: Watched) -> None:
    padding = "x" * 100_000
    rows = [assistant(f"m{i}", second=i, input_tokens=1) | {"padding": padding} for i in range(60)]
    write(watched.transcript, *rows)
    watched.hook("PreToolUse")
    first = watched.figures()
    assert 0 < first.responses < 60
    assert json.loads(watched.state_file.read_bytes())["behind"]
    sessions.catch_up(str(watched.home), SESSION, final=True)
    assert watched.figures().responses == 60
    assert len({line["event_id"] for line in watched.lines()}) == len(watched.lines()) == 60


def test_catching_up_settles_what_a_stop_missed_and_only_then(watched: Watched) -> None:
    write(watched.transcript, assistant("a", second=1, input_tokens=10))
    watched.hook("PreToolUse")
    write(watched.transcript, assistant("b", second=2, input_tokens=20))
    watched.hook("Stop")
    write(watched.transcript, assistant("c", second=3, input_tokens=30))  # Stop can miss the last response
    sessions.catch_up(str(watched.home), SESSION)
    sessions.catch_up(str(watched.home), SESSION)
    assert [line["event_id"] for line in watched.lines()] == ["a", "b", "c"]


def test_rows_from_before_the_installation_are_counted_but_not_logged(watched: Watched) -> None:
    from gaia_hooks.machine import clock

    watched.save_policy(installed_at=clock.parse("2026-11-20T00:00:05Z"))
    write(
        watched.transcript,
        assistant("old", second=4, input_tokens=1),
        assistant("new", second=5, input_tokens=2),
    )
    watched.hook("SessionEnd")
    assert watched.figures().usage[0] == 3
    assert [line["event_id"] for line in watched.lines()] == ["new"]


def test_a_response_that_grew_after_its_line_gets_a_line_with_the_difference(watched: Watched) -> None:
    write(
        watched.transcript,
        assistant("a", second=1, output_tokens=10),
        assistant("b", second=2, output_tokens=1),
    )
    watched.hook("PreToolUse")
    write(watched.transcript, assistant("a", second=3, output_tokens=25))
    watched.hook("SessionEnd")
    lines = watched.lines()
    assert sum(line["output_tokens"] for line in lines) == 26
    [difference] = [line for line in lines if "corrects" in line]
    assert (difference["corrects"], difference["output_tokens"]) == ("a", 15)
    assert watched.figures().responses == 2


def test_sixteen_hooks_at_once_on_one_session_lose_nothing(watched: Watched) -> None:
    rows = [assistant(f"m{i}", second=i, input_tokens=1 + i) for i in range(16)]

    def one(number: int) -> None:
        write(watched.transcript, rows[number])
        watched.hook("PostToolUse", tool_use_id=f"toolu_{number}", tool_name="Bash", duration_ms=5)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(16)))
    watched.hook("SessionEnd")
    assert watched.figures().usage[0] == sum(range(1, 17))
    assert len({line["event_id"] for line in watched.lines()}) == len(watched.lines()) == 16
    assert len({line["event_id"] for line in watched.lines("build")}) == len(watched.lines("build")) == 16


def test_an_event_reported_twice_is_written_once(watched: Watched) -> None:
    for _ in range(2):
        watched.hook("PostToolUse", tool_use_id="toolu_1", tool_name="Bash", duration_ms=5, agent_type="")
    watched.hook("PostToolUseFailure", tool_use_id="toolu_2", tool_name="Read", duration_ms=7)
    assert [(line["details"], line["status"], line["agent"]) for line in watched.lines("build")] == [
        ("Bash", "completed", "main"),
        ("Read", "error", "main"),
    ]


def test_killed_at_any_moment_the_next_call_is_right_again(watched: Watched, tmp_path: Path) -> None:
    """The hook dies at each of its first writes in turn: between any two of them nothing may be lost or doubled."""
    rows = [assistant(f"m{i}", second=i, input_tokens=10) for i in range(6)]
    write(watched.transcript, *rows[:2])
    watched.hook("PreToolUse")
    write(watched.transcript, *rows[2:])
    saved = tmp_path / "saved"
    shutil.copytree(watched.home, saved)
    for step in range(1, 40):
        shutil.rmtree(watched.home)
        shutil.copytree(saved, watched.home)
        died = dying.killed(dying.hook(watched.payload("Stop")), step)
        watched.hook("PreToolUse")
        watched.hook("SessionEnd")
        assert watched.figures().usage[0] == 60, step
        assert sorted(line["event_id"] for line in watched.lines()) == [
            row["message"]["id"] for row in rows
        ], step
        if not died:
            break
    assert not died
    assert step > 5


def test_models_of_clouds_and_of_other_makers_are_priced_by_the_hooks_at_first_sight(
    watched: Watched,
) -> None:
    """Their names are those of the price list (anthropics/claude-code#56110, ccusage/ccusage#1201)."""
    from gaia_budget.prices import catalogue

    catalogue.load()
    names = ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "global.anthropic.claude-opus-4-6-v1", "glm-5.2",
             "kimi-k3", "claude-opus-4-6@20260205", "anthropic/claude-opus-5-5")  # fmt: skip
    for second, name in enumerate(names, 1):
        write(watched.transcript, assistant(f"m{second}", second=second, model=name, output_tokens=1000))
    watched.hook("SessionEnd")
    counted = watched.figures()
    assert (counted.responses, counted.unpriced) == (len(names), 0)
    assert counted.cost_nano > 0


def test_a_price_that_comes_later_is_made_up_for_and_no_line_is_written_twice(watched: Watched) -> None:
    own = [[0, [[-1, 10**6, 10**6, 1, 1, 1]], None, {"source": "override"}]]
    write(watched.transcript, assistant("a", second=1, model="house-model", output_tokens=7))
    write(watched.transcript, assistant("b", second=2, output_tokens=7))
    watched.hook("Stop")
    assert watched.figures().unpriced == 1
    watched.save_policy(prices=watched.policy["prices"] | {"house-model": own}, written_at=1)
    write(watched.transcript, assistant("c", second=3, output_tokens=7))
    watched.hook("SessionEnd")
    counted = watched.figures()
    assert (counted.responses, counted.unpriced, counted.cost_nano) == (3, 0, 7 + 2 * 7 * 20_000)
    assert [line["event_id"] for line in watched.lines()] == ["a", "b", "c"]


def test_a_model_that_the_price_list_learns_later_is_made_up_for_too(watched: Watched) -> None:
    from gaia_budget.prices import catalogue

    write(watched.transcript, assistant("a", second=1, model="glm-5.2", output_tokens=1000))
    write(watched.transcript, assistant("b", second=2, output_tokens=7))
    watched.hook("Stop")
    assert watched.figures().unpriced == 1
    catalogue.load()  # writes the list, which holds more than a snapshot does
    watched.save_policy(written_at=1)
    watched.hook("SessionEnd")
    counted = watched.figures()
    assert (counted.responses, counted.unpriced) == (2, 0)
    assert counted.cost_nano > 7 * 20_000


def test_a_workflows_agents_are_found_wherever_they_lie_and_forks_copies_count_once(watched: Watched) -> None:
    parent = assistant("a", second=1, write_5m=1000, output_tokens=5)
    write(watched.transcript, parent)
    below = watched.transcript.with_suffix("") / "subagents"
    write(below / "agent-f0.jsonl", {"type": "fork-context-ref", "agentId": "f0"},
          parent | {"agentId": "f0", "isSidechain": True},
          assistant("f", second=2, agent="f0", output_tokens=9))  # fmt: skip
    write(
        below / "workflows" / "wf_1" / "agent-w0.jsonl",
        assistant("w", second=3, agent="w0", output_tokens=11),
    )
    watched.hook("PreToolUse")
    assert (watched.figures().responses, watched.figures().usage[1]) == (3, 25)
    write(
        below / "workflows" / "wf_1" / "agent-w1.jsonl", assistant("v", second=4, agent="w1", output_tokens=2)
    )
    watched.hook("SessionEnd")
    assert {line["event_id"]: line["agent_id"] for line in watched.lines()} == {
        "a": "", "f": "f0", "w": "w0", "v": "w1"}  # fmt: skip


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    old, new, other = tmp_path / "a.json.1.2.tmp", tmp_path / "b.json.1.2.tmp", tmp_path / "c.json"
    for file in (old, new, other):
        file.write_text("x")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    os.utime(other, (1_700_000_000, 1_700_000_000))
    files.sweep(str(tmp_path), 86_400)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.json.1.2.tmp", "c.json"]
