"""The row of the answer that makes a tool call: Claude Code writes it while the hook already runs.

A limit that is decided without it lets each thread have an answer too many, and a session that has only just begun
looks like one of which nothing is written. Loaded only where a limit, or the refusal of such sessions, is set.
"""

import time

from gaia_hooks.facts import session_files
from gaia_hooks.machine import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

POLL_SECONDS = 0.005
PATIENCE_SECONDS = 0.3  # 288 calls of the newest client: half within 21 ms, the slowest 145
TAIL_BYTES = 256 << 10


def wait_for_row(payload: "dict[str, Any]") -> bool:
    """Wait, for at most `PATIENCE_SECONDS`, until the transcript of the thread names the call; whether it does."""
    call = payload.get("tool_use_id")
    if type(call) is not str or not call:
        return False
    agent = payload.get("agent_id")
    ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        path = _file_of(payload["transcript_path"], agent if type(agent) is str else "")
        if path and _names(path, call.encode("utf-8", "replace")):
            return True
        if time.monotonic() >= ends:
            return False
        time.sleep(POLL_SECONDS)


def _file_of(transcript: str, agent: str) -> str:
    if not agent:
        return transcript
    found = session_files.new_agents(transcript, {})
    return next((path for name, path in found if name == agent), "")


def _names(path: str, call: bytes) -> bool:
    try:
        return call in files.read(path, max(0, files.size_of(path) - TAIL_BYTES))
    except OSError:
        return False
