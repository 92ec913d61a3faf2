"""Where a limit holds, a tool call is decided with the answer that makes it, which is written while the hook runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from gaia_hooks.session import awaited
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Watched

CALL = "toolu_01"


class Late:
    """A clock on which nothing passes but by waiting; what comes late comes at the first look that waits."""

    def __init__(self, file: Path | None, *rows: dict[str, Any]) -> None:
        self.file, self.rows, self.now = file, rows, 0.0

    def monotonic(self) -> float:
        """The instant."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.now += seconds
        if self.file and self.rows:
            write(self.file, *self.rows)
            self.rows = ()


def answered(watched: Watched, late: Late, **fields: Any) -> dict[str, Any]:
    """What a call is answered whose row comes late."""
    payload = watched.payload(
        "PreToolUse", tool_name="Bash", tool_use_id=CALL, tool_input={"command": "make"}, **fields
    )
    status, printed = watched.forked(json.dumps(payload).encode(), lambda: setattr(awaited, "time", late))
    assert status == 0
    return json.loads(printed)["hookSpecificOutput"] if printed else {}


def calling(tokens: int, **more: Any) -> dict[str, Any]:
    """The row of an answer that makes the call."""
    return assistant("a", output_tokens=tokens, calls=[CALL], **more)


def test_an_answer_that_reaches_the_limit_holds_for_its_own_call(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    late = Late(watched.transcript, calling(200_000))
    assert answered(watched, late)["permissionDecision"] == "deny"


@pytest.mark.parametrize("folder", ["", "workflows/wf_1"])
def test_a_subagents_call_waits_for_its_own_file_wherever_that_lies(watched: Watched, folder: str) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("m", output_tokens=10))
    file = watched.transcript.parent / SESSION / "subagents" / folder / "agent-x.jsonl"
    late = Late(file, calling(200_000, agent="x"))
    answer = answered(watched, late, agent_id="x", agent_type="general-purpose")
    assert answer["permissionDecision"] == "deny"


def test_a_session_that_begins_with_a_call_is_not_taken_for_one_that_nothing_is_written_of(
    watched: Watched,
) -> None:
    watched.save_policy(refuse_uncounted=True)
    assert answered(watched, Late(watched.transcript, calling(10))) == {}


def test_a_row_that_never_comes_is_waited_for_no_longer_than_promised(watched: Watched) -> None:
    watched.save_policy(refuse_uncounted=True)
    late = Late(None)
    assert answered(watched, late)["permissionDecision"] == "deny"


@pytest.mark.parametrize(
    ("written", "agent", "seconds"),
    [
        ("never", "", 0.3),
        ("long ago", "", 0.3),
        ("lately", "", 3),
        ("lately", "x", 1.5),
        ("long ago", "x", 0.3),
    ],
)
def test_a_row_is_given_as_long_as_what_is_written_tells_that_it_comes(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, written: str, agent: str, seconds: float
) -> None:
    if written != "never":
        write(watched.transcript, assistant("a"))
    if written == "long ago":
        os.utime(watched.transcript, (1e9, 1e9))
    late = Late(None)
    monkeypatch.setattr(awaited, "time", late)
    assert not awaited.wait_for_row(watched.payload("PreToolUse", tool_use_id=CALL, agent_id=agent))
    assert seconds <= late.now < seconds * 1.2 + awaited.POLL_SECONDS


@pytest.mark.parametrize("long", [3_000, 3_000_000])
def test_a_row_of_any_length_is_seen_at_once_before_others_of_its_answer(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, long: int
) -> None:
    row = calling(10)
    row["message"]["content"][0]["input"] = {"content": "x" * long}
    write(watched.transcript, row, assistant("a", output_tokens=10))
    late = Late(None)
    monkeypatch.setattr(awaited, "time", late)
    assert awaited.wait_for_row(watched.payload("PreToolUse", tool_use_id=CALL))
    assert late.now == 0


def test_where_nothing_can_be_refused_nothing_is_waited_for(watched: Watched) -> None:
    late = Late(watched.transcript, calling(200_000))
    assert answered(watched, late) == {}
    assert not watched.transcript.exists()
