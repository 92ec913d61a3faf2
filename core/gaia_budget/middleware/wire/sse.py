"""Server-sent events out of byte chunks, as they arrive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

END_OF_EVENT = re.compile(rb"\r?\n\r?\n|\r\r")
END_OF_LINE = re.compile(rb"\r\n|\n|\r")
LONGEST_END = 4


class Sse(NamedTuple):
    """One event: its bytes as they came, and the data they carry."""

    raw: bytes
    data: bytes


class SseReader:
    """Cuts a byte stream into events (WHATWG HTML, "Server-sent events"); chunks may end anywhere."""

    __slots__ = ("_buffer", "_searched")

    def __init__(self) -> None:
        self._buffer = b""
        self._searched = 0

    def feed(self, chunk: bytes) -> Iterator[Sse]:
        """The events that this chunk completes."""
        self._buffer += chunk
        start = 0
        while found := END_OF_EVENT.search(self._buffer, max(start, self._searched)):
            yield _event(self._buffer[start : found.end()])
            start = self._searched = found.end()
        self._buffer = self._buffer[start:]
        self._searched = max(0, len(self._buffer) - LONGEST_END)

    def rest(self) -> Sse | None:
        """What stands after the last complete event when the stream has ended."""
        left, self._buffer, self._searched = self._buffer, b"", 0
        return _event(left) if left else None


def _event(raw: bytes) -> Sse:
    lines = (line for line in END_OF_LINE.split(raw) if line.startswith(b"data:"))
    return Sse(raw, b"\n".join(line[5:].removeprefix(b" ") for line in lines))
