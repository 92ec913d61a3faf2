"""Warnings to the human: once each, with figures, cause and next step."""

from __future__ import annotations

import json
import os
import select
from typing import TYPE_CHECKING

import pytest

from gaia_hooks import statusline
from gaia_hooks.facts import first_prompt, session_types
from gaia_hooks.facts.prices import plan
from gaia_hooks.say import events
from gaia_hooks.session import sessions
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

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
    watched.save_policy(modules={"unallocated": {"session_type": "architecture"}})
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


def test_the_status_line_shows_plan_context_session_and_month(watched: Watched) -> None:
    month = {"spent_nano": 3_100_000_000, "total_nano": 4_000_000_000, "limit_nano": 10_000_000_000}
    watched.save_policy(modules={"unallocated": month | {"counts_claude_code": True}})
    write(watched.transcript, assistant("a", output_tokens=68_102))
    payload = watched.payload("") | {
        "context_window": {"used_percentage": 12},
        "cost": {"total_cost_usd": 1.37},
        "rate_limits": {"five_hour": {"used_percentage": 42, "resets_at": 1}},
        "prompt_cache": {"warm": False, "caching_observed": True, "recache_tokens_if_cold": 40_000},
    }
    line = watched.raw(json.dumps(payload).encode(), "statusline").stdout.decode()
    assert line == (
        "5h 42 % (has been reset) · context 12 % · feature_dev 34 % (68,102 of 200,000) · $1.36 · "
        "cache cold: 40,000 tokens to rewrite, not counted · unallocated this month $3.10 of $10.00\n"
    )


def test_a_session_that_idled_past_its_caches_life_is_told_why_dollars_rise_and_tokens_do_not(
    watched: Watched,
) -> None:
    def line(**more: object) -> str:
        payload = watched.payload("") | more
        return watched.raw(json.dumps(payload).encode(), "statusline").stdout.decode()

    write(watched.transcript, assistant("a", second=1, write_5m=40_000))
    cold = {"warm": False, "caching_observed": True, "recache_tokens_if_cold": 40_000}
    before = line(prompt_cache=cold)
    assert "(40,000 of 200,000) · $0.20 · cache cold: 40,000 tokens to rewrite, not counted" in before
    write(watched.transcript, assistant("b", second=1801, write_5m=40_500))
    after = line(prompt_cache=cold | {"warm": True})
    assert "(40,500 of 200,000) · $0.40, 40,000 tokens cached again, not counted" in after


def test_plan_windows_show_their_pace_and_as_what_was_seen_last_their_age(watched: Watched) -> None:
    now = 200_000
    limits = {"five_hour": {"used_percentage": 60, "resets_at": now + 9_000}}
    shown = statusline.plan_windows(limits, now * 10**6)
    assert shown == "5h 60 % (resets in 2 h 30, full in 1 h 40 at this pace)"
    kept = {"five_hour": {"percent": 60, "resets_at": (now + 9_000) * 10**6}, "as_of": (now - 720) * 10**6}
    assert statusline.kept_windows(kept, now * 10**6) == "5h 60 % (0 h 12 ago)"
    assert statusline.kept_windows(kept, (now + 9_001) * 10**6) == ""


def test_the_plans_windows_are_kept_with_their_age_and_their_pace(watched: Watched) -> None:
    limits = {
        "five_hour": {"used_percentage": 60, "resets_at": 100_000},
        "seven_day": {"used_percentage": None},
    }
    watched.raw(json.dumps(watched.payload("") | {"rate_limits": limits}).encode(), "statusline")
    kept = plan.read(str(watched.home))
    assert kept["five_hour"] == {"percent": 60, "resets_at": 100_000 * 10**6}
    assert kept["as_of"] > 0
    assert "seven_day" not in kept
    middle = (100_000 - 9_000) * 10**6  # half of the five hours have passed
    assert plan.reached_at("five_hour", kept["five_hour"], middle) == middle + 6_000 * 10**6
    assert plan.reached_at("five_hour", {"percent": 40, "resets_at": 100_000 * 10**6}, middle) is None
    early = (100_000 - 5 * 3600 + 60) * 10**6
    assert plan.reached_at("five_hour", kept["five_hour"], early) is None


def test_the_status_line_survives_anything_on_stdin(watched: Watched) -> None:
    for stdin in (b"", b"{", b"[]", b'{"session_id": "../x"}', b'{"context_window": 5, "rate_limits": []}'):
        done = watched.raw(stdin, "statusline")
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_window_that_resets_in_days_says_days() -> None:
    window = {"seven_day": {"used_percentage": 10.9, "resets_at": 200_000}}
    assert statusline.plan_windows(window, 0) == "7d 10 % (resets in 2 d)"


def test_rate_limits_that_can_be_none_are_shown_as_nothing(watched: Watched) -> None:
    """An epoch as percentage, -1 for unknown, a little over all, an instant in milliseconds."""
    told = {1_795_813_354: None, -1: None, True: None, "12": None, 103: 100, 12.5: 12.5}
    for given, percent in told.items():
        limits = {"five_hour": {"used_percentage": given, "resets_at": 1_795_813_354_000}}
        windows = dict(plan.windows_of(limits, 1_795_813_000 * 10**6))
        expected = (
            {} if percent is None else {"five_hour": {"percent": percent, "resets_at": 1_795_813_354 * 10**6}}
        )
        assert windows == expected
