"""The most that a request can cost, from its bytes alone: no tokenizer, no question to the provider.

A token is at least one byte of the request, so its length bounds its input; what it brings in by reference is
bounded by the model's context window alone. Output is bounded by what the request allows, at most the window.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.middleware.wire import count, entries, text
from gaia_hooks.facts import pricing

if TYPE_CHECKING:
    from gaia_budget.middleware.wire import Ask, Body
    from gaia_budget.prices.names import Name
    from gaia_budget.prices.table import PriceTable

TOOL_PROMPT_TOKENS = 2_000
"""What a provider adds to a prompt with tools: at most 700 tokens (Anthropic, "Tool use", pricing), with room."""


LEAST = 1
"""Held for a call that has no price by the token: at a limit it is refused all the same."""
SEARCHES = 10
"""Assumed for a search tool without a limit: Anthropic's loop of server tools ends after ten rounds."""


class Bound(NamedTuple):
    """An upper bound in nano-dollars, the model it was priced as, and whether the asked one has a price."""

    nano: int
    priced_as: Name | None
    known: bool


def bound(prices: PriceTable, ask: Ask, size: int, unbounded_output: int) -> Bound:
    """The most that a request of `size` bytes can cost; one for an unpriced model counts as the dearest.

    `unbounded_output` is the number of output tokens assumed for a request that sets no bound.
    """
    if ask.unpriced:
        return Bound(LEAST, None, False)
    known = prices.name(ask.model, ask.provider)
    if known is not None:
        row = pricing.row_at(prices.rows(known, ask.variant), time.time())
        nano = _dearest_way(row, _ways(ask, size, _window(prices, known), unbounded_output))
        if nano is not None:
            return Bound(nano, known, True)
    dearest = prices.dearest(ask.provider)
    if dearest is None:
        return Bound(0, None, False)
    row = pricing.row_at(prices.rows(dearest), time.time())
    return Bound(
        _dearest_way(row, _ways(ask, size, _window(prices, dearest), unbounded_output)) or 0, dearest, False
    )


def _window(prices: PriceTable, name: Name) -> int:
    return int(prices.facts(name).get("context_window") or 0)


def _dearest_way(row: list[Any] | None, ways: list[tuple[int, ...]]) -> int | None:
    """The dearest of the ways that the model has prices for."""
    costs = [pricing.cost_nano(usage, row) for usage in ways]
    return max((cost for cost in costs if cost is not None), default=None)


def _ways(ask: Ask, size: int, window: int, unbounded_output: int) -> list[tuple[int, ...]]:
    """How the prompt may be charged: as fresh input, or as written to a cache."""
    prompt = size + (TOOL_PROMPT_TOKENS if ask.body.get("tools") else 0)
    if ask.by_reference:
        prompt = max(prompt, window)
    output = ask.max_output
    if output is None:
        output = min(unbounded_output, window) if window else unbounded_output
    output *= ask.choices
    searches = _searches(ask)
    ways: list[tuple[int, ...]] = [
        (prompt, output, 0, 0, 0, 0, searches),
        (0, output, 0, prompt, 0, 0, searches),
    ]
    if ask.provider == "anthropic":
        ways.append((0, output, 0, 0, prompt, 0, searches))
    return ways


def _searches(ask: Ask) -> int:
    """How many searches of the web a request allows, each at a price of its own."""
    return sum(
        count(tool.get("max_uses")) or SEARCHES for tool in entries(ask.body, "tools") if _searches_web(tool)
    )


def _searches_web(tool: Body) -> bool:
    return "web_search" in text(tool, "type") or any(key.lower().startswith("googlesearch") for key in tool)
