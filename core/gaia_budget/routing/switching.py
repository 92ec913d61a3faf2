"""What it costs to change the model of a running conversation, and when the change pays back.

Another model has none of the conversation in its prompt cache: its first turn writes all of it anew. Each
later turn saves the difference. With C the context in tokens and a turn of new input and output tokens,

    break-even turns = (first turn of the new model - a later turn of it) / (turn of the old - turn of the new)

Where the cache has expired, the old model's first turn writes everything anew as well, and that much is not lost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_hooks.facts.prices import pricing

if TYPE_CHECKING:
    from collections.abc import Mapping


class Switch(NamedTuple):
    """What a switch costs at once (nano-dollars), and after how many turns it has paid back.

    `turns` is None where it never does, `unknown` where a price is missing.
    """

    extra_nano: int
    turns: float | None
    unknown: bool = False


def switch(
    old: list[Any] | None,
    new: list[Any] | None,
    context_tokens: int,
    conversation: Mapping[str, int],
    *,
    cache_cold: bool = False,
) -> Switch:
    """Compare price rows (`gaia_hooks.facts.prices.pricing`) over a conversation of so many tokens."""
    new_input, output = conversation["new_input_tokens"], conversation["output_tokens"]
    warm = (0, output, context_tokens, new_input, 0, 0, 0)
    cold = (0, output, 0, context_tokens + new_input, 0, 0, 0)
    stays, later = pricing.cost_nano(warm, old), pricing.cost_nano(warm, new)
    begins, first = pricing.cost_nano(cold if cache_cold else warm, old), pricing.cost_nano(cold, new)
    if stays is None or later is None or first is None or begins is None:
        return Switch(0, None, unknown=True)
    extra, saved = max(0, first - later - (begins - stays)), stays - later
    return Switch(extra, math.ceil(extra / saved * 10) / 10 if saved > 0 else None)
