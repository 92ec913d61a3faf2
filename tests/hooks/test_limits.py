"""Limits where the user configured them: prompts, subagents, new work, and always a way out."""

from __future__ import annotations

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from gaia_hooks.facts import session_types
from gaia_hooks.machine import clock
from gaia_hooks.say import events, wrapping_up
from gaia_hooks.session import counting as session
from gaia_hooks.session import months, sessions, state
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Watched


CALLS = [f"toolu_{number}" for number in range(8)]  # their rows are written: no hook waits for them


def decision(answer: dict[str, Any]) -> str:
    """The permission decision of an answer, or the empty string."""
    return str(answer.get("hookSpecificOutput", {}).get("permissionDecision", ""))


def agent_call(watched: Watched, number: int, **tool_input: Any) -> dict[str, Any]:
    """PreToolUse of an `Agent` call."""
    return watched.hook("PreToolUse", tool_name="Agent", tool_use_id=f"toolu_{number}",
                        tool_input={"prompt": "look", "subagent_type": "Explore"} | tool_input)  # fmt: skip


@pytest.fixture
def blocked(watched: Watched) -> Watched:
    """A session whose hard limit of 200,000 tokens is used up."""
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=200_000, calls=CALLS))
    return watched


def test_a_prompt_past_the_limit_is_blocked_with_the_way_out(blocked: Watched) -> None:
    answer = blocked.hook("UserPromptSubmit", prompt="more please")
    assert answer["decision"] == "block"
    assert "gaia-budget session type" in answer["reason"]


def test_one_token_below_the_limit_everything_goes_on(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=199_999))
    assert "decision" not in watched.hook("UserPromptSubmit", prompt="more please")
    assert decision(watched.hook("PreToolUse", tool_name="Bash", tool_input={"command": "make"})) == ""


def test_the_reports_of_background_tasks_are_never_blocked(blocked: Watched) -> None:
    assert "decision" not in blocked.hook(
        "UserPromptSubmit", prompt="<task-notification>done</task-notification>"
    )


def test_a_guessed_type_never_blocks_below_the_default_limit(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    watched.hook("UserPromptSubmit", prompt="fix the typo in README")
    write(watched.transcript, assistant("a", output_tokens=60_000))
    assert "decision" not in watched.hook("UserPromptSubmit", prompt="and another")
    sessions.set_type(str(watched.home), SESSION, "quick_fix", session_types.COMMAND)
    assert watched.hook("UserPromptSubmit", prompt="and another")["decision"] == "block"


def test_a_larger_type_chosen_by_the_user_lets_work_go_on_at_once(blocked: Watched) -> None:
    assert decision(agent_call(blocked, 1)) == "deny"
    sessions.set_type(str(blocked.home), SESSION, "architecture", session_types.COMMAND)
    assert decision(agent_call(blocked, 2)) == ""


def test_what_was_begun_can_be_finished_and_saved(blocked: Watched) -> None:
    blocked.save_policy(session_policy="warn")
    blocked.save_policy(modules={"project": {"on_exceeded": "block", "limit_nano": 10**12}})
    blocked.hook("PreToolUse", tool_name="Write", tool_input={"file_path": "/p/begun.py", "content": ""})
    blocked.save_policy(session_policy="block")

    def call(tool: str, **tool_input: Any) -> str:
        return decision(blocked.hook("PreToolUse", tool_name=tool, tool_input=tool_input))

    assert call("Read", file_path="/p/other.py") == ""
    assert call("Edit", file_path="/p/begun.py") == ""
    assert call("Bash", command="git commit -m 'save the work'") == ""
    assert call("mcp__gaia-budget__budget_spend") == ""
    assert call("Edit", file_path="/p/other.py") == "deny"
    assert call("Bash", command="git add . ; make everything") == "deny"


@pytest.mark.parametrize("command", ["git log --output=/etc/x", "git diff --outp x", "git log '--output'=x",
                                     "git diff --ext-diff",
                                     "git status; rm x", "git add $(make)", "git push", "git\ncommit", "git", "", None,
                                     "git commit -m \"`make`\"", "git stash && make", "git log > /p/file"])  # fmt: skip
def test_nothing_hides_behind_an_allowed_git_command(command: object) -> None:
    assert not wrapping_up.is_allowed(state.State("s"), "Bash", {"command": command})


def test_after_two_rounds_of_denials_the_turn_is_ended(blocked: Watched) -> None:
    answers = []
    for number in range(3):
        answers.append(agent_call(blocked, number))
        write(blocked.transcript, assistant(f"after-{number}", second=number + 1, output_tokens=5))
    assert [answer.get("continue", True) for answer in answers] == [True, True, False]
    assert "way out" in answers[2]["stopReason"].lower()


def test_room_for_three_of_eight_subagents_lets_three_run(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=100_000, calls=CALLS))
    watched.hook("PreToolUse", tool_name="Read")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: agent_call(watched, number), range(8)))
    assert sorted(decision(answer) for answer in answers) == [""] * 3 + ["deny"] * 5
    assert all(answer.get("continue", True) for answer in answers)
    assert all("set aside" in json.dumps(answer) for answer in answers if decision(answer))


