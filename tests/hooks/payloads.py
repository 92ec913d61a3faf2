"""Payloads in the form in which Claude Code 2.1.330 sends them, one for each kind of event that hooks can meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TURN = {
    "prompt_id": "27a4c914-30a7-4056-8bd7-c7ea8ab058a6",
    "permission_mode": "default",
    "effort": {"level": "medium"},
}
INSIDE = {"agent_id": "a1b2c3d4e5f60718", "agent_type": "general-purpose"}
CALL = {"tool_use_id": "toolu_000000000000000000000007"}
BASH = {"tool_name": "Bash", "tool_input": {"command": "ls", "description": "list"}}
AGENT = {"tool_name": "Agent", "tool_input": {"description": "look", "prompt": "look around",
                                              "subagent_type": "general-purpose", "model": "opus"}}  # fmt: skip
ECHO = {
    "tool_name": "mcp__probe__echo",
    "tool_input": {"text": "hi"},
    "mcp_server": {"name": "probe", "source": "user"},
}
EDIT = {"tool_name": "Edit", "tool_input": {"file_path": "/p/a.py", "old_string": "a", "new_string": "b"}}
OUT = {"tool_response": {"stdout": "a.py", "stderr": "", "interrupted": False}, "duration_ms": 12}
TOLD: list[dict[str, Any]] = [
    {"hook_event_name": "SessionStart", "source": "startup"},
    {"hook_event_name": "SessionStart", "source": "compact", "model": "claude-opus-5-5"},
    {"hook_event_name": "SessionStart", "source": "resume", "seconds_since_last_response": 5, "context_tokens": 40_105,
     "prompt_cache_likely_expired": True, "estimated_cache_write_usd": 0.1003},
    {"hook_event_name": "UserPromptSubmit", "prompt": "fix the typo", **TURN},
    {"hook_event_name": "UserPromptSubmit", "prompt": "<task-notification>done</task-notification>", **TURN},
    *({"hook_event_name": "PreToolUse", **call, **CALL, **TURN} for call in (BASH, AGENT, ECHO, EDIT)),
    {"hook_event_name": "PreToolUse", **BASH, **CALL, **TURN, **INSIDE},
    {"hook_event_name": "PostToolUse", **BASH, **OUT, **CALL, **TURN},
    {"hook_event_name": "PostToolUse", **AGENT, **CALL, **TURN, "duration_ms": 3,
     "tool_response": {"status": "async_launched", "agentId": INSIDE["agent_id"], "resolvedModel": "claude-haiku-5-5"}},
    {"hook_event_name": "PostToolUseFailure", **AGENT, **CALL, **TURN, "error": "refused", "is_interrupt": False,
     "duration_ms": 1},
    {"hook_event_name": "SubagentStart", **INSIDE, **TURN},
    {"hook_event_name": "SubagentStop", **INSIDE, **TURN, "agent_transcript_path": "/nowhere/agent.jsonl",
     "stop_hook_active": False, "last_assistant_message": "done", "background_tasks": []},
    {"hook_event_name": "SubagentStop", "agent_id": "gone", "agent_type": "", "agent_transcript_path": "/gone.jsonl"},
    {"hook_event_name": "PreModelSwitch", "from_model": "claude-opus-5-5", "to_model": "claude-haiku-5-5",
     "requested_model": "haiku", "source": "sdk", "context_tokens": 90_000, "prompt_cache_warm": True,
     "estimated_cache_write_usd": 0.4, "pricing": "catalog"},
    {"hook_event_name": "Stop", **TURN, "stop_hook_active": False, "last_assistant_message": "done"},
    {"hook_event_name": "StopFailure", **TURN, "error": "overloaded_error"},
    {"hook_event_name": "SessionEnd", "reason": "other"},
    {"hook_event_name": "PostToolBatch", **TURN, "tool_calls": [BASH | CALL | {"tool_response": "a.py"}]},
    {"hook_event_name": "Notification", "message": "waiting", "notification_type": "idle"},
]  # fmt: skip
WRONG: tuple[Any, ...] = (None, 7, -1.5, True, "", "\ud800", [], [1], {}, {"a": {"b": None}})


def corrupted(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The payload itself, without each of its keys, and with a value of another type in each of them."""
    yield payload
    for number, key in enumerate(payload):
        yield {name: value for name, value in payload.items() if name != key}
        yield payload | {key: WRONG[(number + len(payload)) % len(WRONG)]}
