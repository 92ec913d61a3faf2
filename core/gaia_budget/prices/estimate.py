"""How many tokens a text will cost, before it is sent: always an estimate, always with its error band.

The text is counted in the o200k vocabulary and multiplied by the factor of the model's generation, which the user's
own usage calibrates.
Without the vocabulary a stated heuristic serves.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import InputError
from gaia_budget.prices import calibration, names, vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_MODEL = "claude-opus-5-5"


class TokenEstimate(NamedTuple):
    """Tokens, the band that nine of ten estimates stay within, and how they were found.

    `method` is `tiktoken`, `tiktoken, calibrated`, `heuristic`, or `count_tokens` (exact, from the provider).
    """

    tokens: int
    low: int
    high: int
    method: str


def estimate_tokens(text: str, model: str = DEFAULT_MODEL) -> TokenEstimate:
    """Estimate a text's tokens for a model. Reads nothing but the vocabulary and the user's calibration."""
    generation = vocabulary.generation_of(model)
    known = calibration.load().get(generation.name)
    counted = vocabulary.count(text)
    if counted is None:
        heuristic = vocabulary.heuristic()
        ascii_characters = len(text.encode("ascii", "ignore"))
        plain = ascii_characters / heuristic["ascii_per_token"] + len(text) - ascii_characters
        return _banded(plain * generation.factor, heuristic["band"] + generation.band, "heuristic")
    if known is not None:
        return _banded(counted * known.factor, known.band, "tiktoken, calibrated")
    return _banded(counted * generation.factor, generation.band, "tiktoken")


def exact_tokens(text: str, model: str) -> TokenEstimate:
    """Ask Anthropic's `count_tokens`, which needs a key and the network. Raises InputError where it does not answer."""
    import os

    if not os.environ.get("ANTHROPIC_API_KEY"):
        raise InputError(
            "an exact count asks Anthropic: set ANTHROPIC_API_KEY, or take the estimate", slug="no-key"
        )
    import anthropic

    name = names.normalise(model)
    try:
        answer = anthropic.Anthropic().messages.count_tokens(
            model=name.model if name else model, messages=[{"role": "user", "content": text}]
        )
    except anthropic.AnthropicError as error:
        raise InputError(
            f"Anthropic gave no count for {model} ({type(error).__name__}: {error}): take the estimate",
            slug="no-exact-count",
        ) from error
    return TokenEstimate(answer.input_tokens, answer.input_tokens, answer.input_tokens, "count_tokens")


def exact_counter(model: str) -> Callable[[str], int]:
    """Counts texts exactly, each asked for once, without what a message has around its text. Raises InputError."""
    asked: dict[str, int] = {"": 0}
    around = exact_tokens("a", model).tokens - 1

    def count(text: str) -> int:
        if text not in asked:
            asked[text] = exact_tokens(text, model).tokens - around
        return asked[text]

    return count


def _banded(tokens: float, band: float, method: str) -> TokenEstimate:
    return TokenEstimate(
        round(tokens), math.floor(tokens * (1 - min(band, 1.0))), math.ceil(tokens * (1 + band)), method
    )
