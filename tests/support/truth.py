"""What a session really used, from the two sides that know: the scripted API and the client's own result."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.scripted_api import Billed

PARTS = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_input_tokens": "cacheReadInputTokens",
    "cache_creation_input_tokens": "cacheCreationInputTokens",
}


def answered(billed: Iterable[Billed]) -> dict[str, Counter[str]]:
    """Tokens per model and kind that the API answered with."""
    totals: dict[str, Counter[str]] = {}
    for one in billed:
        kinds = totals.setdefault(one.model, Counter())
        for ours, theirs in PARTS.items():
            kinds[theirs] += one.usage[ours]
    return totals


def reported(result: dict[str, Any]) -> dict[str, Counter[str]]:
    """The same figures by the client's own account (2.1.197 may add `[1m]` to a model's name)."""
    return {
        model.removesuffix("[1m]"): Counter({kind: used[kind] for kind in PARTS.values()})
        for model, used in result["modelUsage"].items()
    }


def dollars(result: dict[str, Any]) -> Decimal:
    """`total_cost_usd` to the nano-dollar: the client adds up binary floats."""
    return round(Decimal(result["total_cost_usd"]), 9)


def tokens(result: dict[str, Any]) -> int:
    """All tokens but cache reads: what counts against a session's budget while no cache has expired."""
    kinds = ("inputTokens", "outputTokens", "cacheCreationInputTokens")
    return sum(used[kind] for used in result["modelUsage"].values() for kind in kinds)
