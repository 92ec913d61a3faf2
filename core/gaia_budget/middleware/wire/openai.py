"""OpenAI's APIs: chat completions, responses, embeddings, and the older completions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gaia_budget.middleware.wire import SPEECH, Ask, count, entries, mentions, part, text, unpriced
from gaia_hooks.facts import usage

if TYPE_CHECKING:
    from gaia_budget.middleware.wire import Body, Seen

provider = "openai"

OPERATIONS = {
    "/chat/completions": "chat",
    "/responses": "responses",
    "/responses/compact": "responses",
    "/embeddings": "embeddings",
    "/completions": "completions",
}
SERVICES = re.compile(
    r"/(?:images/\w+|audio/(?:speech|transcriptions|translations)|videos(?:/.+)?|(?:threads|threads/[^/]+)/runs"
    r"|agents/sessions/[^/]+/events|fine_tuning/jobs|evals/[^/]+/runs|vector_stores/[^/]+/search)$"
)
BOUNDS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
REFERENCES = frozenset(
    {"image_url", "file_id", "file_url", "previous_response_id", "conversation", "prompt_cache_id"}
)
OWN_END = frozenset({"stop", "tool_calls", "function_call"})
TIERS = {"flex": "flex", "priority": "priority"}


def billable(path: str) -> bool:
    """One of the operations above, or another service."""
    return path.endswith(tuple(OPERATIONS)) or bool(SERVICES.search(path))


def ask(path: str, body: Body) -> Ask:
    """The request of an operation."""
    if SERVICES.search(path):
        return unpriced(provider, path, body)
    operation = next(name for end, name in OPERATIONS.items() if path.endswith(end))
    bounds = [count(body.get(name)) for name in BOUNDS if count(body.get(name))]
    live = any(text(tool, "type") not in ("function", "custom") for tool in entries(body, "tools"))
    return Ask(
        provider=provider,
        model=text(body, "model"),
        operation=operation,
        body=body,
        streams=body.get("stream") is True,
        max_output=0 if operation == "embeddings" else min(bounds) if bounds else None,
        choices=max(count(body.get("n")), count(body.get("best_of")), 1),
        variant=TIERS.get(text(body, "service_tier"), ""),
        by_reference=live or isinstance(body.get("prompt"), dict) or mentions(body, REFERENCES),
        varies=operation != "embeddings" and (live or body.get("temperature") not in (0, 0.0)),
        stateful=any(body.get(key) for key in ("previous_response_id", "conversation", "background")),
        hidden_output=True,
    )


def whole(document: Body, seen: Seen) -> None:
    """A complete answer of any of the operations."""
    seen.model = text(document, "model")
    seen.variant = TIERS.get(text(document, "service_tier"), "")
    _figures(document, seen)
    seen.final = seen.usage is not None
    if "choices" in document:
        choices = entries(document, "choices")
        seen.finished = bool(choices) and all(one.get("finish_reason") in OWN_END for one in choices)
        seen.content = bool(choices) and all(_says(one) for one in choices)
    elif document.get("object") == "list":
        seen.finished = seen.content = bool(document.get("data"))
    else:
        seen.finished = document.get("status") == "completed" and not mentions(
            document, frozenset({"refusal"})
        )
        seen.content = any(_outputs(item) for item in entries(document, "output"))
        searches = sum(_searched(item) for item in entries(document, "output"))
        if seen.usage is not None and searches:
            seen.usage = usage.merged(seen.usage, (*usage.NOTHING[: usage.SEARCHES], searches))


def event(document: Body, seen: Seen) -> None:
    """One chunk of a chat, or one event of a response."""
    if "choices" in document:
        _chunk(document, seen)
    elif part(document, "response"):
        response = part(document, "response")
        seen.model = text(response, "model") or seen.model
        if text(document, "type") in ("response.completed", "response.incomplete", "response.failed"):
            whole(response, seen)


def _chunk(document: Body, seen: Seen) -> None:
    seen.model = text(document, "model") or seen.model
    seen.variant = TIERS.get(text(document, "service_tier"), seen.variant)
    if isinstance(document.get("usage"), dict):
        _figures(document, seen)
        seen.final = True
    for choice in entries(document, "choices"):
        delta = part(choice, "delta") or choice
        seen.content = seen.content or bool(
            delta.get("content") or delta.get("tool_calls") or delta.get("text")
        )
        if choice.get("finish_reason"):
            seen.finished = choice["finish_reason"] in OWN_END


def only_usage(document: Body) -> bool:
    """Whether a chunk is the one that carries the figures alone; it comes only when asked for."""
    return document.get("choices") == [] and isinstance(document.get("usage"), dict)


def _says(choice: Body) -> bool:
    message = part(choice, "message")
    if message.get("refusal"):
        return False
    return bool(
        message.get("content")
        or message.get("tool_calls")
        or message.get("function_call")
        or choice.get("text")
    )


def _searched(item: Body) -> bool:
    return item.get("type") == "web_search_call" and part(item, "action").get("type") in (None, "search")


def _outputs(item: Body) -> bool:
    if item.get("type") != "message":
        return True
    return any(content.get("text") for content in entries(item, "content"))


def _figures(document: Body, seen: Seen) -> None:
    raw = document.get("usage")
    if not isinstance(raw, dict):
        return
    prompt = count(raw.get("prompt_tokens")) or count(raw.get("input_tokens"))
    output = count(raw.get("completion_tokens")) or count(raw.get("output_tokens"))
    into = part(raw, "prompt_tokens_details") or part(raw, "input_tokens_details")
    out_of = part(raw, "completion_tokens_details") or part(raw, "output_tokens_details")
    if count(into.get("audio_tokens")) or count(out_of.get("audio_tokens")):
        seen.variant = SPEECH
    read, written = count(into.get("cached_tokens")), count(into.get("cache_write_tokens"))
    found = (
        max(0, prompt - read - written),
        output,
        read,
        written,
        0,
        count(out_of.get("reasoning_tokens")),
        0,
    )
    seen.usage = found if seen.usage is None else usage.merged(seen.usage, found)
