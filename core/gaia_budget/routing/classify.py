"""The tier of a task that is described in words: a small trained model, no network, the same answer every time.

docs/classifier.md tells what the tiers mean, how the weights were made, and how good they are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from gaia_budget.routing import text_model
from gaia_budget.routing.table import TIERS

DATA = Path(__file__).with_name("tiers.model")
SURE = 0.55
"""Below this confidence the answer is open: the dearer of the two most probable tiers is taken."""
SINKING = 0.05
"""A share of architecture from which on a task is not taken as cheap: the dearest mistake there is."""
SILENT = 0.34
"""The confidence where a text names no task: three tiers, and nothing to tell them apart."""
MOST_PARTS = 12
_ITEM = re.compile(r"(?:[-*•·]|\d{1,2}[.)、])\s+")
_JOINT = re.compile(
    r"\s*[;；]\s*|,?\s+(?:and then|then|und dann|danach|y luego|puis|et ensuite|e depois|а затем|затем)\s+"
    r"|然后|そして|その後"
)


class Classified(NamedTuple):
    """A tier, and how often such an answer is right.

    Where the text leaves it open, `cheaper` is the other tier that it may be. `parts` are the tiers of the single
    tasks where it has several; the dearest of them is the tier.
    """

    tier: str
    confidence: float
    cheaper: str | None = None
    parts: tuple[str, ...] = ()


def classify(text: str) -> Classified:
    """The tier of a described task. Any text has an answer; one that names no task is not sure."""
    read = text[: 4 * text_model.READ_CHARACTERS]
    whole, parts = _one(read), [_one(part) for part in _parts(read)]
    if len(parts) < 2:
        return whole
    surest = [one for one in parts if one.cheaper is None] or [whole]
    dearest = max(surest, key=lambda one: (TIERS.index(one.tier), one.confidence))
    return dearest._replace(parts=tuple(one.tier for one in parts))


def _one(text: str) -> Classified:
    if not _tells(text_model.plain(text)):
        return Classified(TIERS[1], SILENT, TIERS[0])
    shares = text_model.load(DATA).tell(text).shares
    best, second = sorted(TIERS, key=lambda tier: shares[tier], reverse=True)[:2]
    if best == TIERS[0] and shares[TIERS[-1]] >= SINKING:
        return Classified(TIERS[1], shares[TIERS[1]], TIERS[0])
    if shares[best] >= SURE:
        return Classified(best, shares[best])
    low, high = sorted((best, second), key=TIERS.index)
    return Classified(high, shares[high], low)


def _tells(shown: str) -> int:
    """How many words of a text that `plain` has made say something; none: it names no task."""
    found = (word for word in text_model.words(shown) if word.isalpha())
    return sum(len(word) > 1 or text_model.wide(word) for word in found)


def _parts(text: str) -> list[str]:
    """The single tasks of a text that lists them, one by one or with `;` and `then` between them."""
    lines = [line.strip() for line in text.splitlines()]
    listed = [line[found.end() :] for line in lines if (found := _ITEM.match(line))]
    parts = listed if len(listed) > 1 else _JOINT.split(" ".join(text.split()))
    return [part for part in parts if _tells(part) > 1][:MOST_PARTS]