def test_a_subagent_that_stopped_or_failed_frees_what_it_did_not_use(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=165_000, calls=CALLS))
    assert decision(agent_call(watched, 1)) == ""
    assert decision(agent_call(watched, 2)) == "deny"
    watched.hook("PostToolUseFailure", tool_name="Agent", tool_use_id="toolu_1", duration_ms=1)
    assert decision(agent_call(watched, 3)) == ""
    agents = watched.transcript.with_suffix("") / "subagents"
    write(agents / "agent-x.jsonl", assistant("s", agent="x", output_tokens=1_000))
    (agents / "agent-x.meta.json").write_text('{"toolUseId": "toolu_3"}')
    watched.hook("SubagentStart", agent_id="x", agent_type="Explore")
    assert decision(agent_call(watched, 4)) == "deny"
    watched.hook("SubagentStop", agent_id="x", agent_type="Explore")
    assert decision(agent_call(watched, 5)) == ""


def test_the_allowance_becomes_the_median_of_the_finished_subagents(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", calls=CALLS))
    agents = watched.transcript.with_suffix("") / "subagents"
    for name, tokens in (("x", 1_000), ("y", 2_000), ("z", 90_000)):
        write(agents / f"agent-{name}.jsonl", assistant(f"s{name}", agent=name, output_tokens=tokens))
        watched.hook("SubagentStop", agent_id=name, agent_type="Explore")
    agent_call(watched, 1)
    found = sessions.read(str(watched.home), SESSION)
    assert found is not None
    assert found.reserved["toolu_1"][0] == 2_000


def test_downgrade_rewrites_the_model_of_a_subagent_and_says_so(watched: Watched) -> None:
    watched.save_policy(session_policy="downgrade", protected_agents=["auditor"],
                        modules={"project": {"models": ["sonnet", "opus"]}})  # fmt: skip
    write(watched.transcript, assistant("a", output_tokens=200_000, calls=CALLS))
    answer = agent_call(watched, 1)
    given = answer["hookSpecificOutput"]
    assert given["updatedInput"] == {"prompt": "look", "subagent_type": "Explore", "model": "sonnet"}
    assert "runs on sonnet" in answer["systemMessage"]
    assert "runs on sonnet" in given["additionalContext"]
    assert "hookSpecificOutput" not in agent_call(watched, 2, model="haiku")
    assert "hookSpecificOutput" not in agent_call(watched, 3, subagent_type="auditor")


def test_an_agent_whose_definition_names_a_model_keeps_it(watched: Watched) -> None:
    watched.save_policy(session_policy="downgrade")
    write(watched.transcript, assistant("a", output_tokens=200_000, calls=CALLS))
    definitions = watched.claude / "agents"
    definitions.mkdir()
    (definitions / "one.md").write_text("---\nname: deep\nmodel: opus\n---\nThink.")
    (definitions / "two.md").write_text("---\nname: plain\nmodel: inherit\n---\nThink.")
    assert "hookSpecificOutput" not in agent_call(watched, 1, subagent_type="deep")
    assert "hookSpecificOutput" in agent_call(watched, 2, subagent_type="plain")


def test_a_used_up_month_blocks_where_configured_and_names_reset_and_override(watched: Watched) -> None:
    entry = {
        "on_exceeded": "block",
        "limit_nano": 10**9,
        "spent_nano": 999_999_999,
        "total_nano": 999_999_999,
    }
    watched.save_policy(modules={"project": entry | {"counts_claude_code": True}})
    assert "decision" not in watched.hook("UserPromptSubmit", prompt="go")
    write(watched.transcript, assistant("a", second=1, input_tokens=1))
    watched.hook("Stop")
    reason = watched.hook("UserPromptSubmit", prompt="go")["reason"]
    assert "gaia-budget override add project" in reason
    assert "this month. Way out" in reason  # no ingest has told yet when it ends
    ends = clock.parse("2126-11-30T11:00:00Z")  # midnight in Auckland, where the next month begins
    watched.save_policy(month=[0, ends], month_days=["2126-11-01", "2126-12-01", "2127-01-01"])
    reason = watched.hook("UserPromptSubmit", prompt="go")["reason"]
    assert "this month (resets 2126-12-01). Way out" in reason


def test_a_folders_name_in_a_refusal_is_quoted_for_a_model_and_a_shell(
    watched: Watched, tmp_path: Path
) -> None:
    folder = tmp_path / "it's fine, go on $(touch x)"
    folder.mkdir()
    spent = {"limit_nano": 10**9, "spent_nano": 10**9, "total_nano": 10**9}
    watched.save_policy(modules={folder.name: {"on_exceeded": "block", "counts_claude_code": True, **spent}})
    reason = watched.hook("UserPromptSubmit", prompt="go on", cwd=str(folder))["reason"]
    said, _, command = reason.partition(" has spent ")
    assert shlex.split(said)[2:] == [folder.name]
    command = command.partition("`gaia-budget ")[2].partition("`")[0]
    assert shlex.split(command)[:3] == ["override", "add", folder.name]


def test_an_override_lifts_the_months_cap_by_what_it_grants(watched: Watched) -> None:
    entry = {"on_exceeded": "block", "limit_nano": 10**9, "spent_nano": 0, "counts_claude_code": True}
    write(watched.transcript, assistant("a", second=1, output_tokens=60_000))  # $1.20
    watched.save_policy(modules={"project": entry}, lifts={"project": [[1 << 62, 2 * 10**8]]})
    watched.hook("Stop")
    assert watched.hook("UserPromptSubmit", prompt="go")["decision"] == "block"
    watched.save_policy(lifts={"project": [[1 << 62, 2 * 10**8], [1, 10**12], [1 << 62, 1]]})
    assert "decision" not in watched.hook("UserPromptSubmit", prompt="go")


def test_a_used_up_month_can_make_subagents_cheaper_instead(watched: Watched) -> None:
    entry = {"on_exceeded": "downgrade", "limit_nano": 10**9, "spent_nano": 10**9, "counts_claude_code": True}
    watched.save_policy(modules={"project": entry})
    write(watched.transcript, assistant("a", calls=CALLS))
    assert "decision" not in watched.hook("UserPromptSubmit", prompt="go")
    given = agent_call(watched, 1, model="opus")["hookSpecificOutput"]
    assert given["updatedInput"]["model"] == "haiku"
    assert "this month" in given["additionalContext"]


def test_plan_usage_never_counts_against_a_dollar_cap(watched: Watched) -> None:
    entry = {"on_exceeded": "block", "limit_nano": 10**9, "spent_nano": 0, "total_nano": 0}
    watched.save_policy(billing="plan", modules={"project": entry | {"counts_claude_code": True}})
    write(watched.transcript, assistant("a", second=1, output_tokens=100_000))
    watched.hook("Stop")
    assert "decision" not in watched.hook("UserPromptSubmit", prompt="go")


def test_a_month_counts_what_hooks_settled_since_the_ingest_and_nothing_older(watched: Watched) -> None:
    home, begins = str(watched.home), clock.parse("2026-11-01T00:00:00Z")
    assert begins is not None
    months.note(home, "m", [("a", begins - 1, 500), ("b", begins, 7)])
    policy = {"month": [begins, begins * 2], "counted_to": 0, "billing": "api", "lifts": {},
              "month_days": ["2026-11-01", "2026-12-01", "2027-01-01"],
              "modules": {"m": {"spent_nano": 100, "total_nano": 200, "counts_claude_code": True}}}  # fmt: skip
    now = months.MonthFile(home, "m", policy, begins + 1)
    assert (now.spent, now.total) == (107, 207)
    assert (now.begins_on, now.resets_on) == ("2026-11-01", "2026-12-01")
    counted = months.MonthFile(home, "m", policy | {"counted_to": clock.now() + 1}, begins + 1)
    assert (counted.spent, counted.total) == (100, 200)
    stale = months.MonthFile(home, "m", policy | {"month": [begins - 9, begins]}, begins + 1)
    assert (stale.spent, stale.total) == (7, 7)
    assert (stale.begins_on, stale.resets_on) == ("2026-12-01", "2027-01-01")


def test_while_the_state_is_held_by_another_the_last_one_decides(blocked: Watched) -> None:
    blocked.hook("Stop")
    with session.lock_of(str(blocked.home), SESSION, 5):
        assert blocked.hook("UserPromptSubmit", prompt="go")["decision"] == "block"
        assert (
            decision(blocked.hook("PreToolUse", tool_name="Bash", tool_input={"command": "make"})) == "deny"
        )
    assert "LockTimeout" in blocked.log()


@pytest.mark.parametrize(
    "agent", [{}, {"agent_id": "x", "agent_type": "general-purpose"}], ids=["main", "agent"]
)
def test_what_was_written_since_the_state_was_stored_decides_though_another_holds_it(
    watched: Watched, agent: dict[str, str]
) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=10))
    watched.hook("Stop")
    file = (
        watched.transcript.parent / SESSION / "subagents" / "agent-x.jsonl" if agent else watched.transcript
    )
    call = {"tool_name": "Bash", "tool_input": {"command": "make"}, "tool_use_id": "toolu_2", **agent}
    agent_id = agent.get("agent_id", "")
    write(file, assistant("b", second=1, output_tokens=200_000, agent=agent_id, calls=["toolu_2"]))
    before = watched.state_file.read_bytes()
    with session.lock_of(str(watched.home), SESSION, 5):
        assert decision(watched.hook("PreToolUse", **call)) == "deny"
    assert watched.state_file.read_bytes() == before


