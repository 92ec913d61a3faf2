"""What a running Claude Code session is at this moment: type, module, model, context, cache; for whoever advises it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gaia_hooks.facts import session_types, snapshot
from gaia_hooks.facts.tokens import responses, usage
from gaia_hooks.machine import clock, files, jsonio
from gaia_hooks.session import sessions, state

if TYPE_CHECKING:
    from gaia_hooks.facts.tokens.responses import Response

VARIABLE = "CLAUDE_CODE_SESSION_ID"
TAIL_BYTES = 256 << 10
"""Of the transcript: the newest response stands near its end, below a large tool result at most."""


class RunningSession(NamedTuple):
    """A session as its hooks and its transcript show it. `model` is empty, `context_tokens` None where none answered.

    `cache_cold`: its prompt cache is known to have expired since the newest response.
    """

    session_id: str
    type: str
    module: str
    model: str
    context_tokens: int | None
    cache_cold: bool


def session_id() -> str:
    """The session that this process was started from, by Claude Code's own word; empty outside one."""
    return os.environ.get(VARIABLE, "")


def look(home: str, name: str) -> RunningSession | None:
    """The session of that id; None where no hook has seen it, or its state cannot be read."""
    if not state.is_session_id(name):
        return None
    try:
        mine = sessions.read(home, name)
    except (OSError, state.NewerState):
        return None
    if mine is None:
        return None
    session_types.choose(mine, snapshot.load(home))
    newest = _newest(mine.transcript)
    if newest is None:
        main = mine.threads.get(state.MAIN)
        newest = main.thread.open if main else None
    context = usage.prompt_tokens(newest.usage) + newest.usage[usage.OUTPUT] if newest else None
    return RunningSession(
        name, mine.type, mine.module, newest.model if newest else "", context, _cold(mine, newest)
    )


def _newest(transcript: str) -> Response | None:
    """The main thread's newest response; a row that is torn or foreign tells nothing."""
    try:
        size = files.size_of(transcript)
        rows = files.read(transcript, max(0, size - TAIL_BYTES), TAIL_BYTES).split(b"\n")
    except OSError:
        return None
    for row in reversed(rows):
        if b'"assistant"' in row:
            try:
                found = responses.response_of(jsonio.loads(row))
            except ValueError:
                continue
            if found is not None and not found.agent_id:
                return found
    return None


def _cold(mine: state.State, newest: Response | None) -> bool:
    expires = mine.shown.get("cache_expires_at")
    answered = clock.parse(newest.timestamp) if newest else None
    return isinstance(expires, int) and expires < clock.now() and (answered or 0) < expires
