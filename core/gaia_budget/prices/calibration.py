"""Calibrates token estimates from the user's own usage.

Between two responses of a thread the prompt grows by what the model wrote and by the new blocks that were sent:
    tokens of the new blocks = prompt(t+1) - prompt(t) - output(t)
Held against the estimate of those blocks' text, that gives a factor and an error band per tokenizer generation.
Only factors and bands are kept, no text.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.prices.vocabulary import count, generation_of
from gaia_hooks.facts.tokens.responses import Unreadable, response_of
from gaia_hooks.facts.tokens.threads import Thread
from gaia_hooks.facts.tokens.usage import OUTPUT, REASONING, prompt_tokens
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LEAST_SAMPLES = 20  # fewer say too little
LEAST_TOKENS = 50  # below this the request's own frame outweighs the text
PLAUSIBLE = (0.4, 4.0)  # ratios outside are images, documents or cut contexts, not text
COVERED = 0.9  # the band holds so many of the samples


class Sample(NamedTuple):
    """New blocks of one request: the model, their count in the o200k vocabulary, their true tokens."""

    model: str
    counted: int
    actual: int


class Fitted(NamedTuple):
    """What usage says of one generation: tokens per o200k token, error band, and how many samples say so."""

    factor: float
    band: float
    samples: int


def samples(rows: Iterable[Any]) -> Iterator[Sample]:
    """The samples in one thread's transcript rows, in the order of the file. Skips what is no plain growth."""
    thread, texts = Thread(), list[str]()
    for row in rows:
        try:
            seen = response_of(row)
        except Unreadable:
            continue
        if seen is None:
            texts += _texts(row)
            continue
        opened = thread.open is None or thread.open.key != seen.key
        previous = thread.open if opened else None
        thread.add(seen)
        if opened:
            if previous is not None:
                actual = prompt_tokens(seen.usage) - prompt_tokens(previous.usage) - _kept(previous.usage)
                counted = count("\n".join(texts))
                if counted and actual >= LEAST_TOKENS and PLAUSIBLE[0] < actual / counted < PLAUSIBLE[1]:
                    yield Sample(seen.model, counted, actual)
            texts = []


def fit(seen: Iterable[Sample]) -> dict[str, Fitted]:
    """Factor and band per generation name, where there are samples enough."""
    grouped: dict[str, list[Sample]] = {}
    for sample in seen:
        grouped.setdefault(generation_of(sample.model).name, []).append(sample)
    fitted = {}
    for name, group in grouped.items():
        if len(group) >= LEAST_SAMPLES:
            factor = sum(one.actual for one in group) / sum(one.counted for one in group)
            errors = sorted(abs(one.actual / (one.counted * factor) - 1) for one in group)
            fitted[name] = Fitted(
                factor, errors[min(len(errors) - 1, int(COVERED * len(errors)))], len(group)
            )
    return fitted


def load() -> dict[str, Fitted]:
    """What was fitted last; empty when nothing was, or the file is not ours to read."""
    stored = _file()
    try:
        return _load(stored, stored.stat().st_mtime_ns)
    except OSError:
        return {}


def save(fitted: dict[str, Fitted]) -> Path:
    """Keep what was fitted, for every later estimate. Raises OSError."""
    places.ensure_home()
    content = {name: one._asdict() for name, one in fitted.items()}
    files.replace(str(_file()), json.dumps(content, indent=1).encode("ascii"))
    return _file()


def _file() -> Path:
    return places.home() / "cache" / "calibration.json"


@lru_cache(maxsize=2)
def _load(stored: Path, changed: int) -> dict[str, Fitted]:
    """`changed` reads it anew when it has been written."""
    try:
        return {name: Fitted(**entry) for name, entry in json.loads(stored.read_bytes()).items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _kept(usage: tuple[int, ...]) -> int:
    """What stays of an answer in the next prompt: reasoning is not sent back."""
    return usage[OUTPUT] - usage[REASONING]


def _texts(row: Any) -> list[str]:
    """The plain text that a row of the user's or of a tool sends; images and the like have none."""
    if not isinstance(row, dict) or row.get("type") != "user":
        return []
    content = (row.get("message") or {}).get("content")
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    found: list[str] = []
    for block in blocks:
        inner = (
            block.get("content")
            if isinstance(block, dict) and block.get("type") == "tool_result"
            else [block]
        )
        for part in inner if isinstance(inner, list) else [{"text": inner}]:
            text = part.get("text") if isinstance(part, dict) else None
            if isinstance(text, str):
                found.append(text)
    return found
