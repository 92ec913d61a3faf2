"""Whatever arrives on stdin: exit 0, nothing on stdout that the client could misread, a line in our own log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.rows import assistant, write

if TYPE_CHECKING:
    from .conftest import Watched


@pytest.mark.parametrize(
    "stdin",
    [b"", b"{", b'{"session_id": "a"', b"not json", b"[]", b"null", b"\xff\xfe\x00", b"[" * 100_000,
     b'{"hook_event_name": "PreToolUse", "x": "' + b"y" * (5 << 20)],
    ids=["empty", "open brace", "cut", "text", "list", "null", "utf-16 mark", "nested", "huge and cut"],
)  # fmt: skip
def test_stdin_that_is_no_payload_is_logged_and_passed(watched: Watched, stdin: bytes) -> None:
    done = watched.raw(stdin)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert watched.log()


@pytest.mark.parametrize(
    "fields",
    [{"hook_event_name": "Unheard"}, {"hook_event_name": None}, {"session_id": ""}, {"session_id": "../../etc"},
     {"session_id": 5}, {"transcript_path": "/etc/passwd"}, {"transcript_path": None},
     {"transcript_path": "/etc/secret.jsonl"}],
    ids=str,
)  # fmt: skip
def test_a_payload_that_is_not_for_us_is_logged_and_passed(watched: Watched, fields: dict[str, Any]) -> None:
    done = watched.raw(json.dumps(watched.payload("PreToolUse") | fields).encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert watched.log()
    assert not (watched.home / "sessions").exists()


def test_a_transcript_reached_by_climbing_out_of_the_configuration_folder_is_not_read(
    watched: Watched,
) -> None:
    outside = watched.claude.parent / "outside.jsonl"
    write(outside, assistant("a", input_tokens=10))
    climbing = f"{watched.claude}/projects/../../outside.jsonl"
    assert watched.hook("PreToolUse", transcript_path=climbing) == {}
    assert "outside the configuration folder" in watched.log()


def test_a_missing_transcript_is_no_fault(watched: Watched) -> None:
    assert watched.hook("SessionStart", source="startup") == {}
    assert watched.hook("UserPromptSubmit", prompt="hello") == {}
    assert watched.log() == ""


def test_a_configuration_folder_behind_a_link_is_read(watched: Watched) -> None:
    link = watched.claude.parent / "linked"
    link.symlink_to(watched.claude, target_is_directory=True)
    write(watched.transcript, assistant("a", input_tokens=10))
    watched.transcript = link / watched.transcript.relative_to(watched.claude)
    watched.hook("PreToolUse")
    assert watched.figures().usage[0] == 10


def test_rows_with_invalid_utf8_and_broken_lines_between_are_survived(watched: Watched) -> None:
    good = json.dumps(assistant("a", second=1, input_tokens=10)).encode()
    odd = (
        json.dumps(assistant("b", second=2, input_tokens=20))
        .encode()
        .replace(b"private text", b"\xff\xfe\x00\x01")
    )
    watched.transcript.write_bytes(good + b'\n{broken "usage"\n\n' + odd + b"\r\n" + good[:50])
    watched.hook("PreToolUse")
    assert watched.figures().usage[0] == 30


def test_a_line_of_ten_megabytes_is_counted(watched: Watched) -> None:
    row = assistant("a", input_tokens=10) | {"padding": "x" * (10 << 20)}
    write(watched.transcript, row, assistant("b", second=1, input_tokens=5))
    for _ in range(4):
        watched.hook("PreToolUse")
    assert watched.figures().usage[0] == 15


def test_a_state_folder_that_cannot_be_written_breaks_no_tool_call(watched: Watched) -> None:
    (watched.home / "sessions").write_text("a file where the folder should be")
    write(watched.transcript, assistant("a", input_tokens=10))
    assert watched.hook("PreToolUse") == {}
    assert "sessions" in watched.log()


def test_a_broken_snapshot_leaves_the_built_in_limits(watched: Watched) -> None:
    (watched.home / "snapshot.json").write_text("{broken")
    write(watched.transcript, assistant("a", input_tokens=160_000))
    answer = watched.hook("PreToolUse")
    assert "80 %" in answer["systemMessage"]
    assert "unpriced" in answer["systemMessage"]


def test_turned_off_nothing_is_done(watched: Watched) -> None:
    write(watched.transcript, assistant("a", input_tokens=10))
    done = watched.raw(json.dumps(watched.payload("PreToolUse")).encode(), GAIA_BUDGET_OFF="1")
    assert (done.returncode, done.stdout) == (0, b"")
    assert not watched.state_file.exists()


def test_nothing_private_reaches_log_or_events(watched: Watched) -> None:
    write(watched.transcript, assistant("a", second=1, input_tokens=10), assistant("b", second=2))
    watched.hook("UserPromptSubmit", prompt="my secret prompt")
    watched.hook("PostToolUse", tool_use_id="t", tool_name="Bash", tool_input={"command": "secret command"},
                 tool_response={"stdout": "secret output"}, duration_ms=1)  # fmt: skip
    watched.hook("SessionEnd")
    written = b"".join(path.read_bytes() for path in watched.home.rglob("*") if path.is_file())
    assert b"secret" not in written
    assert b"private text" not in written
