"""What comes in from outside, fuzzed with a look at which branches it reaches; needs atheris.

python bench/stress/fuzz.py TARGET SECONDS
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import atheris

with atheris.instrument_imports(include=["gaia_budget", "gaia_claude_md", "gaia_hooks"]):
    from gaia_budget import settings
    from gaia_budget.errors import ConfigError
    from gaia_budget.jsontext import JsonSyntaxError, parse
    from gaia_budget.transcripts import rows
    from gaia_claude_md.pair import layout, merge
    from gaia_claude_md.plan.splitting import CannotFitError, SplitOptions, split
    from gaia_hooks import main as hook
    from gaia_hooks.facts import snapshot
    from gaia_hooks.facts.tokens.responses import Unreadable, response_of

if TYPE_CHECKING:
    from collections.abc import Callable

SESSION = "11111111-1111-4111-8111-111111111111"
EVENTS = ["UserPromptSubmit", "PreToolUse", "PostToolUse", "SubagentStart", "SubagentStop", "Stop"]
FIELDS = ["prompt", "cwd", "tool_name", "tool_input", "tool_response", "tool_use_id", "agent_id", "agent_type",
          "source", "reason", "model", "permission_mode", "transcript_path", "session_id"]  # fmt: skip
ROW = {
    "type": "assistant", "sessionId": SESSION, "timestamp": "2026-03-01T10:00:00Z", "uuid": "u", "requestId": "r",
    "message": {"id": "m", "model": "claude-opus-5-5", "role": "assistant", "usage": {"output_tokens": 1}},
}  # fmt: skip


def value(text: str) -> Any:
    """What a text says as JSON, else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def hook_input(data: bytes) -> None:
    """An event whose fields hold anything, answered under a state folder of its own."""
    given = atheris.FuzzedDataProvider(data)
    payload: dict[str, Any] = {
        "session_id": SESSION,
        "cwd": "/x",
        "hook_event_name": given.PickValueInList(EVENTS),
    }
    payload["transcript_path"] = os.environ["CLAUDE_CONFIG_DIR"] + f"/projects/p/{SESSION}.jsonl"
    for _ in range(given.ConsumeIntInRange(0, 4)):
        payload[given.PickValueInList(FIELDS)] = value(given.ConsumeUnicodeNoSurrogates(60))
    home = os.environ["GAIA_BUDGET_HOME"]
    try:
        seen = hook._payload(json.dumps(payload).encode())
        hook._check(seen)
        hook._answer(home, seen, snapshot.load(home))
    except hook.Refused:
        pass


def transcript_rows(data: bytes) -> None:
    """A row of any bytes, and one of the client's with anything in a place of it."""
    given = atheris.FuzzedDataProvider(data)
    row: dict[str, Any] = json.loads(json.dumps(ROW))
    place = given.PickValueInList([row, row["message"], row["message"]["usage"]])
    place[given.PickValueInList([*place, given.ConsumeUnicodeNoSurrogates(12)])] = value(
        given.ConsumeUnicode(80)
    )
    for line in (data, json.dumps(row).encode()):
        try:
            response_of(rows.decode(line))
        except (ValueError, Unreadable):
            continue


def settings_files(data: bytes) -> None:
    """The user's settings of any text, and any text as Claude Code's."""
    text = data.decode("utf-8", "replace")
    (Path(os.environ["GAIA_BUDGET_HOME"]) / "settings.toml").write_text(text, "utf-8", newline="")
    with contextlib.suppress(ConfigError):
        settings.load()
    with contextlib.suppress(JsonSyntaxError):
        parse(text)


def markdown(data: bytes) -> None:
    """Any text, split and joined: the same bytes again."""
    text = data.decode("utf-8", "replace")
    try:
        pair = split(text, SplitOptions(token_cap=900))
    except CannotFitError:
        return
    found = layout.read_l2(pair.l2, "L2") if pair.l2 is not None else None
    assert merge.merge(pair.l1, *found).source == text if found else pair.l2 is None


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (hook_input, transcript_rows, settings_files, markdown)
}


def main() -> None:
    """Fuzz one target for so many seconds in a home of its own; a crash ends with its input."""
    target, seconds = sys.argv[1:]
    home = tempfile.mkdtemp()
    os.environ |= {"HOME": home, "CLAUDE_CONFIG_DIR": home + "/.claude", "GAIA_BUDGET_HOME": home + "/state"}
    (Path(home) / "state").mkdir()
    os.chdir(home)
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", "-print_final_stats=1", "-max_len=4096"], TARGETS[target]
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
