"""The tier of a task that is described in words: a small trained model, no network, the same answer every time.

docs/classifier.md tells what the tiers mean, how the weights were made, and how good they are.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
import zlib
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.routing.tiers import TIERS

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_CHARACTERS = 600
"""What is read of a text: the request stands at its beginning, and what is pasted below says little."""
BEGINNINGS = (4, 5, 6)
"""Characters of a word's beginning, which most languages leave as it is when they bend the word."""
WIDE_GRAMS = (1, 2, 3)
"""Lengths of character n-grams in scripts that write no blanks between words."""
WIDE = ("\u3040", "\u9fff")
"""The first and last character of those scripts; a range in a pattern would take two milliseconds to compile."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`", re.DOTALL)
_LINK = re.compile(r"https?://\S+|www\.\S+")
_FILE = re.compile(r"(?<!\w)[\w./\\-]*\w\.(?:[A-Za-z]{1,4}|proto)(?!\w)", re.ASCII)
_NAME = re.compile(
    r"(?<!\w)(?:[a-z]+[A-Z]\w*|[A-Z]+[a-z]+[A-Z]\w*|\w+_\w+|\w+(?:::|->|\.)\w[\w.:()]*|--?\w[\w-]+)", re.ASCII
)
_HASH = re.compile(r"(?<!\w)(?:[0-9a-f]{7,40}|#\d+)(?!\w)", re.ASCII)
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"«\w+»|[^\W_]+|[?!:]")


class Labelled(NamedTuple):
    """The most probable label, and the probability of each: how often such an answer is right (0 to 1)."""

    label: str
    shares: dict[str, float]


def plain(text: str) -> str:
    """The text as the model reads it: code, links, files, identifiers, hashes and numbers are told only as such."""
    shown = unicodedata.normalize("NFKC", text[: 4 * READ_CHARACTERS])
    for pattern, mark in ((_CODE, " «code» "), (_LINK, " «link» "), (_FILE, " «file» "), (_NAME, " «name» "),
                          (_HASH, " «hash» ")):  # fmt: skip
        shown = pattern.sub(mark, shown)
    return _NUMBER.sub("0", " ".join(shown.casefold().split())[:READ_CHARACTERS])


def words(shown: str) -> list[str]:
    """The words and marks of a text that `plain` has made; a run of a script without blanks is one word."""
    return [run for word in _WORD.findall(shown) for run in _runs(word)]


def wide(word: str) -> bool:
    """Whether a word is of a script that writes no blanks between words."""
    return WIDE[0] <= word[0] <= WIDE[1]


def _runs(word: str) -> Iterator[str]:
    if max(word) < WIDE[0]:
        yield word
    else:
        yield from ("".join(run) for _, run in groupby(word, wide))


def features(text: str, bits: int) -> set[int]:
    """The buckets (0 to 2**bits - 1) that a text falls into; the same ones in training and in use."""
    read = words(plain(text))
    mask = (1 << bits) - 1
    found = {f"#{min(len(read), 24).bit_length()}", *_form(text[:READ_CHARACTERS])}
    for place, word in enumerate(read):
        found.add(f"w{word}")
        if place < 2:
            found.add(f"{place}{word}")
        if place + 1 < len(read):
            found.add(f"b{word} {read[place + 1]}")
        if word[0] != "«":
            found.update(_grams(word))
    return {zlib.crc32(one.encode("utf-8", "surrogatepass")) & mask for one in found}


def _grams(word: str) -> list[str]:
    if wide(word):
        return [word[at : at + size] for size in WIDE_GRAMS for at in range(len(word) - size + 1)]
    return [f"p{word[:size]}" for size in BEGINNINGS if len(word) >= size]


def _form(text: str) -> Iterator[str]:
    """How a text is written: its length, lines and capitals, a title's prefix, the number of a change."""
    apart = text.split()
    yield f"L{len(text).bit_length()}"
    yield f"N{text.count(chr(10)).bit_length()}"
    yield f"C{sum(word[0].isupper() for word in apart).bit_length()}"
    head, colon, _ = text.partition(": ")
    if colon and " " not in head and head[:1].isalpha():
        yield "prefix"
    if text[:1].islower():
        yield "lower"
    if any(len(word) > 1 and word.isascii() and word.isalpha() and word.isupper() for word in apart):
        yield "capitals"
    if apart and apart[-1].strip("()").startswith("#"):
        yield "number"


