"""How many tokens a text will cost, before it is sent: always an estimate, always with its error band.

The text is counted in the o200k vocabulary (tiktoken, ranks from the installed package `bpe-openai`: nothing is
downloaded) and multiplied by the factor of the model's generation, which the user's own usage calibrates.
Without the vocabulary a stated heuristic serves.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError
from gaia_budget.prices import names

if TYPE_CHECKING:
    import tiktoken

DATA = Path(__file__).with_name("tokenizers.toml")
VOCABULARY = "o200k_base"
PACKAGE = "bpe_openai"
DEFAULT_MODEL = "claude-opus-5-5"
PIECE_CHARACTERS = 100_000  # tiktoken's time grows faster than the text where it finds no place to break


class Estimate(NamedTuple):
    """Tokens, the band that nine of ten estimates stay within, and how they were found.

    `method` is `tiktoken`, `tiktoken, calibrated`, `heuristic`, or `count_tokens` (exact, from the provider).
    """

    tokens: int
    low: int
    high: int
    method: str


class Generation(NamedTuple):
    """Models that share a tokenizer: tokens per o200k token, and the share an estimate may be off."""

    name: str
    pattern: str
    factor: float
    band: float


def estimate_tokens(text: str, model: str = DEFAULT_MODEL) -> Estimate:
    """Estimate a text's tokens for a model. Reads nothing but the vocabulary and the user's calibration."""
    from gaia_budget.prices import calibration

    generation = generation_of(model)
    known = calibration.load().get(generation.name)
    counted = count(text)
    if counted is None:
        heuristic = _data()["heuristic"]
        ascii_characters = len(text.encode("ascii", "ignore"))
        plain = ascii_characters / heuristic["ascii_per_token"] + len(text) - ascii_characters
        return _banded(plain * generation.factor, heuristic["band"] + generation.band, "heuristic")
    if known is not None:
        return _banded(counted * known.factor, known.band, "tiktoken, calibrated")
    return _banded(counted * generation.factor, generation.band, "tiktoken")


def exact_tokens(text: str, model: str) -> Estimate:
    """Ask Anthropic's `count_tokens`, which needs a key and the network. Raises InputError without a key.

    Errors of the provider come through as the SDK raises them.
    """
    import os

    if not os.environ.get("ANTHROPIC_API_KEY"):
        raise InputError("an exact count asks Anthropic: set ANTHROPIC_API_KEY, or take the estimate")
    import anthropic

    name = names.normalise(model)
    answer = anthropic.Anthropic().messages.count_tokens(
        model=name.model if name else model, messages=[{"role": "user", "content": text}]
    )
    return Estimate(answer.input_tokens, answer.input_tokens, answer.input_tokens, "count_tokens")


def generation_of(model: str) -> Generation:
    """The tokenizer generation of a model; family names are taken as they resolve today."""
    from gaia_budget.prices import families

    bare = model.strip().lower().removesuffix("[1m]")
    bare = families.model_of(bare) or re.sub(r"^.*[/.](?=claude-|gpt-|gemini-)", "", bare)
    return next(one for one in _generations() if re.search(one.pattern, bare))


def count(text: str) -> int | None:
    """Tokens in the o200k vocabulary; None when it is not installed."""
    encoding = _encoding()
    if encoding is None:
        return None
    pieces = (text[at : at + PIECE_CHARACTERS] for at in range(0, len(text), PIECE_CHARACTERS))
    return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)


@cache
def _data() -> dict[str, Any]:
    import tomllib

    return tomllib.loads(DATA.read_text("utf-8"))


@cache
def _generations() -> list[Generation]:
    return [Generation(**entry) for entry in _data()["generation"]]


@lru_cache(maxsize=1)
def _encoding() -> tiktoken.Encoding | None:
    """tiktoken's own definition of the vocabulary, fed with ranks that are already on this machine.

    tiktoken would download them, and has no switch against it; so its function runs with another loader.
    """
    import gzip
    from types import FunctionType

    packed = _packed()
    if packed is None:
        return None
    import tiktoken
    from tiktoken_ext import openai_public  # type: ignore[import-untyped]

    ranks = _ranks(gzip.decompress(packed))
    offline = {**vars(openai_public), "load_tiktoken_bpe": lambda *_, **__: ranks}
    return tiktoken.Encoding(**FunctionType(openai_public.o200k_base.__code__, offline)())


def _packed() -> bytes | None:
    """The ranks as their package ships them, read without importing it: it would load an extension."""
    from importlib.util import find_spec

    found = find_spec(PACKAGE)
    folders = found.submodule_search_locations if found else None
    if not folders:
        return None
    file = Path(folders[0]) / "data" / f"{VOCABULARY}.tiktoken.gz"
    return file.read_bytes() if file.is_file() else None


def _ranks(content: bytes) -> dict[bytes, int]:
    from base64 import b64decode

    pairs = (line.split() for line in content.splitlines() if line)
    return {b64decode(token): int(rank) for token, rank in pairs}


def _banded(tokens: float, band: float, method: str) -> Estimate:
    return Estimate(
        round(tokens), math.floor(tokens * (1 - min(band, 1.0))), math.ceil(tokens * (1 + band)), method
    )
