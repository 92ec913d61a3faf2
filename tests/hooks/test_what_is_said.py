"""Warnings to the human: once each, with figures, cause and next step."""

from __future__ import annotations

import json
import os
import select
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_hooks.facts import first_prompt, session_types
from gaia_hooks.say import events, news
from gaia_hooks.session import sessions
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from .conftest import Watched


def test_each_threshold_is_said_once_and_past_the_limit_there_is_silence(watched: Watched) -> None:
    said = []
    for number, tokens in enumerate((159_999, 1, 30_000, 10_000, 50_000)):
        write(watched.transcript, assistant(f"m{number}", second=number, output_tokens=tokens))
        said.append(watched.hook("PreToolUse").get("systemMessage", ""))
        assert watched.hook("Stop") == {}
    assert [text[:18] for text in said] == [
        "",
        "GAIA budget: 80 % ",
        "GAIA budget: 95 % ",
        "GAIA budget: 100 %",
        "",
    ]
    assert "160,000 of 200,000 tokens, $3.2000" in said[1]
    assert "Biggest: main thread on claude-opus-5-5 (160,000 tokens)" in said[1]
    assert "gaia-budget session type architecture" in said[1]


def test_a_jump_over_several_thresholds_says_only_the_highest(watched: Watched) -> None:
    write(watched.transcript, assistant("a", output_tokens=195_000))
    assert "95 %" in watched.hook("PreToolUse")["systemMessage"]
    write(watched.transcript, assistant("b", second=1, output_tokens=1_000))
    assert watched.hook("PreToolUse") == {}


def test_with_the_plugin_what_sets_the_type_is_its_own_command_but_under_a_hard_limit(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_PLUGIN_ROOT", "/plugins/gaia-budget")
    write(watched.transcript, assistant("a", output_tokens=161_000))
    assert "`/gaia-budget:type architecture`" in watched.hook("PreToolUse")["systemMessage"]
    watched.policy["session_policy"] = "block"
    (watched.home / "snapshot.json").write_text(json.dumps(watched.policy))
    write(watched.transcript, assistant("b", second=1, output_tokens=30_000))
    assert "`gaia-budget session type architecture`" in watched.hook("PreToolUse")["systemMessage"]


def test_what_another_process_left_to_be_said_is_said_at_the_next_prompt_and_gone(watched: Watched) -> None:
    file = Path(news.path_of(str(watched.home)))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("GAIA budget: its tools are ready.\n", "utf-8")
    assert "systemMessage" not in watched.hook("PreToolUse")
    assert (
        "its tools are ready."
        in watched.hook("UserPromptSubmit", prompt="go on")["systemMessage"].splitlines()[-1]
    )
    assert not file.exists()


def test_the_tool_whose_results_weigh_most_is_named_with_the_estimate(watched: Watched) -> None:
    for number, (tool, size) in enumerate((("Read", 300_000), ("Bash", 20_000), ("Read", 20_000))):
        watched.hook("PostToolUse", tool_use_id=f"toolu_{number}", tool_name=tool, tool_response="x" * size)
    watched.hook("PostToolUse", tool_use_id="toolu_8", tool_name="Edit", tool_response="x" * 900_000)
    watched.hook("PostToolUse", tool_use_id="toolu_9", tool_name="Grep", tool_response="x" * 900_000,
                 agent_id="x", agent_type="Explore")  # fmt: skip
    write(watched.transcript, assistant("a", input_tokens=170_000))
    said = watched.hook("PreToolUse")["systemMessage"]
    assert "main thread on claude-opus-5-5 (170,000 tokens), about 80,001 of them results of Read" in said


def test_a_subagent_that_used_most_is_named_as_the_cause(watched: Watched) -> None:
    agents = watched.transcript.with_suffix("") / "subagents"
    write(watched.transcript, assistant("a", output_tokens=10))
    write(agents / "agent-x.jsonl", assistant("s", agent="x", output_tokens=170_000))
    watched.hook("SubagentStart", agent_id="x", agent_type="Explore")
    assert "Biggest: subagent Explore (170,000 tokens)" in watched.hook("PreToolUse")["systemMessage"]


@pytest.mark.parametrize(
    ("client", "tokens"), [("claude-vscode", 190_000), ("claude-vscode", 189_999), ("cli", 190_000)]
)
def test_where_a_client_shows_nothing_the_desktop_does_from_95_percent_on(
    watched: Watched, tmp_path: Path, client: str, tokens: int
) -> None:
    shown, program = tmp_path / "shown", tmp_path / "bin" / "notify-send"
    os.mkfifo(shown)
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {shown}\n')
    program.chmod(0o755)
    write(watched.transcript, assistant("a", output_tokens=tokens))
    payload = json.dumps(watched.payload("PreToolUse")).encode()
    reader = os.open(shown, os.O_RDONLY | os.O_NONBLOCK)
    path = f"{program.parent}:{os.environ['PATH']}"
    watched.raw(payload, CLAUDE_CODE_ENTRYPOINT=client, PATH=path)
    expected = client == "claude-vscode" and tokens == 190_000
    ready, _, _ = select.select([reader], [], [], 30 if expected else 0)
    words = os.read(reader, 4096).decode() if ready else ""
    os.close(reader)
    assert words.startswith("--app-name=GAIA budget|GAIA budget|GAIA budget: 95 %") is expected


def test_events_whose_answer_would_reach_the_model_say_nothing(watched: Watched) -> None:
    write(watched.transcript, assistant("a", output_tokens=200_000))
    for event in sorted(set(events.HANDLERS) - events.SPEAKING):
        assert watched.hook(event, tool_use_id="t", agent_id="x", agent_type="Explore") == {}
    assert watched.hook("PreToolUse") != {}


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("fix the typo in README", "quick_fix"),
        ("Design the system for multi-tenant billing and compare approaches", "architecture"),
        ("add a settings page", None),
        ("/compact", None),
        ("continue", None),
        ("Traceback (most recent call last): fix the bug", None),
        ("", None),
    ],
)
def test_the_type_is_inferred_only_from_a_prompt_that_tells_it(prompt: str, expected: str | None) -> None:
    assert first_prompt.infer(prompt) == expected


