"""Transcript rows as Claude Code writes them, made by hand for one point at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SESSION = "5e551011-0000-4000-8000-00000000000a"
MODEL = "claude-opus-5-5"
ADVISOR = "claude-fable-5"


def assistant(key: str, *, second: int = 0, session: str = SESSION, model: str = MODEL, agent: str = "",
              input_tokens: int = 0, output_tokens: int = 0, reads: int = 0, write_5m: int = 0, write_1h: int = 0,
              searches: int = 0, advised: int = 0, calls: Sequence[str] = (),
              **extra: Any) -> dict[str, Any]:  # fmt: skip
    """A row of the response `key`: a text, or calls of tools. Another model advised it in `advised` tokens."""
    message: dict[str, Any] = {
        "id": key,
        "model": model,
        "role": "assistant",
        "content": [{"type": "tool_use", "id": call, "name": "Bash", "input": {}} for call in calls]
        or [{"type": "text", "text": "private text"}],
        "usage": {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cache_read_input_tokens": reads,
            "cache_creation_input_tokens": write_5m + write_1h,
            "cache_creation": {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": write_1h},
            "server_tool_use": {"web_search_requests": searches},
        },
    }
    if advised:
        usage = message["usage"]
        top = {name: usage[name] for name in list(usage)[:5]}
        advice = dict.fromkeys(list(usage)[:4], 0) | {"input_tokens": 100, "output_tokens": advised}
        usage["iterations"] = [
            {"type": "message", **top},
            {"type": "advisor_message", "model": ADVISOR, **advice},
        ]
    row = {"type": "assistant", "uuid": f"u-{key}-{second}", "requestId": f"req-{key}", "sessionId": session,
           "timestamp": stamp(second), "cwd": "/home/dev/project", "gitBranch": "main", "message": message}  # fmt: skip
    if agent:
        row |= {"isSidechain": True, "agentId": agent}
    return row | extra


def stamp(second: int) -> str:
    """An instant `second` seconds into the tests' day."""
    minutes, seconds = divmod(second, 60)
    hours, minutes = divmod(minutes, 60)
    return f"2026-11-{20 + hours // 24:02d}T{hours % 24:02d}:{minutes:02d}:{seconds:02d}.000Z"


def write(path: Path, *rows: dict[str, Any]) -> None:
    """Append rows to a transcript."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        for row in rows:
            file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
