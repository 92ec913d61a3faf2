"""The plugin's commands are answered by the hook: the prompt is held back, and no model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Watched


def command(watched: Watched, words: str, **fields: str) -> str:
    """What a command is answered with; it is always in place of the model's answer."""
    answer = watched.hook("UserPromptSubmit", prompt=f"/gaia-budget:{words}", **fields)
    assert answer["decision"] == "block"
    return str(answer["reason"])


@pytest.fixture
def used(watched: Watched) -> Watched:
    """A session that has used 42,000 tokens, 2,000 of them in a subagent."""
    write(watched.transcript, assistant("a", output_tokens=40_000))
    agent = watched.transcript.with_suffix("") / "subagents" / "agent-b1.jsonl"
    write(agent, assistant("b", agent="b1", output_tokens=2_000))
    watched.hook("SubagentStart", agent_id="b1", agent_type="Explore")
    return watched


def test_budget_says_where_session_and_month_stand(used: Watched) -> None:
    said = command(used, "budget")
    assert "42,000 of 200,000 tokens of this feature_dev session (21 %), $0.8400" in said
    assert "project: $0.8400 this month; it has no cap" in said


def test_report_tells_models_and_agents_apart(used: Watched) -> None:
    said = command(used, "report")
    assert "in 2 responses" in said
    assert "model claude-opus-5-5: 42,000" in said
    assert "by the conversation: 40,000" in said
    assert "by Explore b1: 2,000" in said


def test_type_shows_and_sets_the_type_by_the_users_word(watched: Watched) -> None:
    assert "a feature_dev (200,000 tokens; chosen by: default) session" in command(watched, "type")
    assert "quick_fix session from now on (50,000 tokens)" in command(watched, "type quick_fix")
    assert "chosen by: command" in command(watched, "type")
    said = command(watched, "type huge\x1b[2J")
    assert "huge[2J is no session type" in said
    assert "quick_fix (50,000" in command(watched, "type")


def test_under_a_hard_limit_a_command_lowers_the_type_and_never_raises_it(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    said = command(watched, "type architecture")
    assert f"gaia-budget session type architecture --session {SESSION}" in said
    assert "feature_dev" in command(watched, "type")
    assert "from now on" in command(watched, "type quick_fix")


def test_a_command_is_answered_past_a_hard_limit_too(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=250_000))
    assert "(125 %)" in command(watched, "budget")


def test_claude_md_names_the_file_and_how_it_is_split(watched: Watched, tmp_path: Path) -> None:
    assert "no CLAUDE.md" in command(watched, "claude-md", cwd=str(tmp_path))
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / "CLAUDE.md").write_text("# hi\n" * 40, "utf-8")
    assert ".claude/CLAUDE.md has 40 lines" in command(watched, "claude-md", cwd=str(tmp_path))


def test_a_warning_that_is_due_comes_with_the_next_prompt(watched: Watched) -> None:
    write(watched.transcript, assistant("a", output_tokens=170_000))
    command(watched, "budget")
    assert "80 %" in watched.hook("UserPromptSubmit", prompt="go on")["systemMessage"]


@pytest.mark.parametrize("prompt", ["/gaia-budget:unknown", "/gaia-budget", "tell me of /gaia-budget:budget"])
def test_what_is_no_command_of_ours_goes_its_way(watched: Watched, prompt: str) -> None:
    assert "decision" not in watched.hook("UserPromptSubmit", prompt=prompt)


@pytest.mark.parametrize("words", ["token-budget and go on", "type\nquick_fix", "", " budget"])
def test_what_only_begins_like_a_command_is_refused_past_a_hard_limit(watched: Watched, words: str) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=250_000))
    assert watched.hook("UserPromptSubmit", prompt=f"/gaia-budget:{words}")["decision"] == "block"
    assert watched.hook("UserPromptSubmit", prompt="go on")["decision"] == "block"