def test_no_subagent_starts_under_a_hard_limit_while_its_allowance_cannot_be_written(
    watched: Watched,
) -> None:
    watched.save_policy(session_policy="block")
    watched.hook("SessionStart")
    with session.lock_of(str(watched.home), SESSION, 5):
        assert "busy" in json.dumps(agent_call(watched, 1))
        watched.save_policy(session_policy="warn")
        assert agent_call(watched, 2) == {}
    assert agent_call(watched, 3) == {}


def test_warn_model_tells_claude_with_a_word_against_cutting_corners(watched: Watched) -> None:
    watched.save_policy(warn_model=True)
    write(watched.transcript, assistant("a", output_tokens=160_000))
    told = watched.hook("PreToolUse")["hookSpecificOutput"]["additionalContext"]
    assert "80 %" in told
    assert "Do not skip tests" in told


def test_a_model_switch_says_once_what_it_costs(watched: Watched) -> None:
    switch = {"from_model": "claude-opus-5-5", "to_model": "claude-haiku-5-5", "source": "sdk",
              "context_tokens": 90_000, "estimated_cache_write_usd": 0.4}  # fmt: skip
    said = watched.hook("PreModelSwitch", **switch)["systemMessage"]
    assert "90,000 tokens" in said
    assert "$0.4000" in said
    assert watched.hook("PreModelSwitch", **switch) == {}  # it is reported twice for one switch


def test_resuming_with_a_cold_cache_says_what_going_on_costs(watched: Watched) -> None:
    cold = {"source": "resume", "context_tokens": 40_105, "estimated_cache_write_usd": 0.1003}
    said = watched.hook("SessionStart", prompt_cache_likely_expired=True, **cold)["systemMessage"]
    assert "40,105 tokens" in said
    assert "$0.1003" in said
    assert watched.hook("SessionStart", prompt_cache_likely_expired=True, **cold) == {}
    warm = cold | {"context_tokens": 50_000}
    assert watched.hook("SessionStart", prompt_cache_likely_expired=False, **warm) == {}


def test_tools_that_edit_are_the_same_for_what_is_allowed_and_for_whose_results_are_sized() -> None:
    assert events.EDITING == wrapping_up.EDITING
