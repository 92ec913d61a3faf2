"""The tier of a task that is described in free text: words with weights, no network, the same answer every time."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gaia_budget.routing.table import TIERS

DATA = Path(__file__).with_name("words.toml")
READ_CHARACTERS = 1_000  # the request stands at the beginning; what is pasted below it says little
OPENING_WORDS = 4
SILENT_TIER = "quality"
LEAST_CONFIDENCE = 0.34  # three tiers and nothing to tell them apart
STRONG = 4  # weight at which a clear lead is believed fully


class Classified(NamedTuple):
    """A tier with how sure it is (0.34 guess to 1 certain), and the words that told."""

    tier: str
    confidence: float
    words: tuple[str, ...]


def classify(text: str) -> Classified:
    """The tier of a described task. Text without any known word is taken as quality, with least confidence."""
    shown = " ".join(text[:READ_CHARACTERS].lower().split())
    opening = len(" ".join(shown.split()[:OPENING_WORDS]))
    weights = dict.fromkeys(TIERS, 0)
    told: dict[str, list[str]] = {tier: [] for tier in TIERS}
    for tier, weight, pattern in _patterns():
        for found in {hit.group(): hit for hit in reversed(list(pattern.finditer(shown)))}.values():
            weights[tier] += weight * (2 if found.start() < opening else 1)
            told[tier].append(found.group())
    ranked = sorted(TIERS, key=lambda tier: (weights[tier], tier == SILENT_TIER), reverse=True)
    best, second = weights[ranked[0]], weights[ranked[1]]
    if not best:
        return Classified(SILENT_TIER, LEAST_CONFIDENCE, ())
    lead = (best - second) / best * min(1.0, best / STRONG)
    confidence = round(LEAST_CONFIDENCE + (1 - LEAST_CONFIDENCE) * lead, 2)
    return Classified(ranked[0], confidence, tuple(told[ranked[0]]))


@cache
def _patterns() -> list[tuple[str, int, re.Pattern[str]]]:
    import tomllib

    tables = tomllib.loads(DATA.read_text("utf-8"))
    return [
        (tier, int(weight), _pattern(section["words"]))
        for tier, sections in tables.items()
        for weight, section in sections.items()
    ]


def _pattern(words: list[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    choices = (re.escape(word).replace(r"\*", r"\w*").replace("_", " ") for word in longest_first)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(choices)})(?![\w-])")
