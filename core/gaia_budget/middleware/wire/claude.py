"""Anthropic's Messages API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gaia_budget.middleware.wire import (
    Ask,
    Part,
    count,
    entries,
    figure,
    mentions,
    part,
    text,
    tidy,
    unpriced,
)
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens.bill import bill_of
from gaia_hooks.facts.tokens.usage_keys import FIGURES

if TYPE_CHECKING:
    from typing import Any

    from gaia_budget.middleware.wire import Body, Seen

provider = "anthropic"

SERVICES = re.compile(r"/v1/(?:complete|sessions/[^/]+/events)$")
REFERENCES = frozenset({"url", "file_id", "container", "mcp_servers"})
OWN_END = frozenset({"end_turn", "stop_sequence", "tool_use"})
ADVICES, ADVICE = 10, 8_192
"""Assumed for an advisor without limits: rounds of the provider's loop, and four times what it says to expect."""
CLIENT_TOOLS = ("advisor_", "custom", "bash_", "text_editor_", "computer_", "memory_")


def billable(path: str) -> bool:
    """Messages, and agents' sessions; counting tokens is free, and batches are held as a whole."""
    return path.endswith("/v1/messages") or bool(SERVICES.search(path))


def ask(path: str, body: Body) -> Ask:
    """The request of a message, also of one in a batch."""
    if SERVICES.search(path):
        return unpriced(provider, path, body)
    tools = entries(body, "tools")
    live = bool(tools) and any(map(_is_live, tools))
    temperature, thinking = body.get("temperature"), part(body, "thinking")
    return Ask(
        provider=provider,
        model=text(body, "model"),
        operation="messages",
        body=body,
        streams=body.get("stream") is True,
        max_output=count(body.get("max_tokens")) or None,
        variant=_variant("fast" if body.get("speed") == "fast" else "", body.get("inference_geo")),
        by_reference=live or mentions(body, REFERENCES),
        varies=live or type(temperature) not in (int, float) or temperature != 0,
        stateful="container" in body,
        hidden_output=bool(thinking) and thinking.get("type") != "disabled",
        rounds=2 if "context_management" in body and _compacts(body) else 1,
        helpers=_helpers(tools) if tools else (),
    )


def _helpers(tools: list[Body]) -> tuple[tuple[str, int, int], ...]:
    return tuple(
        (text(tool, "model"), count(tool.get("max_uses")) or ADVICES, count(tool.get("max_tokens")) or ADVICE)
        for tool in tools
        if text(tool, "type").startswith("advisor_")
    )


def _variant(service: str, geo: object) -> str:
    """The prices that a service asks for, those of the US where it is inferred there alone."""
    if geo != pricing.US:
        return service
    return f"{service}-{pricing.US}" if service else pricing.US


def _is_live(tool: Body) -> bool:
    kind = text(tool, "type")
    return bool(kind) and not kind.startswith(CLIENT_TOOLS)


def _compacts(body: Body) -> bool:
    edits = entries(part(body, "context_management"), "edits")
    return any(text(edit, "type").startswith("compact") for edit in edits)


def whole(document: Body, seen: Seen) -> None:
    """A message."""
    _opened(document, seen)
    seen.final = seen.usage is not None
    seen.ended = bool(document.get("stop_reason"))
    seen.finished = document.get("stop_reason") in OWN_END
    blocks = entries(document, "content")
    seen.content = any(block.get("type") != "text" or block.get("text") for block in blocks)
    seen.unread.append(blocks)


def event(document: Body, seen: Seen) -> None:
    """One event: figures come with the start and, complete, with the last delta."""
    kind = document.get("type")
    if kind == "message_start":
        _opened(part(document, "message"), seen)
    elif kind == "content_block_delta":
        seen.content = True
        seen.wrote(document.get("delta"))
    elif kind == "content_block_start":
        block = part(document, "content_block")
        seen.content = seen.content or block.get("type") != "text"
        seen.wrote(block)
    elif kind == "message_delta":
        _figures(document, seen)
        seen.final = seen.usage is not None
        reason = part(document, "delta").get("stop_reason")
        seen.ended = seen.ended or bool(reason)
        seen.finished = reason in OWN_END


def headers(headers: Any, seen: Seen) -> None:
    """Its headers tell nothing of the bill."""


def _opened(message: Body, seen: Seen) -> None:
    seen.model = text(message, "model")
    _figures(message, seen)


def _figures(holder: Body, seen: Seen) -> None:
    raw = holder.get("usage")
    if not isinstance(raw, dict):
        return
    raw = seen.told(raw)
    asked = seen.asked_model if seen.asked_model != seen.model else ""
    found = bill_of(raw, seen.model, asked)
    if found.odd or found.unreadable or raw.get("iterations") or not any(found.usage):
        if all(figure(raw.get(name)) is None for name in FIGURES):
            return
        raw = tidy(raw)
        found = bill_of(raw, seen.model, asked)
    seen.add(found.usage)
    seen.runs = found.runs or seen.runs
    variant = found.variant
    if "speed" not in raw and seen.asked.get("speed") == "fast":
        variant = _variant("fast", raw.get("inference_geo"))
    if found.parts:
        seen.parts = [Part(model, used, found.parts_variant, runs) for model, used, runs in found.parts]
    if variant or seen.variant is None:
        seen.variant = variant
    for name in found.odd:
        seen.not_priced(f"usage {name}")
