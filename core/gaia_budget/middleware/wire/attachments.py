"""Images, documents, sound and video within a request, and the most tokens that they can be.

Makers document tokens by image, page and second, not by byte: a small file may hold many pages, a large one few.
What no maker documents, or nobody can read, counts with the model's whole context window.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.middleware.wire import NESTED

if TYPE_CHECKING:
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


def text_length(attachments: list[Any]) -> int:
    """How many bytes of a request are attachments, not text."""
    return sum(len(one.data) for one in attachments)
