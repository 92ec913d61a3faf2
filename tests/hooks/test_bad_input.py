"""Whatever arrives on stdin: exit 0, nothing on stdout that the client could misread, a line in our own log."""

from __future__ import annotations

import json
import resource
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from gaia_hooks.facts import snapshot
from gaia_hooks.machine import clock
from gaia_hooks.session import months, state
from support.rows import SESSION, assistant, write

from .payloads import TOLD, corrupted

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
    assert "no known price" in answer["systemMessage"]


@pytest.mark.parametrize(("word", "off"), [("1", True), ("true", True), ("YES", True), (" on ", True), ("0", False),
                                           ("false", False), ("", False), ("Off", False)])  # fmt: skip
def test_turned_off_in_any_usual_spelling_nothing_is_done(watched: Watched, word: str, off: bool) -> None:
    write(watched.transcript, assistant("a", input_tokens=10))
    done = watched.raw(json.dumps(watched.payload("PreToolUse")).encode(), GAIA_BUDGET_OFF=word)
    assert (done.returncode, done.stdout) == (0, b"")
    assert watched.state_file.exists() != off


def test_nothing_private_reaches_log_or_events(watched: Watched) -> None:
    write(watched.transcript, assistant("a", second=1, input_tokens=10), assistant("b", second=2))
    watched.hook("UserPromptSubmit", prompt="my secret prompt")
    watched.hook("PostToolUse", tool_use_id="t", tool_name="Bash", tool_input={"command": "secret command"},
                 tool_response={"stdout": "secret output"}, duration_ms=1)  # fmt: skip
    watched.hook("SessionEnd")
    written = b"".join(path.read_bytes() for path in watched.home.rglob("*") if path.is_file())
    assert b"secret" not in written
    assert b"private text" not in written


SAFE = {"", "deny"}


@pytest.mark.parametrize("policy", ["warn", "block", "downgrade"])
def test_no_payload_and_no_corrupted_form_of_one_is_ever_allowed_asked_about_or_ended_in_a_fault(
    watched: Watched, policy: str
) -> None:
    """Under a session that is used up, so that every limit has something to say."""
    watched.save_policy(session_policy=policy, warn_model=True)
    forms = [form for told in TOLD for form in corrupted(watched.payload("") | told)]
    if policy != "block":  # what does not decide is not asked so often
        forms = [form for form in forms if form.get("tool_name") == "Agent" or "prompt" in form]
    calls = [form["tool_use_id"] for form in forms if isinstance(form.get("tool_use_id"), str)]
    write(watched.transcript, assistant("a", output_tokens=210_000, calls=calls))  # no hook waits for its row
    agents = {form["agent_id"] for form in forms if state.is_session_id(form.get("agent_id"))}
    for agent in agents:
        file = watched.transcript.with_suffix("") / "subagents" / f"agent-{agent}.jsonl"
        write(file, assistant(f"of {agent}", agent=agent, calls=calls))
    whole = json.dumps(forms[0]).encode()
    refused = 0
    for stdin in [json.dumps(form).encode() for form in forms] + [whole[:-1], whole[: len(whole) // 2]]:
        status, answer = watched.forked(stdin)
        assert status == 0, stdin
        given = json.loads(answer) if answer else {}
        inner = given.get("hookSpecificOutput", {})
        assert inner.get("permissionDecision", "") in SAFE, stdin
        assert given.get("decision", "block") == "block", stdin
        assert "updatedToolOutput" not in inner, stdin
        assert "updatedInput" not in inner or json.loads(stdin)["tool_name"] in ("Agent", "Task"), stdin
        refused += inner.get("permissionDecision") == "deny"
    assert (refused > 0) is (policy == "block")


def test_a_disk_that_is_full_at_any_point_breaks_nothing_and_loses_nothing(watched: Watched) -> None:
    truth = 0
    for number, room in enumerate(range(0, 4_000, 250)):
        for row in (2 * number, 2 * number + 1):
            write(watched.transcript, assistant(f"m{row}", second=row, output_tokens=row))
            truth += row
        stdin = json.dumps(watched.payload("Stop")).encode()
        limit = room if number % 2 else room + watched.transcript.stat().st_size // 2
        status, answer = watched.forked(
            stdin, lambda most=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        )
        assert (status, answer) == (0, b"")
    watched.hook("SessionEnd")
    lines = watched.lines()
    assert sum(line["output_tokens"] for line in lines) == truth == watched.figures().usage[1]
    assert len({line["event_id"] for line in lines}) == len(lines) == 2 * (number + 1)


def test_a_session_that_cannot_be_kept_says_so_where_the_user_looks(watched: Watched) -> None:
    (watched.home / "sessions").write_text("a file where the folder should be")
    write(watched.transcript, assistant("a", input_tokens=10_000))
    assert "cannot be kept" in watched.hook("SessionStart", source="startup")["systemMessage"]
    line = watched.raw(json.dumps(watched.payload("")).encode(), "statusline").stdout.decode()
    assert "session 5 % of 200,000" in line
    assert "not kept" in line


def test_a_full_disk_does_not_open_a_hard_limit(watched: Watched) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=200_000))
    stdin = json.dumps(watched.payload("UserPromptSubmit", prompt="more")).encode()
    _, answer = watched.forked(stdin, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200)))
    assert json.loads(answer)["decision"] == "block"
    assert "systemMessage" not in json.loads(answer)


