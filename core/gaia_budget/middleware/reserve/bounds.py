"""The most that a request can cost, from its bytes alone: no tokenizer, no question to the provider.

A token is at least one byte of text, so the request's length bounds its input; images, pages and seconds count by
what their maker documents (`tokens`), what is brought in by reference with the model's context window.
Output is bounded by what the request allows, else by the most that the model's maker publishes.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.middleware.books import bill
from gaia_budget.middleware.reserve.tokens import SOUND, found_in, most_tokens
from gaia_budget.middleware.wire import count, entries, part, text
from gaia_budget.prices import fees, limits
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.prices.money import usd_short
from gaia_hooks.facts.tokens import usage

if TYPE_CHECKING:
    from gaia_budget.middleware.books.bill import Seller
    from gaia_budget.middleware.wire import Ask, Body
    from gaia_budget.prices.names import Name
    from gaia_budget.prices.table import PriceTable

TOOL_PROMPT_TOKENS = 2_000
"""What a provider adds to a prompt with tools: at most 700 tokens (Anthropic, "Tool use", pricing), with room."""
CACHE_SECONDS = 3600
"""How long a Gemini cache lives that is made without a time."""
LEAST = 1
"""Held for a call that has no price by the token: at a limit it is refused all the same."""
SEARCHES = 10
"""Assumed for a search tool without a limit: Anthropic's loop of server tools ends after ten rounds."""
CACHED_WAYS = (usage.INPUT, usage.WRITE_5M, usage.WRITE_1H)
"""What a prompt may be charged as; the last for Anthropic's alone."""
LIMIT_NAMES = {
    "messages": "max_tokens",
    "chat": "max_completion_tokens",
    "responses": "max_output_tokens",
    "generateContent": "max_output_tokens",
    "interactions": "max_output_tokens",
}
"""How a request of each operation names the limit of its output."""


class Bound(NamedTuple):
    """An upper bound in nano-dollars, the model it was priced as, and whether the asked one has a price.

    `output` is how many tokens of output it holds.
    """

    nano: int
    priced_as: Name | None
    known: bool
    output: int = 0

    def cure(self, ask: Ask, least: Bound, left_nano: int) -> str:
        """What makes a refused request fit, in words; empty where its prompt alone (`least`) is too much."""
        name, room, written = LIMIT_NAMES.get(ask.operation), left_nano - least.nano, self.nano - least.nano
        if name is None or not self.output or room <= 0 or written <= 0:
            return ""
        fits = self.output // ask.choices * room // written
        fits -= fits % 100 if fits > 1_000 else 0
        if fits < 1:
            return ""
        needs = least.nano + written * fits * ask.choices // self.output + 1
        return f" Or set {name}={fits}: this call then needs at most {usd_short(needs)}."


def bound(prices: PriceTable, ask: Ask, seller: Seller, size: int, unbounded_output: int) -> Bound:
    """The most that a request of `size` bytes can cost; a model without a price counts as the dearest of its family.

    `unbounded_output` is assumed for a request without a limit to a model whose maker publishes none.
    """
    if seller.free:
        return Bound(0, None, True)
    if ask.unpriced:
        return Bound(LEAST, None, False)
    known = bill.name_of(prices, ask.model, seller)
    name = known or bill.stand_in(prices, seller, ask.model)
    row = _row(prices, name, ask.variant) if name else None
    if name is None or row is None:
        return Bound(LEAST, None, False)
    window = int(prices.facts(name).get("context_window") or 0)
    prompt, media = _prompt(ask, name.model, size, window)
    output = ask.max_output
    if output is None:
        output = limits.most_output(name.model) or unbounded_output
    output = (min(output, window) if window else output) * ask.choices
    spoken = media | _written_media(ask, row, output)
    extra = _by_the_piece(ask, name, row, prompt)
    if ask.helpers:
        extra += _helpers(prices, seller, ask, prompt + output)
    nano = _dearest_way(prices, row, ask, prompt, output, spoken)
    if nano is None:
        return Bound(LEAST, None, False)
    nano = nano * ask.rounds + extra
    percent = 100 + fees.uplift(name.provider, seller.host, name.model)
    if percent != 100:
        nano = round(Fraction(nano * percent, 100))
    return Bound(nano, name, known is not None, output)


def _row(prices: PriceTable, name: Name, variant: str) -> list[Any] | None:
    """The row that a request may be charged by at most: that of its tier, else the usual one."""
    now = time.time()
    return pricing.row_at(prices.rows(name, variant), now) or pricing.row_at(prices.rows(name), now)


