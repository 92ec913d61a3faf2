"""Tokenizer generations of models, and the vocabulary in which texts are counted: o200k, from an installed package.

The ranks come from the package `bpe-openai`, read without importing it: nothing is downloaded.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.prices import families

if TYPE_CHECKING:
    import tiktoken

DATA = Path(__file__).with_name("tokenizers.toml")
VOCABULARY = "o200k_base"
PACKAGE = "bpe_openai"
PIECE_CHARACTERS = 100_000  # tiktoken's time grows faster than the text where it finds no place to break


class Generation(NamedTuple):
    """Models that share a tokenizer: tokens per o200k token, and the share an estimate may be off."""

    name: str
    pattern: str
    factor: float
    band: float


def generation_of(model: str) -> Generation:
    """The tokenizer generation of a model; family names are taken as they resolve today."""
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


def heuristic() -> dict[str, float]:
    """How a text is estimated without the vocabulary: characters a token, and the share it may be off."""
    found: dict[str, float] = _data()["heuristic"]
    return found


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
