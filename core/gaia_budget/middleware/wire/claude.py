"""Anthropic's Messages API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gaia_budget.middleware.wire import Ask, count, entries, mentions, part, text, unpriced
from gaia_hooks.facts import usage

if TYPE_CHECKING:
    from gaia_budget.middleware.wire import Body, Seen

provider = "anthropic"

SERVICES = re.compile(r"/v1/(?:complete|sessions/[^/]+/events)$")
REFERENCES = frozenset({"url", "file_id", "container", "mcp_servers"})
OWN_END = frozenset({"end_turn", "stop_sequence", "tool_use"})
CLIENT_TOOLS = ("custom", "bash_", "text_editor_", "computer_", "memory_")


def billable(path: str) -> bool:
    """Messages, and agents' sessions; counting tokens is free, and batches are held as a whole."""
    return path.endswith("/v1/messages") or bool(SERVICES.search(path))


def ask(path: str, body: Body) -> Ask:
    """The request of a message, also of one in a batch."""
    if SERVICES.search(path):
        return unpriced(provider, path, body)
    live = _server_tools(body)
    temperature = body.get("temperature")
    return Ask(
        provider=provider,
        model=text(body, "model"),
        operation="messages",
        body=body,
        streams=body.get("stream") is True,
        max_output=count(body.get("max_tokens")) or None,
        variant="fast" if body.get("speed") == "fast" else "",
        by_reference=live or mentions(body, REFERENCES),
        varies=live or type(temperature) not in (int, float) or temperature != 0,
        stateful="container" in body,
        hidden_output=bool(part(body, "thinking")) and part(body, "thinking").get("type") != "disabled",
    )


def _server_tools(body: Body) -> bool:
    kinds = [text(tool, "type") for tool in entries(body, "tools")]
    return any(kind and not kind.startswith(CLIENT_TOOLS) for kind in kinds)


def whole(document: Body, seen: Seen) -> None:
    """A message."""
    _opened(document, seen)
    seen.final = seen.usage is not None
    seen.finished = document.get("stop_reason") in OWN_END
    seen.content = any(
        block.get("type") != "text" or block.get("text") for block in entries(document, "content")
    )


def event(document: Body, seen: Seen) -> None:
    """One event: figures come with the start and, complete, with the last delta."""
    kind = document.get("type")
    if kind == "message_start":
        _opened(part(document, "message"), seen)
    elif kind == "content_block_delta":
        seen.content = True
    elif kind == "content_block_start":
        seen.content = seen.content or part(document, "content_block").get("type") != "text"
    elif kind == "message_delta":
        _figures(document, seen)
        seen.final = seen.usage is not None
        seen.finished = part(document, "delta").get("stop_reason") in OWN_END


def _opened(message: Body, seen: Seen) -> None:
    seen.model = text(message, "model")
    _figures(message, seen)


def _figures(holder: Body, seen: Seen) -> None:
    raw = holder.get("usage")
    if not isinstance(raw, dict):
        return
    found = usage.usage_of(raw)
    seen.usage = found if seen.usage is None else usage.merged(seen.usage, found)
    if raw.get("speed") == "fast":
        seen.variant = "fast"
    elif raw.get("service_tier") == "batch":
        seen.variant = "batch"