def spoil(watched: Watched, what: str) -> None:
    """Make one place of ours unusable, for every user, root too."""
    place = watched.home / what
    if place.is_dir():
        shutil.rmtree(place)
    if what == "logs":
        place.symlink_to("/no/such/folder/anywhere")
    else:
        place.write_text("a file where the folder should be")


@pytest.mark.parametrize("what", ["sessions", "logs", "months"])
def test_a_hard_limit_holds_whatever_cannot_be_written(watched: Watched, what: str) -> None:
    watched.save_policy(session_policy="block")
    spoil(watched, what)
    for number in range(4):  # more than one call's share of bytes, below the limit until the last one
        write(
            watched.transcript,
            assistant(
                f"a{number}", second=number, output_tokens=49_999, padding=2_000_000, calls=[f"t{number}"]
            ),
        )
        answer = watched.hook(
            "PreToolUse", tool_name="Bash", tool_use_id=f"t{number}", tool_input={"command": "make"}
        )
        assert "hookSpecificOutput" not in answer
    write(watched.transcript, assistant("last", second=9, output_tokens=10, calls=["t9", "t10"]))
    answer = watched.hook("PreToolUse", tool_name="Bash", tool_use_id="t9", tool_input={"command": "make"})
    assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert "200,006 of 200,000" in answer["hookSpecificOutput"]["permissionDecisionReason"]
    answer = watched.hook("PreToolUse", tool_name="Agent", tool_use_id="t10", tool_input={"prompt": "x"})
    assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_a_clock_that_goes_back_loses_no_response_and_no_money(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    watched.save_policy(counted_to=now // 1000)
    write(watched.transcript, assistant("a", second=900, output_tokens=10))
    monkeypatch.setattr(time, "time_ns", lambda: now - 86_400 * 10**9)
    write(watched.transcript, assistant("b", second=5, output_tokens=20))
    assert watched.forked(json.dumps(watched.payload("SessionEnd")).encode())[0] == 0
    assert watched.figures().usage[1] == 30
    assert [line["event_id"] for line in watched.lines()] == ["a", "b"]
    policy = snapshot.load(str(watched.home)) | {"month": [0, 1 << 62], "billing": "api", "modules": {}}
    home = str(watched.home)
    assert months.MonthFile(home, "project", policy, 1).total == 30 * 20_000
    months.trim(home, "project", clock.now())  # the next ingest has them, and counts to its own instant
    later = policy | {"counted_to": clock.now()}
    assert months.MonthFile(home, "project", later, 1).total == 0


def test_two_sessions_in_one_folder_are_kept_apart(watched: Watched) -> None:
    other = SESSION[:-1] + "b"
    theirs = watched.transcript.with_name(f"{other}.jsonl")
    for second in range(3):
        write(watched.transcript, assistant(f"a{second}", second=second, output_tokens=10))
        write(theirs, assistant(f"b{second}", second=second, session=other, output_tokens=1))
        watched.hook("PreToolUse")
        watched.hook("PreToolUse", session_id=other, transcript_path=str(theirs))
    watched.hook("SessionEnd")
    watched.hook("SessionEnd", session_id=other, transcript_path=str(theirs))
    assert watched.figures().usage[1] == 30
    spent = {(line["session_id"], line["event_id"]): line["output_tokens"] for line in watched.lines()}
    assert len(spent) == len(watched.lines()) == 6
    assert sum(tokens for (name, _), tokens in spent.items() if name == other) == 3
