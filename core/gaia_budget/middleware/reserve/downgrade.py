"""The same request to a cheaper model: which one, and what of the request that model does not take."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from gaia_budget.middleware.books import bill
from gaia_budget.middleware.wire import count, part
from gaia_budget.middleware.wire.openai import BOUNDS, NO_REASONING
from gaia_budget.prices import limits
from gaia_hooks.facts.prices import pricing

if TYPE_CHECKING:
    from gaia_budget.middleware.books.bill import Seller
    from gaia_budget.middleware.wire import Ask, Body
    from gaia_budget.prices.table import PriceTable

PROBE = (1_000, 1_000, 0, 0, 0, 0, 0)  # the call by whose price models are compared
SAMPLING = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "stop",
)
"""What reasoning models of OpenAI refuse."""
ONE_TOOL_AT_ONCE = re.compile(r"o\d")
"""Models that refuse to be told how many tools they may call at once."""
EFFORTS = ("low", "medium", "high")
"""Of reasoning, those that every model takes."""
UNSIGNED = "skip_thought_signature_validator"
"""What Gemini 3 takes for a thought of another model."""


def cheapest(prices: PriceTable, ask: Ask, seller: Seller, models: tuple[str, ...]) -> Ask | None:
    """The request to the provider's cheapest allowed model, fitted to it; as it is where none is cheaper.

    None where the module lists no model of this provider, or the one asked for is unknown and so is not allowed.
    """
    now = time.time()
    found: dict[str, int] = {}
    for listed in models:
        name = prices.name(listed, ask.provider)
        cost = pricing.cost_nano(PROBE, pricing.row_at(prices.rows(name), now)) if name else None
        if name is not None and cost is not None:
            found[name.model] = cost
    model = min(found, key=lambda name: (found[name], name), default=None)
    if model is None or ask.unpriced or ask.embeds:
        return None
    asked = bill.name_of(prices, ask.model, seller)
    limit = pricing.cost_nano(PROBE, pricing.row_at(prices.rows(asked), now)) if asked else None
    if asked is not None and (asked.model == model or (limit is not None and found[model] >= limit)):
        return ask
    return fitted(ask, model)


def fitted(ask: Ask, model: str) -> Ask:
    """The request as another model takes it: output limit, thinking, effort, signatures of the first one's thoughts."""
    fit = {"anthropic": _claude, "openai": _openai, "gemini": _gemini}[ask.provider]
    body = fit(dict(ask.body), model)
    if ask.provider != "gemini":
        body["model"] = model
    most = limits.most_output(model)
    output = ask.max_output if most is None or ask.max_output is None else min(ask.max_output, most)
    return ask._replace(model=model, body=body, max_output=output, helpers=())


def _claude(body: Body, model: str) -> Body:
    most = limits.most_output(model)
    if most is not None and count(body.get("max_tokens")) > most:
        body["max_tokens"] = most
    body.pop("thinking", None)
    body.pop("speed", None)
    config = {key: value for key, value in part(body, "output_config").items() if key != "effort"}
    if "output_config" in body:
        body.pop("output_config")
        body |= {"output_config": config} if config else {}
    edits = part(body, "context_management").get("edits")
    if isinstance(edits, list):
        kept = [one for one in edits if not str(one).__contains__("thinking")]
        body["context_management"] = {**body["context_management"], "edits": kept}
    tools = body.get("tools")
    if isinstance(tools, list):
        body["tools"] = [
            one for one in tools if not str(part({"t": one}, "t").get("type")).startswith("advisor_")
        ]
    body["messages"] = [_without_thoughts(one) for one in body.get("messages") or ()]
    return body


def _without_thoughts(message: Any) -> Any:
    """A message without thoughts that another model has signed."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    kept = [
        block
        for block in message["content"]
        if not (isinstance(block, dict) and block.get("type") in ("thinking", "redacted_thinking"))
    ]
    return {**message, "content": kept or [{"type": "text", "text": "(…)"}]}


def _openai(body: Body, model: str) -> Body:
    most = limits.most_output(model)
    for name in BOUNDS:
        if most is not None and count(body.get(name)) > most:
            body[name] = most
    if NO_REASONING.match(model):
        for name in ("reasoning", "reasoning_effort", "verbosity"):
            body.pop(name, None)
        if "verbosity" in part(body, "text"):
            body["text"] = {key: value for key, value in body["text"].items() if key != "verbosity"}
    elif not NO_REASONING.match(str(body.get("model"))):
        _usual_effort(body)
    else:
        for name in SAMPLING:
            body.pop(name, None)
        if count(body.get("max_tokens")):
            body["max_completion_tokens"] = body.pop("max_tokens")
    if ONE_TOOL_AT_ONCE.match(model):
        body.pop("parallel_tool_calls", None)
    body.pop("service_tier", None)
    items = body.get("input")
    if isinstance(items, list):
        body["input"] = [
            one for one in items if not (isinstance(one, dict) and one.get("type") == "reasoning")
        ]
    if isinstance(body.get("include"), list):
        body["include"] = [one for one in body["include"] if not str(one).startswith("reasoning")]
    return body


def _usual_effort(body: Body) -> None:
    """Leave an effort out that not every model takes: it then thinks as it does by itself."""
    if body.get("reasoning_effort") not in EFFORTS:
        body.pop("reasoning_effort", None)
    if "effort" in (reasoning := part(body, "reasoning")) and reasoning["effort"] not in EFFORTS:
        body["reasoning"] = {key: value for key, value in reasoning.items() if key != "effort"}


def _gemini(body: Body, model: str) -> Body:
    config, most = dict(part(body, "generationConfig")), limits.most_output(model)
    if most is not None and count(config.get("maxOutputTokens")) > most:
        config["maxOutputTokens"] = most
    config.pop("thinkingConfig", None)
    body.pop("serviceTier", None)
    if config or "generationConfig" in body:
        body["generationConfig"] = config
    keeps = not model.startswith(("gemini-1", "gemini-2"))
    body["contents"] = [_unsigned(one, keeps) for one in body.get("contents") or ()]
    return body


def _unsigned(content: Any, keeps: bool) -> Any:
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return content
    made = []
    for one in parts:
        if isinstance(one, dict) and "thoughtSignature" in one:
            one = {key: value for key, value in one.items() if key != "thoughtSignature"}
            if keeps:
                one["thoughtSignature"] = UNSIGNED
        made.append(one)
    return {**content, "parts": made}
