"""The row of the answer that makes a tool call: Claude Code writes it while the hook already runs.

A limit that is decided without it lets each thread have an answer too many, and a session that has only just begun
looks like one of which nothing is written. Loaded only where a limit, or the refusal of such sessions, is set.

That each call is decided with its own answer bounds a fan-out: when the last call of all is let through, every agent's
answers up to its own last call are written, so that each has one answer more at most. No hook has to guess what its
siblings are about to use.
"""

import time

from gaia_hooks.facts import session_files
from gaia_hooks.machine import clock, files, system
from gaia_hooks.session import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

POLL_SECONDS = 0.005
SLOWER = 10  # a share of what was waited is added: the hooks of many agents must not take the client's processor time
# Of 288 calls of the newest client half had their row within 21 ms, all within 145. Twelve agents at once, on a machine
# with ten times the work that it can do, need seconds. The client ends a hook after five.
PATIENCE_SECONDS = 0.3  # of a session that nobody writes down
AGENTS_SECONDS = 1.5  # of a subagent without a file in one that is written
WRITING_SECONDS = 3.0  # of a thread that is written
LATELY = 600 * clock.MICRO
TAIL_BYTES = 256 << 10
MOST_TAIL_BYTES = 16 << 20
NEWEST_ROWS = 16  # a call of a batch stands before the others of its answer


def wait_for_row(payload: "dict[str, Any]") -> bool:
    """Wait, but not for long, until the transcript of the thread names the call; whether it does."""
    call = payload.get("tool_use_id")
    if type(call) is not str or not call:
        return False
    transcript: str = payload["transcript_path"]
    agent: "Any" = payload.get("agent_id")
    path, size, began = "" if state.is_session_id(agent) else transcript, -1, time.monotonic()
    while True:
        path = path or _file_of(transcript, agent)
        before, size = size, files.size_of(path) if path else -1
        if size != before and _names(path, size, call.encode("utf-8", "replace")):
            return True
        waited = time.monotonic() - began
        if waited >= PATIENCE_SECONDS and waited >= _patience(transcript, path):
            return False
        time.sleep(POLL_SECONDS + waited / SLOWER)


def wait_for_file(path: str) -> bool:
    """Wait, but not for long, until a turn's file is there: a slow client begins it after the turn's last hook."""
    began = time.monotonic()
    patience = min(WRITING_SECONDS, PATIENCE_SECONDS * max(1.0, _load()))
    while not files.exists(path):
        waited = time.monotonic() - began
        if waited >= patience:
            return False
        time.sleep(POLL_SECONDS + waited / SLOWER)
    return True


def _load() -> float:
    """How many times the work that it can do the machine has, where it tells."""
    try:
        return system.calls.getloadavg()[0] / (system.calls.cpu_count() or 1)
    except (AttributeError, OSError):
        return WRITING_SECONDS / PATIENCE_SECONDS


def _patience(transcript: str, path: str) -> float:
    lately = clock.now() - LATELY
    if path and files.changed_at(path) > lately:
        return WRITING_SECONDS
    return AGENTS_SECONDS if files.changed_at(transcript) > lately else PATIENCE_SECONDS


def _file_of(transcript: str, agent: str) -> str:
    """Where a subagent's file lies; empty where it is not there yet."""
    usual = files.join(session_files.agents_folder(transcript), session_files.file_of(agent))
    if files.exists(usual):
        return usual
    return next((path for name, path in session_files.new_agents(transcript, {}) if name == agent), "")


def _names(path: str, size: int, call: bytes) -> bool:
    """Whether one of a file's newest rows names the call: they are looked through however long they are."""
    back = TAIL_BYTES
    while size > 0:
        try:
            data = files.read(path, max(0, size - back))
        except OSError:
            return False
        if call in data:
            return True
        if back >= min(size, MOST_TAIL_BYTES) or data.count(b"\n") > NEWEST_ROWS:
            return False
        back *= 4
    return False
