"""A session that cannot be counted says so and is refused where the user set that; one that can be found counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gaia_hooks.facts import places
from gaia_hooks.machine import clock
from gaia_hooks.session import awaited
from support.rows import SESSION, assistant, write

from .test_awaited_rows import Late

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Watched

ELSEWHERE = "/elsewhere/.claude/projects/-p/x.jsonl"


def drawn(watched: Watched) -> str:
    payload = {"session_id": SESSION, "transcript_path": str(watched.transcript), "cwd": "/p"}
    return watched.raw(json.dumps(payload).encode(), "statusline").stdout.decode()


def test_a_transcript_outside_of_the_configuration_folder_is_said_at_the_start(watched: Watched) -> None:
    said = watched.hook("SessionStart", source="startup", transcript_path=ELSEWHERE)["systemMessage"]
    assert "not counted" in said
    assert "claude_config_dirs" in said
    assert watched.hook("UserPromptSubmit", prompt="hi", transcript_path=ELSEWHERE) == {}


def test_it_is_refused_where_the_user_set_that(watched: Watched) -> None:
    watched.save_policy(refuse_uncounted=True)
    assert watched.hook("UserPromptSubmit", prompt="hi", transcript_path=ELSEWHERE)["decision"] == "block"
    answer = watched.hook("PreToolUse", tool_name="Bash", tool_input={}, transcript_path=ELSEWHERE)
    assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_a_turn_that_leaves_no_transcript_is_said_once_and_in_the_status_line(watched: Watched) -> None:
    watched.hook("UserPromptSubmit", prompt="hi")
    assert "not counted" not in drawn(watched)
    assert "--no-session-persistence" in watched.hook("Stop")["systemMessage"]
    assert watched.hook("Stop") == {}
    assert "not counted" in drawn(watched)
    assert watched.hook("UserPromptSubmit", prompt="more") == {}
    write(watched.transcript, assistant("a", input_tokens=10))
    assert "not counted" not in drawn(watched)


def test_a_transcript_that_a_busy_client_begins_behind_the_turns_end_is_none_that_is_missing(
    watched: Watched,
) -> None:
    late = Late(watched.transcript, assistant("a", input_tokens=10))
    stop = json.dumps(watched.payload("Stop")).encode()
    assert watched.forked(stop, lambda: setattr(awaited, "time", late)) == (0, b"")
    watched.hook("UserPromptSubmit", prompt="more")
    assert watched.figures().usage[0] == 10


def test_a_session_without_a_transcript_is_refused_where_the_user_set_that(watched: Watched) -> None:
    watched.save_policy(refuse_uncounted=True)
    assert watched.hook("UserPromptSubmit", prompt="hi") == {}, "nobody can know it yet"
    denied = watched.hook("PreToolUse", tool_name="Bash", tool_input={"command": "ls"})
    assert denied["hookSpecificOutput"]["permissionDecision"] == "deny"
    watched.hook("Stop")
    assert watched.hook("UserPromptSubmit", prompt="more")["decision"] == "block"
    write(watched.transcript, assistant("a", input_tokens=10))
    assert watched.hook("UserPromptSubmit", prompt="more") == {}


def test_a_transcript_in_another_projects_folder_is_found_and_counted(watched: Watched) -> None:
    other = watched.transcript.parent.parent / "-another" / watched.transcript.name
    write(other, assistant("a", input_tokens=10))
    assert "systemMessage" not in watched.hook("Stop")
    watched.hook("PreToolUse", tool_name="Bash", tool_input={})
    assert watched.figures().usage[0] == 10


@pytest.mark.parametrize("named", ["~/cfg", "cfg"])
def test_a_relative_configuration_folder_is_where_the_client_puts_it(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", named)
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(tmp_path))
    within = f"{named}/projects/-p/{SESSION}.jsonl"
    write(tmp_path / within, assistant("a", input_tokens=10))
    watched.hook("PreToolUse", tool_name="Bash", tool_input={}, transcript_path=within)
    assert watched.figures().usage[0] == 10
    assert watched.log() == ""


@pytest.mark.parametrize(
    ("pattern", "path", "held"),
    [
        ("/a/*/.claude", "/a/one/.claude/projects/-p/s.jsonl", True),
        ("/a/*/.claude", "/a/one/two/.claude/projects/-p/s.jsonl", False),
        ("/a/*/.claude", "/a/.claude/projects/-p/s.jsonl", False),
        ("/a/local_*/.claude", "/a/local_7/.claude/projects/-p/s.jsonl", True),
        ("/a/local_*/.claude", "/a/other/.claude/projects/-p/s.jsonl", False),
        ("/a/x*y*z", "/a/x1y2z/s.jsonl", True),
        ("/a/x*yz", "/a/xy/s.jsonl", False),
        ("/a/xx*xx", "/a/xxx/s.jsonl", False),
        ("/a/*/.claude", "/a/one/.claude/../../../etc/s.jsonl", False),
    ],
)
def test_a_star_stands_for_a_part_of_one_folders_name(pattern: str, path: str, held: bool) -> None:
    assert places.is_transcript(path, [pattern]) is held


def test_an_installation_that_lies_in_the_future_holds_no_line_back(watched: Watched) -> None:
    watched.save_policy(installed_at=clock.now() + 365 * 86_400 * clock.MICRO)
    write(watched.transcript, assistant("a", input_tokens=10))
    watched.hook("Stop")
    assert len(watched.lines()) == 1
