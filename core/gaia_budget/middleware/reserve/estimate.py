"""How many tokens a text is at most likely, where a provider does not tell: by its signs alone, with room.

Letters make tokens of four and more signs in English, of three in most other languages; digits and marks are often
tokens of their own, and where letters, capitals and digits alternate (keys, hashes, packed data) a new token begins.
Held against the o200k vocabulary that is half as much again on prose and code, a few percent more on packed data.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gaia_budget.middleware.wire import attachments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.prices.limits import Media

LETTERS = re.compile(rb"[A-Za-z ]+")
TURNS = re.compile(rb"[a-z](?=[A-Z])|[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])")
LETTERS_A_TOKEN, BYTES_A_TOKEN = 3, 2
TURNED = (3, 4)
"""Tokens of a turn within a word, as a numerator and a denominator. A digit or mark is counted as one."""
FRAME = 16
"""What stands around a message: roles, the beginning and the end."""
HIDDEN_A_SECOND = 1_000
"""Tokens that a model writes at most in a second while nothing of it is seen; the fastest large ones write 600."""


def tokens_in(texts: Iterable[str]) -> int:
    """The tokens of some texts, with room."""
    letters = marks = other = turns = 0
    for text in texts:
        if text.isascii():
            data = text.encode()
        else:
            data = text.encode("ascii", "ignore")
            other += len(text.encode("utf-8", "replace")) - len(data)
        words = sum(map(len, LETTERS.findall(data)))
        letters += words
        marks += len(data) - words
        turns += len(TURNS.findall(data))
    more = marks - (-turns * TURNED[0] // TURNED[1])
    return -(-letters // LETTERS_A_TOKEN) - (-other // BYTES_A_TOKEN) + more


def hidden_tokens(seconds: float) -> int:
    """The most that a model can have thought unseen in so many seconds."""
    return int(seconds * HIDDEN_A_SECOND) + 1


def attached_tokens(body: object, documented: Media) -> int:
    """The most tokens of a request's images, documents, sound and films, as far as their maker documents them."""
    found = (attachments.most_tokens(one, documented) or 0 for one in attachments.found_in(body))
    return sum(found)