def _prompt(ask: Ask, model: str, size: int, window: int) -> tuple[int, dict[str, int]]:
    """The most tokens of the prompt, and how many of them are sound or images."""
    documented, text_bytes, tokens, unbounded = limits.media(model), size, 0, ask.by_reference
    media: dict[str, int] = {}
    for one in found_in(ask.body):
        most = most_tokens(one, documented)
        if most is None:
            unbounded = True
            continue
        text_bytes -= len(one.data)
        tokens += most
        kind = one.mime.partition("/")[0]
        kind = f"input_{'audio' if kind in SOUND else kind}"
        media[kind] = media.get(kind, 0) + most
    prompt = max(0, text_bytes) + tokens + (TOOL_PROMPT_TOKENS if ask.body.get("tools") else 0)
    if unbounded:
        prompt = max(prompt, window)
    return (min(prompt, window) if window else prompt), media


def _written_media(ask: Ask, row: list[Any], output: int) -> dict[str, int]:
    """Output that may be sound or images, where those are dearer than text."""
    rates = row[3].get("media", {}) if len(row) > 3 else {}
    if "output_audio" in rates and (
        ask.provider == "gemini" or "audio" in (ask.body.get("modalities") or ())
    ):
        return {"output_audio": output}
    return {"output_image": output} if "output_image" in rates else {}


def _dearest_way(
    prices: PriceTable, row: list[Any], ask: Ask, prompt: int, output: int, media: dict[str, int]
) -> int | None:
    """The prompt may be charged as fresh input, or as written to a cache: the dearest that the model has prices for."""
    rates = row[1][pricing.tier_of(row, prompt) if len(row[1]) > 1 else 0]
    dearest, most = usage.INPUT, -1
    for kind in CACHED_WAYS if ask.provider == "anthropic" else CACHED_WAYS[:2]:
        rate = rates[kind + 1]
        if rate is not None and rate > most:
            dearest, most = kind, rate
    used = [0, output, 0, 0, 0, 0, 0]
    used[dearest] = prompt
    cost = prices.cost(row, tuple(used), {})
    if not media:
        return cost
    other = prices.cost(row, tuple(used), media)  # a kind of which may be cheaper than text
    return max((nano for nano in (cost, other) if nano is not None), default=None)


def searches(tools: list[Body]) -> int:
    """How many searches of the web a request's tools allow, each at a price of its own."""
    return sum(count(tool.get("max_uses")) or SEARCHES for tool in tools if _searches_web(tool))


def _searches_web(tool: Body) -> bool:
    kind = text(tool, "type")
    return (
        "web_search" in kind
        or "google_search" in kind
        or any(k.lower().startswith("googlesearch") for k in tool)
    )


def _by_the_piece(ask: Ask, name: Name, row: list[Any], prompt: int) -> int:
    """Searches, maps, containers: as many as the request allows."""
    tools = entries(ask.body, "tools")
    wanted: dict[str, int] = {}
    if tools and (found := searches(tools)):
        preview = any(text(tool, "type").startswith("web_search_preview") for tool in tools)
        wanted["search preview" if preview else "search"] = found
    for tool in tools:
        kind = text(tool, "type")
        if kind == "file_search":
            wanted["file search"] = SEARCHES
        elif kind == "code_interpreter":
            size = text(part(tool, "container"), "memory_limit")
            wanted[f"container {size}" if size in ("4g", "16g", "64g") else "container"] = 1
        elif "googleMaps" in tool or kind == "google_maps":
            wanted["maps"] = SEARCHES
    if ask.operation == "chat" and "search" in ask.model:
        wanted["search model"] = 1
    total = 0
    for what, pieces in wanted.items():
        listed = None if row[2] is None or what != "search" else row[2] * pieces
        if listed is not None:
            per_nano = (
                row[3].get("per_nano", pricing.FEMTO_PER_NANO) if len(row) > 3 else pricing.FEMTO_PER_NANO
            )
            total += -(-listed // per_nano)
        else:
            total += fees.cost_nano(what, name.provider, name.model, pieces) or 0
    if ask.operation == "caches":
        life = text(ask.body, "ttl").removesuffix("s").partition(".")[0]
        stored = prompt * (count(life) if life else CACHE_SECONDS)
        total += fees.cost_nano("cache storage", name.provider, name.model, stored) or 0
    return total


def _helpers(prices: PriceTable, seller: Seller, ask: Ask, prompt: int) -> int:
    """Models that the provider may ask besides: each use reads all that was said so far."""
    total = 0
    for model, uses, output in ask.helpers:
        name = bill.name_of(prices, model, seller)
        row = _row(prices, name, "") if name else None
        total += uses * ((_dearest_way(prices, row, ask, prompt, output, {}) if row else None) or 0)
    return total
