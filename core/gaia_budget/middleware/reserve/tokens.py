"""How many tokens a request's parts are: attachments by what makers document, a text by its signs alone.

Makers document the tokens of images, documents, sound and video by image, page and second, not by byte: a small file
may hold many pages, a large one few. What no maker documents, or nobody can read, counts with the model's whole context
window.

Texts are estimated, with room, where a provider does not tell. Letters make tokens of four and more signs in English,
of three in most other languages; digits and marks are often tokens of their own, and where letters, capitals and digits
alternate (keys, hashes, packed data) a new token begins. Held against the o200k vocabulary that is half as much again
on prose and code, a few percent more on packed data.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.middleware.wire import NESTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.prices.limits import Media

MIME_KEYS = ("media_type", "mimeType", "mime_type", "format")
DATA_URL = re.compile(r"data:(?P<mime>[\w.+-]*/?[\w.+-]*)[^,]{0,200},")
SOUND = frozenset({"wav", "mp3", "flac", "opus", "pcm16", "aac", "ogg"})
PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
PAGE_COUNT = re.compile(rb"/Count\s+(\d{1,6})")
STREAM = re.compile(rb"stream\r?\n")
MOST_PAGES = 1_000
"""No provider takes a longer document."""
INFLATED = 64 << 20  # bytes of packed pages that are looked at
LEAST_SOUND_RATE = 500
"""Bytes of a second of sound at least: packed speech at four kilobits a second."""
LETTERS = re.compile(rb"[A-Za-z ]+")
TURNS = re.compile(rb"[a-z](?=[A-Z])|[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])")
LETTERS_A_TOKEN, BYTES_A_TOKEN = 3, 2
TURNED = (3, 4)
"""Tokens of a turn within a word, as a numerator and a denominator. A digit or mark is counted as one."""
FRAME = 16
"""What stands around a message: roles, the beginning and the end."""
HIDDEN_A_SECOND = 1_000
"""Tokens that a model writes at most in a second while nothing of it is seen; the fastest large ones write 600."""


class Attachment(NamedTuple):
    """A piece of content that is not text: its type, and its base64 as it stands in the request."""

    mime: str
    data: str


def found_in(value: object) -> list[Attachment]:
    """Every attachment of a request's body."""
    found: list[Attachment] = []
    _collect(value, found)
    return found


def _collect(value: object, found: list[Attachment]) -> None:
    if isinstance(value, str):
        if value.startswith("data:") and (head := DATA_URL.match(value)):
            found.append(Attachment(head["mime"].lower(), value[head.end() :]))
    elif isinstance(value, dict):
        data = value.get("data")
        if isinstance(data, str) and not data.startswith("data:"):
            mime = next((value[key] for key in MIME_KEYS if isinstance(value.get(key), str)), "")
            if mime:
                found.append(Attachment(mime.lower(), data))
                return
        for inner in value.values():
            if isinstance(inner, NESTED) or (isinstance(inner, str) and inner.startswith("data:")):
                _collect(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, found)


def most_tokens(one: Attachment, documented: Media) -> int | None:
    """The most tokens that an attachment can be; None where nothing bounds it but the context window."""
    mime = one.mime
    if mime.startswith("image/"):
        return documented.image or None
    if mime.startswith("text/"):
        return len(one.data)
    content = _decoded(one.data)
    if mime == "application/pdf":
        return _pages(content) * documented.page or None
    if mime.startswith("audio/") or mime in SOUND:
        return (len(content) // LEAST_SOUND_RATE + 1) * documented.audio_second or None
    if mime.startswith("video/") and (seconds := _video_seconds(content)) is not None:
        return seconds * documented.video_second or None
    return None


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(
            data + "=" * (-len(data) % 4), altchars=b"-_" if "-" in data or "_" in data else None
        )
    except (ValueError, binascii.Error):
        return data.encode("utf-8", "replace")


def _pages(content: bytes) -> int:
    """The pages of a PDF, also of one whose objects are packed; the most a provider takes where none are found."""
    left, count, found = INFLATED, 0, len(PAGE.findall(content))
    for number in PAGE_COUNT.findall(content):
        count = max(count, int(number))
    for head in STREAM.finditer(content):
        if left <= 0:
            return MOST_PAGES
        try:
            plain = zlib.decompressobj().decompress(content[head.end() :], left)
        except zlib.error:
            continue
        left -= len(plain)
        found += len(PAGE.findall(plain))
        count = max([count, *(int(number) for number in PAGE_COUNT.findall(plain))])
    return min(max(found, count) or MOST_PAGES, MOST_PAGES)


def _video_seconds(content: bytes) -> int | None:
    """The length of an MP4 or QuickTime film by its own header; None for what has none."""
    at = content.find(b"mvhd")
    if at < 0 or len(content) < at + 36:
        return None
    wide = content[at + 4] == 1
    scale_at, size = (at + 24, 8) if wide else (at + 16, 4)
    scale = int.from_bytes(content[scale_at : scale_at + 4], "big")
    length = int.from_bytes(content[scale_at + 4 : scale_at + 4 + size], "big")
    return -(-length // scale) if scale else None


def attached_tokens(body: object, documented: Media) -> int:
    """The most tokens of a request's images, documents, sound and films, as far as their maker documents them."""
    return sum(most_tokens(one, documented) or 0 for one in found_in(body))


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
