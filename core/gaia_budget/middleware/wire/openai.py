"""OpenAI's APIs, also as other providers speak them: chat completions, responses, embeddings, older completions."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gaia_budget.middleware.wire import (
    MOST,
    Ask,
    count,
    entries,
    figure,
    mentions,
    part,
    text,
    unpriced,
)
from gaia_hooks.facts.prices.money import NANO
from gaia_hooks.facts.tokens import usage

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
    r"|agents/sessions/[^/]+/events|fine_tuning/jobs|evals/[^/]+/runs|vector_stores/[^/]+/search|containers)$"
)
BOUNDS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
REFERENCES = frozenset(
    {"image_url", "file_id", "file_url", "previous_response_id", "conversation", "prompt_cache_id"}
)
OWN_END = frozenset({"stop", "tool_calls", "function_call"})
TIERS = {"flex": "flex", "priority": "priority", "fast": "fast"}
USUAL_TIERS = frozenset({"auto", "default", "standard", "scale", "on_demand", "batch"})
SEARCHING = re.compile(r"search")  # chat models that search by themselves carry it in their names
WAITING = frozenset({"queued", "in_progress"})
OWN_CALLS = frozenset(
    {"function_call", "custom_tool_call", "mcp_call", "computer_call", "local_shell_call", "shell_call", "tool_call",
     "apply_patch_call", "web_search_call", "tool_search_call"}
)  # fmt: skip
"""Calls within a response that cost nothing beside their tokens, or are counted below."""
SIZES = frozenset({"4g", "16g", "64g"})


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
        by_reference=live or isinstance(body.get("prompt"), dict) or mentions(body, REFERENCES, INLINE),
        varies=operation != "embeddings" and (live or body.get("temperature") not in (0, 0.0)),
        stateful=any(body.get(key) for key in ("previous_response_id", "conversation", "background")),
        hidden_output=operation != "completions" and not NO_REASONING.match(text(body, "model")),
    )


INLINE = "data:"
"""A link of this kind carries its content with it."""
NO_REASONING = re.compile(
    r"(?:[\w.-]+/)*(?:ft:)?"
    r"(?:gpt-[34]|chatgpt|davinci|babbage|text-|gpt-audio|gpt-5[\d.]*-chat|llama|deepseek-chat)"
)
"""Models that think nothing unseen."""


def whole(document: Body, seen: Seen) -> None:
    """A complete answer of any of the operations."""
    seen.model = text(document, "model") or seen.model
    _tier(document, seen)
    _figures(document, seen)
    seen.final = seen.usage is not None
    if "choices" in document:
        choices = entries(document, "choices")
        seen.ended = any(one.get("finish_reason") for one in choices)
        seen.finished = bool(choices) and all(one.get("finish_reason") in OWN_END for one in choices)
        seen.content = bool(choices) and all(_says(one) for one in choices)
        for one in choices:
            seen.unread.append(part(one, "message") or one.get("text"))
        _search_model(seen)
    elif document.get("object") == "list":
        seen.ended = seen.finished = seen.content = bool(document.get("data"))
    elif "output" in document or "status" in document:
        _response(document, seen)
    else:
        _service(document, seen)


def _response(document: Body, seen: Seen) -> None:
    status, items = text(document, "status"), entries(document, "output")
    seen.finished = status == "completed" and not mentions(document, frozenset({"refusal"}))
    seen.ended = status not in WAITING
    seen.content = any(_outputs(item) for item in items)
    seen.later = text(document, "id") if seen.usage is None and status in WAITING else ""
    seen.unread.append([item for item in items if item.get("type") != "image_generation_call"])
    _charged(items, seen)


def _charged(items: list[Body], seen: Seen) -> None:
    """What a response charges by the piece."""
    kinds = [text(tool, "type") for tool in entries(seen.asked, "tools")]
    searches = sum(_searched(item) for item in items)
    if searches and any(kind.startswith("web_search_preview") for kind in kinds):
        seen.fees["search preview"] = searches
    elif searches and seen.usage is not None:
        seen.add((*usage.NOTHING[: usage.SEARCHES], searches))
    containers = {}
    for item in items:
        kind = text(item, "type")
        if kind == "file_search_call":
            seen.fees["file search"] = seen.fees.get("file search", 0) + 1
        elif kind == "code_interpreter_call":
            containers[text(item, "container_id")] = True
        elif kind.endswith("_call") and kind not in OWN_CALLS:
            seen.not_priced(kind.removesuffix("_call").replace("_", " "))
    if containers and not _brought_container(seen.asked):
        seen.fees[_container(part(_tool(seen.asked, "code_interpreter"), "container"))] = len(containers)


def _tool(asked: Body, kind: str) -> Body:
    return next((tool for tool in entries(asked, "tools") if text(tool, "type") == kind), {})


def _brought_container(asked: Body) -> bool:
    """Whether the request names a container that was made, and charged, before."""
    return isinstance(_tool(asked, "code_interpreter").get("container"), str)


def _container(wanted: Body) -> str:
    size = text(wanted, "memory_limit")
    return f"container {size}" if size in SIZES else "container"


def _service(document: Body, seen: Seen) -> None:
    """An answer of another service: images and transcripts tell tokens, a container has a fee."""
    if text(document, "object") == "container":
        seen.fees[_container(document)] = 1
    seen.ended = True
    seen.finished = seen.content = "error" not in document


def _search_model(seen: Seen) -> None:
    name = seen.model or text(seen.asked, "model")
    if SEARCHING.search(name):
        seen.fees["search model"] = 1


def event(document: Body, seen: Seen) -> None:
    """One chunk of a chat, or one event of a response."""
    if "choices" in document:
        _chunk(document, seen)
    elif part(document, "response"):
        response = part(document, "response")
        seen.model = text(response, "model") or seen.model
        if response.get("background") is True:
            seen.later = text(response, "id")
        if text(document, "type") in ("response.completed", "response.incomplete", "response.failed"):
            seen.begin_anew()
            whole(response, seen)
    elif text(document, "type").endswith(".delta"):
        seen.content = True
        seen.wrote(document.get("delta"))
    elif isinstance(document.get("usage"), dict):  # images and transcripts as they come
        whole(document, seen)


def _chunk(document: Body, seen: Seen) -> None:
    seen.model = text(document, "model") or seen.model
    _tier(document, seen)
    told = document if isinstance(document.get("usage"), dict) else part(document, "x_groq")
    for choice in entries(document, "choices"):
        delta = part(choice, "delta") or choice
        seen.content = seen.content or bool(
            delta.get("content") or delta.get("tool_calls") or delta.get("text")
        )
        seen.wrote(part(choice, "delta") or choice.get("text"))
        if choice.get("finish_reason"):
            seen.ended = True
            seen.finished = choice["finish_reason"] in OWN_END
            _search_model(seen)
        if isinstance(choice.get("usage"), dict):
            told = choice
    if isinstance(told.get("usage"), dict):
        _figures(told, seen)
        seen.final = seen.usage is not None


def headers(headers: Any, seen: Seen) -> None:
    """Its headers tell nothing of the bill."""


def only_usage(document: Body) -> bool:
    """Whether a chunk is the one that carries the figures alone; it comes only when asked for."""
    return document.get("choices") == [] and isinstance(document.get("usage"), dict)


def _tier(document: Body, seen: Seen) -> None:
    told = text(document, "service_tier")
    if told:
        seen.variant = TIERS.get(told, "")
        if told not in TIERS and told not in USUAL_TIERS:
            seen.not_priced(f"service tier {told[:40]}")


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


def _told(raw: Body, *names: str) -> int | None:
    """What one of these tells; a batch tells zero under the one and its tokens under the other."""
    found = [told for name in names if (told := figure(raw.get(name))) is not None]
    return max(found, default=None)


def _figures(document: Body, seen: Seen) -> None:
    raw = document.get("usage")
    if not isinstance(raw, dict):
        return
    raw = seen.told(raw)
    prompt, output = (
        _told(raw, "prompt_tokens", "input_tokens"),
        _told(raw, "completion_tokens", "output_tokens"),
    )
    if prompt is None and output is None:
        seen.total = count(raw.get("total_tokens"))
        if raw.get("type") == "duration":
            seen.not_priced("audio seconds")
        return
    prompt, output = prompt or 0, output or 0
    into = part(raw, "prompt_tokens_details") or part(raw, "input_tokens_details")
    into = into or part(raw, "input_token_details")
    out_of = part(raw, "completion_tokens_details") or part(raw, "output_tokens_details")
    read = count(into.get("cached_tokens")) or count(raw.get("prompt_cache_hit_tokens"))
    written, reasoning = count(into.get("cache_write_tokens")), count(out_of.get("reasoning_tokens"))
    if reasoning and count(raw.get("total_tokens")) == prompt + output + reasoning:
        output += reasoning  # as xAI tells it: beside the answer, not within it
    fresh = max(0, prompt - read - written)
    _media(into, out_of, seen)
    seen.add((fresh, output, read, written, 0, reasoning, 0))
    _told_bill(raw, seen)


def _media(into: Body, out_of: Body, seen: Seen) -> None:
    cached = part(into, "cached_tokens_details")
    for kind in ("audio", "image"):
        name = f"{kind}_tokens"
        read = count(cached.get(name))
        fresh, output = max(0, count(into.get(name)) - read), count(out_of.get(name))
        seen.add_media({f"input_{kind}": fresh, f"cached_{kind}": read, f"output_{kind}": output})


def _told_bill(raw: Body, seen: Seen) -> None:
    """What the provider itself says that it charges (OpenRouter), in USD.

    With the user's own key for the provider behind it, that bills its share apart, which is told beside.
    """
    parts = [raw.get("cost")]
    if raw.get("is_byok") is True:
        parts.append(part(raw, "cost_details").get("upstream_inference_cost"))
    if all(isinstance(one, int | float) and 0 <= one < MOST for one in parts):
        seen.told_nano = int((sum(map(Decimal, map(str, parts)), Decimal()) * NANO).to_integral_value())
