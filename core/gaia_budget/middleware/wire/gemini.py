"""Google's Gemini API (also on Vertex AI): generateContent, embeddings, interactions, caches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gaia_budget.middleware.wire import Ask, count, entries, figure, mentions, part, text, unpriced
from gaia_hooks.facts.tokens import usage

if TYPE_CHECKING:
    from gaia_budget.middleware.wire import Body, Seen

provider = "gemini"

MODEL_CALL = re.compile(
    r"/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent|embedContent|batchEmbedContents|predict)$"
)
SERVICES = re.compile(r":predictLongRunning$|/(?:tuningJobs|tunedModels)$")
CACHES = "/cachedContents"
REFERENCES = frozenset({"fileData", "file_data", "cachedContent", "previous_interaction_id", "uri"})
TIERS = {"flex": "flex", "priority": "priority"}
TRAFFIC = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority", "ON_DEMAND": ""}
LIVE_TOOLS = frozenset(
    {"googleSearch", "googleSearchRetrieval", "urlContext", "codeExecution", "googleMaps", "fileSearch",
     "enterpriseWebSearch"}
)  # fmt: skip
CACHE_SECONDS = 3600  # of a cache that is made without a time to live
KINDS = {"AUDIO": "audio", "IMAGE": "image", "VIDEO": "video"}
GROUNDED = {"google_search": "search", "google_maps": "maps"}
WAITING = frozenset({"in_progress", "queued"})


def billable(path: str) -> bool:
    """A call of a model, an interaction, a cache that is made, or another service."""
    return bool(MODEL_CALL.search(path) or SERVICES.search(path)) or path.endswith(("/interactions", CACHES))


def ask(path: str, body: Body) -> Ask:
    """The request of either."""
    found = MODEL_CALL.search(path)
    if SERVICES.search(path) or (found and found["verb"] == "predict" and "embed" not in found["model"]):
        return unpriced(provider, path, body)
    if path.endswith(CACHES):
        return _cache(body)
    return _generate(found["model"], found["verb"], body) if found else _interaction(body)


def _cache(body: Body) -> Ask:
    """An explicit cache: its tokens as input once, and their storage for as long as it is to live."""
    model = text(body, "model").rpartition("/")[2]
    return Ask(
        provider, model, "caches", body, max_output=0, by_reference=mentions(body, REFERENCES), stateful=True
    )


def _generate(model: str, verb: str, body: Body) -> Ask:
    config = part(body, "generationConfig")
    embeds = "mbed" in verb or verb == "predict"
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
        hidden_output=not model.startswith(("gemini-1", "gemini-2.0")),
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
        variant=TIERS.get(text(body, "service_tier").lower(), ""),
        by_reference=bool(body.get("agent") or body.get("tools")) or mentions(body, REFERENCES),
        stateful=True,
        hidden_output=True,
    )


def whole(document: Body, seen: Seen) -> None:
    """A complete answer."""
    _figures(document, seen)
    seen.final = seen.usage is not None
    if text(document, "name").startswith("cachedContents/") or "/cachedContents/" in text(document, "name"):
        _stored(document, seen)
    elif any(name in document for name in ("embedding", "embeddings", "predictions")):
        seen.ended = seen.finished = seen.content = True
    elif "candidates" in document or "promptFeedback" in document:
        _grounding(document, seen)
        candidates = entries(document, "candidates")
        seen.ended = any(one.get("finishReason") for one in candidates)
        seen.finished = bool(candidates) and all(one.get("finishReason") == "STOP" for one in candidates)
        seen.content = bool(candidates) and all(_says(one) for one in candidates)
        seen.unread += [part(one, "content") for one in candidates]
    else:
        _interacted(document, seen)


def _stored(document: Body, seen: Seen) -> None:
    """A cache that was made; how long it lives is in the request."""
    seen.ended = seen.finished = seen.content = True
    tokens = count(part(document, "usageMetadata").get("totalTokenCount"))
    life = text(seen.asked, "ttl").removesuffix("s").partition(".")[0]
    if seen.asked.get("expireTime"):
        seen.not_priced("cache storage until a set time")
        life = "0"
    seen.add((tokens, 0, 0, 0, 0, 0, 0))
    seen.final = True
    seen.fees["cache storage"] = tokens * (count(life) if life else CACHE_SECONDS)


def _interacted(document: Body, seen: Seen) -> None:
    status, steps = text(document, "status"), entries(document, "steps") or entries(document, "outputs")
    seen.ended = bool(status) and status not in WAITING
    seen.later = text(document, "id") if status in WAITING and not seen.final else ""
    seen.wrote(steps)
    for step in steps:
        if text(step, "type") == "google_search_call":
            found = part(step, "arguments").get("queries")
            _queried(found if isinstance(found, list) else [""], "search", seen)


def event(document: Body, seen: Seen) -> None:
    """One chunk; its figures are totals so far, those of the chunk that names a reason to end are the last."""
    inner = part(document, "interaction")
    if inner:
        _figures(inner, seen)
        seen.final = seen.final or (bool(part(inner, "usage")) and seen.usage is not None)
        _interacted(inner, seen)
        return
    _figures(document, seen)
    _grounding(document, seen)
    if "delta" in document:
        seen.wrote(document["delta"])
    for candidate in entries(document, "candidates"):
        seen.content = seen.content or _says(candidate)
        seen.wrote(part(candidate, "content"))
        if candidate.get("finishReason"):
            seen.ended = True
            seen.finished = candidate["finishReason"] == "STOP"
    seen.final = seen.final or (seen.ended and seen.usage is not None)


def headers(headers: Any, seen: Seen) -> None:
    """The tier that served the request, where the body does not tell."""
    told = headers.get("x-gemini-service-tier")
    if told:
        seen.variant = TIERS.get(str(told).lower(), "")


def _says(candidate: Body) -> bool:
    parts = entries(part(candidate, "content"), "parts")
    return any(key not in ("text", "thought") or one["text"] for one in parts for key in one)


def _grounding(document: Body, seen: Seen) -> None:
    """Searches that grounded an answer: up to Gemini 2 a prompt is charged once, later each query is."""
    for candidate in entries(document, "candidates"):
        told = part(candidate, "groundingMetadata")
        if not told:
            continue
        maps = any("maps" in chunk for chunk in entries(told, "groundingChunks"))
        queries = told.get("webSearchQueries")
        kind = "maps" if maps and not _asked_for(seen, "googleSearch") else "search"
        if _asked_for(seen, "enterpriseWebSearch"):
            seen.not_priced("enterprise web search")
        elif isinstance(queries, list) and queries:
            _queried(queries, kind, seen)
        if maps:
            seen.fees["maps"] = max(1, seen.fees.get("maps", 0))


def _asked_for(seen: Seen, tool: str) -> bool:
    return any(tool in one for one in entries(seen.asked, "tools"))


def _queried(queries: list[Any], kind: str, seen: Seen) -> None:
    """Queries of an answer: the same one twice and an empty one are not charged again."""
    seen.queries |= {(kind, query) for query in queries if isinstance(query, str) and query.strip()}
    asked = len([one for one, _ in seen.queries if one == kind])
    if kind == "maps":
        seen.fees["maps"] = asked
    elif asked:
        model = seen.model or seen.asked_model
        _searched(1 if model.startswith(("gemini-1", "gemini-2")) else asked, seen)


def _searched(searches: int, seen: Seen) -> None:
    seen.add((*usage.NOTHING[: usage.SEARCHES], searches)) if seen.usage is not None else None


def _figures(document: Body, seen: Seen) -> None:
    seen.model = text(document, "modelVersion") or text(document, "model").rpartition("/")[2] or seen.model
    if raw := part(document, "usageMetadata"):
        _metadata(seen.told(raw), seen)
    elif raw := part(document, "usage"):
        _interaction_usage(seen.told(raw), seen)
    else:
        told = [
            count(part(part(one, "embeddings"), "statistics").get("token_count"))
            for one in entries(document, "predictions")
        ]
        if any(told):
            seen.add((sum(told), 0, 0, 0, 0, 0, 0))


def _metadata(raw: Body, seen: Seen) -> None:
    if figure(raw.get("promptTokenCount")) is None and figure(raw.get("candidatesTokenCount")) is None:
        seen.total = count(raw.get("totalTokenCount"))
        return
    into = ("promptTokensDetails", "promptTokenDetails", "toolUsePromptTokensDetails")
    _media(raw, into, "cacheTokensDetails", "candidatesTokensDetails", "tokenCount", seen)
    told = text(raw, "trafficType")
    if told in TRAFFIC:
        seen.variant = TRAFFIC[told]
    elif told and told != "TRAFFIC_TYPE_UNSPECIFIED":
        seen.not_priced(f"traffic type {told[:40]}")
    prompt = count(raw.get("promptTokenCount")) + count(raw.get("toolUsePromptTokenCount"))
    read, thoughts = count(raw.get("cachedContentTokenCount")), count(raw.get("thoughtsTokenCount"))
    output = count(raw.get("candidatesTokenCount")) + thoughts
    seen.add((max(0, prompt - read), output, read, 0, 0, thoughts, 0))


def _interaction_usage(raw: Body, seen: Seen) -> None:
    if figure(raw.get("total_input_tokens")) is None and figure(raw.get("total_output_tokens")) is None:
        seen.total = count(raw.get("total_tokens"))
        return
    into = ("input_tokens_by_modality", "tool_use_tokens_by_modality")
    _media(raw, into, "cached_tokens_by_modality", "output_tokens_by_modality", "tokens", seen)
    prompt = count(raw.get("total_input_tokens")) + count(raw.get("total_tool_use_tokens"))
    read, thoughts = count(raw.get("total_cached_tokens")), count(raw.get("total_thought_tokens"))
    output = count(raw.get("total_output_tokens")) + thoughts
    seen.add((max(0, prompt - read), output, read, 0, 0, thoughts, 0))
    for one in entries(raw, "grounding_tool_count"):
        kind, uses = GROUNDED.get(text(one, "type")), count(one.get("count"))
        if kind == "search":
            _searched(uses, seen)
        elif kind:
            seen.fees[kind] = uses
        elif uses:
            seen.not_priced(text(one, "type").replace("_", " "))


def _media(raw: Body, into: tuple[str, ...], cached: str, out_of: str, name: str, seen: Seen) -> None:
    """How many of the tokens were audio, images or video; those that the cache served are in the prompt's too."""
    lists = [[one for key in keys for one in entries(raw, key)] for keys in (into, (cached,), (out_of,))]
    for modality, kind in KINDS.items():
        prompt, read, output = (
            sum(count(one.get(name)) for one in told if text(one, "modality").upper() == modality)
            for told in lists
        )
        seen.add_media(
            {f"input_{kind}": max(0, prompt - read), f"cached_{kind}": read, f"output_{kind}": output}
        )