def test_a_guess_is_announced_and_a_background_notification_decides_nothing(watched: Watched) -> None:
    assert (
        watched.hook("UserPromptSubmit", prompt="<task-notification>fix the typo</task-notification>") == {}
    )
    said = watched.hook("UserPromptSubmit", prompt="fix the typo in README")["systemMessage"]
    assert "quick_fix" in said
    assert "gaia-budget session type" in said
    assert watched.hook("UserPromptSubmit", prompt="design the system architecture") == {}
    found = sessions.read(str(watched.home), SESSION)
    assert found is not None
    assert (found.type, found.chosen_by) == ("quick_fix", "inferred")


def test_the_users_word_wins_over_environment_project_and_guess(watched: Watched) -> None:
    watched.save_policy(modules={"project": {"session_type": "architecture"}})
    watched.hook("SessionStart")
    found = sessions.read(str(watched.home), SESSION)
    assert found is not None
    assert (found.type, found.chosen_by) == ("architecture", "project")
    watched.raw(json.dumps(watched.payload("PreToolUse")).encode(), GAIA_SESSION_TYPE="quick_fix")
    found = sessions.read(str(watched.home), SESSION)
    assert found is not None
    assert (found.type, found.chosen_by) == ("quick_fix", "environment")
    sessions.set_type(str(watched.home), SESSION, "feature_dev", session_types.COMMAND)
    watched.raw(json.dumps(watched.payload("PreToolUse")).encode(), GAIA_SESSION_TYPE="quick_fix")
    found = sessions.read(str(watched.home), SESSION)
    assert found is not None
    assert (found.type, found.chosen_by) == ("feature_dev", "command")


def test_a_model_above_the_sessions_type_is_said_once_and_a_cheaper_one_never(watched: Watched) -> None:
    sessions.set_type(str(watched.home), SESSION, "quick_fix", session_types.COMMAND)
    write(watched.transcript, assistant("a", output_tokens=10))
    assert "claude-opus-5-5 is not meant for quick_fix" in watched.hook("PreToolUse")["systemMessage"]
    assert watched.hook("PreToolUse") == {}
    sessions.set_type(str(watched.home), SESSION, "architecture", session_types.COMMAND)
    write(watched.transcript, assistant("b", second=1, model="claude-haiku-5-5", output_tokens=10))
    assert watched.hook("PreToolUse") == {}


def test_families_rank_as_the_snapshot_lists_them_and_a_name_that_only_sounds_alike_is_of_none(
    watched: Watched,
) -> None:
    watched.save_policy(families={"haiku": "", "opus": "", "saga": "", "sonnet": ""})
    sessions.set_type(str(watched.home), SESSION, "architecture", session_types.COMMAND)
    for number, model in enumerate(("my-saga-proxy", "claude-opus-5-5")):
        write(watched.transcript, assistant(f"a{number}", second=number, model=model, output_tokens=10))
        assert watched.hook("PreToolUse") == {}
    for number, model in enumerate(("us.anthropic.claude-saga-1-v1:0", "claude-sonnet-5-5"), 2):
        write(watched.transcript, assistant(f"a{number}", second=number, model=model, output_tokens=10))
        assert f"{model} is not meant" in watched.hook("PreToolUse")["systemMessage"]
