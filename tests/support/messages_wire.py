"""The Messages API's forms, as the scripted server in `scripted_api` reads and writes them."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

Block = dict[str, Any]
Cut = Literal["", "in a block", "after a block"]
serial = itertools.count(1)


def text(words: str) -> Block:
    """A text block."""
    return {"type": "text", "text": words}


def tool(name: str, /, **arguments: object) -> Block:
    """A tool call; its id is made when it is sent."""
    return {"type": "tool_use", "name": name, "input": arguments}


@dataclass(frozen=True)
class Reply:
    """One scripted answer."""

    content: tuple[Block, ...]
    usage: dict[str, Any]
    status: int = 200
    cut: Cut = ""
    wait: threading.Event | None = None
    until: str = ""


def reply(
    *content: Block,
    input: int = 100,
    output: int = 10,
    read: int = 0,
    write_5m: int = 0,
    write_1h: int = 0,
    status: int = 200,
    cut: Cut = "",
    wait: threading.Event | None = None,
    until: str = "",
) -> Reply:
    """An answer with its usage, in tokens; `input` is what was neither read from nor written to the cache."""
    usage = {
        "input_tokens": input,
        "output_tokens": output,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_creation": {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": write_1h},
        "service_tier": "standard",
    }
    return Reply(content, usage, status, cut, wait, until)


def growing(*replies: Reply, prompt: int = 0) -> list[Reply]:
    """Replies of one thread whose cache never expires: each reads the whole prompt before it.

    `prompt` is the thread's prompt so far, in tokens.
    """
    grown = []
    for one in replies:
        grown.append(replace(one, usage={**one.usage, "cache_read_input_tokens": prompt}))
        prompt += one.usage["input_tokens"] + one.usage["cache_creation_input_tokens"]
    return grown


@dataclass(frozen=True)
class Request:
    """One request as the client sent it; `thread` is "" for the main thread, else the agent's id."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def session_id(self) -> str:
        """The session that the client says it belongs to."""
        return self.headers.get("x-claude-code-session-id", "")

    @property
    def thread(self) -> str:
        """The id of the subagent, or "" for the main thread."""
        return self.headers.get("x-claude-code-agent-id", "")

    @property
    def tools(self) -> list[str]:
        """The names of the tools it carries."""
        return [entry.get("name", "") for entry in self.body.get("tools") or ()]

    def user_text(self, last: bool = False) -> str:
        """All text of the first user message, or of the last one."""
        messages = [entry for entry in self.body.get("messages", ()) if entry["role"] == "user"]
        return "\n".join(_texts(messages[-1 if last else 0]["content"])) if messages else ""

    def everything(self) -> str:
        """Every text that the model would read: system, messages and tool results, JSON decoded."""
        parts = [*_texts(self.body.get("system", ""))]
        for message in self.body.get("messages", ()):
            parts.extend(_texts(message["content"]))
        return "\n".join(parts)


@dataclass(frozen=True)
class Billed:
    """One answer that carried usage."""

    session_id: str
    thread: str
    model: str
    usage: dict[str, Any]
    message_id: str
    at: float = field(default_factory=time.monotonic)


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for block in content:
            yield from _texts(block)
    elif isinstance(content, dict):
        for key in ("text", "content"):
            yield from _texts(content.get(key))


def events(answer: Reply, model: str, message_id: str) -> Iterator[dict[str, Any]]:
    """The stream of one answer: usage grows to its final figures in `message_delta`, as the real one does."""
    opening = {**answer.usage, "output_tokens": min(1, answer.usage["output_tokens"])}
    message = {"id": message_id, "type": "message", "role": "assistant", "model": model, "content": []}
    yield {
        "type": "message_start",
        "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": opening},
    }
    for index, block in enumerate(answer.content):
        if block["type"] == "tool_use":
            start = {**block, "id": f"toolu_{next(serial):08d}", "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            start = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        yield {"type": "content_block_start", "index": index, "content_block": start}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    calls = any(block["type"] == "tool_use" for block in answer.content)
    delta = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": answer.usage}
    yield {"type": "message_stop"}


def whole(answer: Reply, model: str, message_id: str) -> dict[str, Any]:
    content = [
        {**block, "id": f"toolu_{next(serial):08d}"} if block["type"] == "tool_use" else block
        for block in answer.content
    ]
    calls = any(block["type"] == "tool_use" for block in answer.content)
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": answer.usage,
    }
