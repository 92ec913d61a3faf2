"""A small text classifier: hashed words, their beginnings and n-grams, a linear model, weights shipped as data.

Pure Python, offline, the same answer on every machine; a few milliseconds and megabytes. It is made for short texts in
any language, and knows nothing of what its labels mean: `routing` sorts tasks with it, and whoever has other labels
trains weights of their own (`python bench/train_text_model.py LABELLED.tsv OUT.model`, a line per text:
source<TAB>label<TAB>text) and calls `load(path).tell(text)`.

A model's file is one line of JSON (labels, bits, scales, biases, temperature, calibration) and the zlib-compressed
weights: one signed byte per label and bucket, label by label.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
import zlib
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

READ_CHARACTERS = 600
"""What is read of a text: the request stands at its beginning, and what is pasted below says little."""
BEGINNINGS = (4, 5, 6)
"""Characters of a word's beginning, which most languages leave as it is when they bend the word."""
WIDE_GRAMS = (1, 2, 3)
"""Lengths of character n-grams in scripts that write no blanks between words."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`", re.DOTALL)
_LINK = re.compile(r"https?://\S+|www\.\S+")
_FILE = re.compile(
    r"(?<!\w)[\w./\\-]*\w\.(?:[a-z]{1,4}|json|yaml|toml|html|java|proto)(?!\w)", re.IGNORECASE | re.ASCII
)
_NAME = re.compile(
    r"(?<!\w)(?:[a-z]+[A-Z]\w*|[A-Z]+[a-z]+[A-Z]\w*|\w+_\w+|\w+(?:::|->|\.)\w[\w.:()]*|--?\w[\w-]+)", re.ASCII
)
_HASH = re.compile(r"(?<!\w)(?:[0-9a-f]{7,40}|#\d+)(?!\w)", re.ASCII)
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"«\w+»|[^\W_]+|[?!:]")
_WIDE = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+)")


class Told(NamedTuple):
    """The most probable label, how often such an answer is right (0 to 1), and the probability of each label."""

    label: str
    confidence: float
    shares: dict[str, float]


def plain(text: str) -> str:
    """The text as the model reads it: code, links, files, identifiers, hashes and numbers are told only as such."""
    shown = unicodedata.normalize("NFKC", text[: 4 * READ_CHARACTERS])
    for pattern, mark in ((_CODE, " «code» "), (_LINK, " «link» "), (_FILE, " «file» "), (_NAME, " «name» "),
                          (_HASH, " «hash» ")):  # fmt: skip
        shown = pattern.sub(mark, shown)
    return _NUMBER.sub("0", " ".join(shown.casefold().split())[:READ_CHARACTERS])


def features(text: str, bits: int) -> set[int]:
    """The buckets (0 to 2**bits - 1) that a text falls into; the same ones in training and in use."""
    words = _WORD.findall(_WIDE.sub(r" \1 ", plain(text)))
    mask = (1 << bits) - 1
    found: set[str] = {f"#{min(len(words), 24).bit_length()}"}
    for place, word in enumerate(words):
        found.add(f"w{word}")
        if place < 2:
            found.add(f"{place}{word}")
        if place + 1 < len(words):
            found.add(f"b{word} {words[place + 1]}")
        if word[0] != "«":
            found.update(_grams(word))
    return {zlib.crc32(one.encode("utf-8", "surrogatepass")) & mask for one in found}


def _grams(word: str) -> list[str]:
    if _WIDE.match(word):
        return [word[at : at + size] for size in WIDE_GRAMS for at in range(len(word) - size + 1)]
    return [f"p{word[:size]}" for size in BEGINNINGS if len(word) >= size]


class TextModel:
    """Weights for some labels. `tell` is pure and safe for threads."""

    def __init__(self, head: dict[str, object], weights: bytes) -> None:
        self.labels: list[str] = list(head["labels"])  # type: ignore[call-overload]
        self.bits = int(head["bits"])  # type: ignore[call-overload]
        self._scales: list[float] = list(head["scales"])  # type: ignore[call-overload]
        self._biases: list[float] = list(head["biases"])  # type: ignore[call-overload]
        self._temperature = float(head["temperature"])  # type: ignore[arg-type]
        self._calibration: list[list[float]] = list(head["calibration"])  # type: ignore[call-overload]
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

    def tell(self, text: str) -> Told:
        """What a text is. Any text has an answer, the empty one too."""
        raised = [math.exp((score - 0.0) / self._temperature) for score in self.scores(text)]
        shares = {label: value / sum(raised) for label, value in zip(self.labels, raised, strict=True)}
        best = max(shares, key=lambda label: shares[label])
        return Told(best, self._right(shares[best]), shares)

    def _right(self, share: float) -> float:
        """How often an answer of that probability was right, read off the calibration's line."""
        line = self._calibration
        if not line or share <= line[0][0]:
            return line[0][1] if line else share
        for (low, right), (high, better) in pairwise(line):
            if share <= high:
                return right + (better - right) * (share - low) / (high - low)
        return line[-1][1]


def pack(head: dict[str, object], weights: bytes) -> bytes:
    """A model's file."""
    return json.dumps(head, sort_keys=True).encode() + b"\n" + zlib.compress(weights, 9)


@lru_cache(maxsize=4)
def load(path: Path) -> TextModel:
    """A model from its file, once in a process. Raises OSError and ValueError for one that is none."""
    head, _, packed = path.read_bytes().partition(b"\n")
    return TextModel(json.loads(head), zlib.decompress(packed))