class TextModel:
    """Weights for some labels. `tell` is pure and safe for threads."""

    def __init__(self, head: dict[str, object], weights: bytes) -> None:
        self.labels: list[str] = list(head["labels"])  # type: ignore[call-overload]
        self.bits = int(head["bits"])  # type: ignore[call-overload]
        self._scales: list[float] = list(head["scales"])  # type: ignore[call-overload]
        self._biases: list[float] = list(head["biases"])  # type: ignore[call-overload]
        self._doubt = float(head["doubt"])  # type: ignore[arg-type]
        self._usual: list[float] = list(head["usual"])  # type: ignore[call-overload]
        size = 1 << self.bits
        signed = memoryview(weights).cast("b")
        self._weights = [signed[at * size : (at + 1) * size] for at in range(len(self.labels))]

    def scores(self, text: str) -> list[float]:
        """The raw score of each label."""
        buckets = features(text, self.bits)
        length = math.sqrt(len(buckets))
        return [
            bias + scale * sum(weights[one] for one in buckets) / length
            for weights, scale, bias in zip(self._weights, self._scales, self._biases, strict=True)
        ]

    def tell(self, text: str) -> Labelled:
        """What a text is. Any text has an answer, the empty one too."""
        scores = self.scores(text)
        raised = [math.exp(score - max(scores)) for score in scores]
        sure, doubt = (1 - self._doubt) / sum(raised), self._doubt
        shares = {
            label: sure * value + doubt * usual
            for label, value, usual in zip(self.labels, raised, self._usual, strict=True)
        }
        return Labelled(max(shares, key=lambda label: shares[label]), shares)


def pack(head: dict[str, object], weights: bytes) -> bytes:
    """A model's file."""
    return json.dumps(head, sort_keys=True).encode() + b"\n" + zlib.compress(weights, 9)


@lru_cache(maxsize=4)
def load(path: Path) -> TextModel:
    """A model from its file, once in a process. Raises OSError and ValueError for one that is none."""
    head, _, packed = path.read_bytes().partition(b"\n")
    return TextModel(json.loads(head), zlib.decompress(packed))


DATA = Path(__file__).with_name("tiers.model")
SURE = 0.55
"""Below this confidence the answer is open: the dearer of the two most probable tiers is taken."""
SINKING = 0.012
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
    read = text[: 4 * READ_CHARACTERS]
    whole, parts = _one(read), [_one(part) for part in _parts(read)]
    if len(parts) < 2:
        return whole
    surest = [one for one in parts if one.cheaper is None] or [whole]
    dearest = max(surest, key=lambda one: (TIERS.index(one.tier), one.confidence))
    return dearest._replace(parts=tuple(one.tier for one in parts))


def _one(text: str) -> Classified:
    if not _tells(plain(text)):
        return Classified(TIERS[1], SILENT, TIERS[0])
    shares = load(DATA).tell(text).shares
    best, second = sorted(TIERS, key=lambda tier: shares[tier], reverse=True)[:2]
    if best == TIERS[0] and shares[TIERS[-1]] >= SINKING:
        return Classified(TIERS[1], shares[TIERS[1]], TIERS[0])
    if shares[best] >= SURE:
        return Classified(best, shares[best])
    low, high = sorted((best, second), key=TIERS.index)
    return Classified(high, shares[high], low)


def _tells(shown: str) -> int:
    """How many words of a text that `plain` has made say something; none: it names no task."""
    found = (word for word in words(shown) if word.isalpha())
    return sum(len(word) > 1 or wide(word) for word in found)


def _parts(text: str) -> list[str]:
    """The single tasks of a text that lists them, one by one or with `;` and `then` between them."""
    lines = [line.strip() for line in text.splitlines()]
    listed = [line[found.end() :] for line in lines if (found := _ITEM.match(line))]
    parts = listed if len(listed) > 1 else _JOINT.split(" ".join(text.split()))
    return [part for part in parts if _tells(part) > 1][:MOST_PARTS]
