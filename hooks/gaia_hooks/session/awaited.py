"""The row of the answer that makes a tool call: Claude Code writes it while the hook already runs.

A limit that is decided without it lets each thread have an answer too many, and a session that has only just begun
looks like one of which nothing is written. Loaded only where a limit, or the refusal of such sessions, is set.

That each call is decided with its own answer bounds a fan-out: when the last call of all is let through, every agent's
answers up to its own last call are written, so that each has one answer more at most. No hook has to guess what its
siblings are about to use.
"""

import time

from gaia_hooks.facts import session_files
from gaia_hooks.machine import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

POLL_SECONDS = 0.005
PATIENCE_SECONDS = 0.3  # 288 calls of the newest client: half within 21 ms, the slowest 145
WRITING_SECONDS = (
    1.5  # where the session is written to disk: then the row will come, however busy the machine is
)
TAIL_BYTES = 256 << 10
MOST_TAIL_BYTES = 16 << 20
NEWEST_ROWS = 16  # a call of a batch stands before the others of its answer


def wait_for_row(payload: "dict[str, Any]") -> bool:
    """Wait, but not for long, until the transcript of the thread names the call; whether it does."""
    call = payload.get("tool_use_id")
    if type(call) is not str or not call:
        return False
    transcript, agent = payload["transcript_path"], payload.get("agent_id")
    began = time.monotonic()
    while True:
        path = _file_of(transcript, agent if type(agent) is str else "")
        if path and _names(path, call.encode("utf-8", "replace")):
            return True
        waited = time.monotonic() - began
        if waited >= PATIENCE_SECONDS and (waited >= WRITING_SECONDS or not files.exists(transcript)):
            return False
        time.sleep(POLL_SECONDS)


def _file_of(transcript: str, agent: str) -> str:
    if not agent:
        return transcript
    found = session_files.new_agents(transcript, {})
    return next((path for name, path in found if name == agent), "")


def _names(path: str, call: bytes) -> bool:
    """Whether one of a file's newest rows names the call: they are looked through however long they are."""
    try:
        size, back = files.size_of(path), TAIL_BYTES
        while True:
            data = files.read(path, max(0, size - back))
            if call in data:
                return True
            if back >= min(size, MOST_TAIL_BYTES) or data.count(b"\n") > NEWEST_ROWS:
                return False
            back *= 4
    except OSError:
        return False
