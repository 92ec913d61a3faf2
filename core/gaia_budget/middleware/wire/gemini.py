"""Google's Gemini API (also on Vertex AI): generateContent, embeddings, interactions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gaia_budget.middleware.wire import SPEECH, Ask, count, entries, mentions, part, text, unpriced
from gaia_hooks.facts import usage

if TYPE_CHECKING:
    from gaia_budget.middleware.wire import Body, Seen

provider = "gemini"

MODEL_CALL = re.compile(
    r"/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent|embedContent|batchEmbedContents)$"
)
SERVICES = re.compile(r":(?:predict|predictLongRunning)$|/(?:tuningJobs|tunedModels)$")
REFERENCES = frozenset({"fileData", "file_data", "cachedContent", "previous_interaction_id", "uri"})
TIERS = {"flex": "flex", "priority": "priority"}
LIVE_TOOLS = frozenset(
    {"googleSearch", "googleSearchRetrieval", "urlContext", "codeExecution", "googleMaps", "fileSearch"}
)


def billable(path: str) -> bool:
    """A call of a model, an interaction, or another service."""
    return bool(MODEL_CALL.search(path) or SERVICES.search(path)) or path.endswith("/interactions")


def ask(path: str, body: Body) -> Ask:
    """The request of either."""
    if SERVICES.search(path):
        return unpriced(provider, path, body)
    found = MODEL_CALL.search(path)
    return _generate(found["model"], found["verb"], body) if found else _interaction(body)


def _generate(model: str, verb: str, body: Body) -> Ask:
    config = part(body, "generationConfig")
    embeds = "mbed" in verb
    live = any(mentions(tool, LIVE_TOOLS) or LIVE_TOOLS & tool.keys() for tool in entries(body, "tools"))
    return Ask(
        provider=provider,
        model=model,
        operation="embeddings" if embeds else "generateContent",
        body=body,
        streams=verb == "streamGenerateContent",
        max_output=0 if embeds else count(config.get("maxOutputTokens")) or None,
        choices=max(count(config.get("candidateCount")), 1),
        variant=TIERS.get(text(body, "serviceTier").lower(), ""),
        by_reference=live or mentions(body, REFERENCES),
        varies=not embeds and (live or config.get("temperature") not in (0, 0.0)),
        hidden_output=True,
    )


def _interaction(body: Body) -> Ask:
    config = part(body, "generation_config")
    return Ask(
        provider=provider,
        model=text(body, "model") or text(body, "agent"),
        operation="interactions",
        body=body,
        streams=body.get("stream") is True,
        max_output=count(config.get("max_output_tokens")) or None,
        by_reference=bool(body.get("agent") or body.get("tools")) or mentions(body, REFERENCES),
        stateful=True,
        hidden_output=True,
    )


def whole(document: Body, seen: Seen) -> None:
    """A complete answer."""
    _figures(document, seen)
    seen.final = seen.usage is not None
    if "embedding" in document or "embeddings" in document:
        seen.finished = seen.content = True
        return
    _searches(document, seen)
    candidates = entries(document, "candidates")
    seen.finished = bool(candidates) and all(one.get("finishReason") == "STOP" for one in candidates)
    seen.content = bool(candidates) and all(_says(one) for one in candidates)


def event(document: Body, seen: Seen) -> None:
    """One chunk; its figures are totals so far, those of the chunk that names a reason to end are the last."""
    inner = part(document, "interaction")
    if inner:
        _figures(inner, seen)
        seen.final = seen.final or bool(part(inner, "usage"))
        return
    _figures(document, seen)
    _searches(document, seen)
    for candidate in entries(document, "candidates"):
        seen.content = seen.content or _says(candidate)
        if candidate.get("finishReason"):
            seen.finished = candidate["finishReason"] == "STOP"
            seen.final = seen.usage is not None


def _says(candidate: Body) -> bool:
    parts = entries(part(candidate, "content"), "parts")
    return any(key not in ("text", "thought") or one["text"] for one in parts for key in one)


def _searches(document: Body, seen: Seen) -> None:
    """Searches that grounded an answer: up to Gemini 2 a prompt is charged once, later each query is."""
    for candidate in entries(document, "candidates"):
        queries = part(candidate, "groundingMetadata").get("webSearchQueries")
        if isinstance(queries, list) and queries and seen.usage is not None:
            once = seen.model.startswith(("gemini-1", "gemini-2"))
            found = (*usage.NOTHING[: usage.SEARCHES], 1 if once else len(queries))
            seen.usage = usage.merged(seen.usage, found)


def _figures(document: Body, seen: Seen) -> None:
    seen.model = text(document, "modelVersion") or text(document, "model") or seen.model
    raw = part(document, "usageMetadata")
    if raw:
        prompt = count(raw.get("promptTokenCount")) + count(raw.get("toolUsePromptTokenCount"))
        read, thoughts = count(raw.get("cachedContentTokenCount")), count(raw.get("thoughtsTokenCount"))
        if any(one.get("modality") == "AUDIO" for one in entries(raw, "promptTokensDetails")):
            seen.variant = SPEECH
        output = count(raw.get("candidatesTokenCount")) + thoughts
    elif raw := part(document, "usage"):
        prompt = count(raw.get("total_input_tokens")) + count(raw.get("total_tool_use_tokens"))
        read, thoughts = count(raw.get("total_cached_tokens")), count(raw.get("total_thought_tokens"))
        output = count(raw.get("total_output_tokens")) + thoughts
    else:
        return
    found = (max(0, prompt - read), output, read, 0, 0, thoughts, 0)
    seen.usage = found if seen.usage is None else usage.merged(seen.usage, found)
