"""The lines of a file that hold a needle, found by searching large blocks instead of splitting every line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Sequence

BLOCK = 4 << 20


class Hits:
    """Iterates over (offset, line, complete) of the lines that hold one of the needles, in the file's order.

    `line` has no line end. `complete` is False for a last line that has no line end yet. Afterwards `end` is the
    offset behind the last complete line.
    """

    def __init__(self, file: io.RawIOBase, start: int, needles: Sequence[bytes]) -> None:
        self.end = start
        self._file = file
        self._needles = needles

    def __iter__(self) -> Iterator[tuple[int, bytes, bool]]:
        buffer = bytearray(BLOCK)
        held = 0  # bytes of a line whose end was not yet read, at the buffer's beginning
        searched = 0  # how much of them has been searched for a line end
        self._file.seek(self.end)
        while True:
            if held == len(buffer):
                buffer.extend(bytes(len(buffer)))  # a line longer than the block
            with memoryview(buffer) as view:
                count = self._file.readinto(view[held:]) or 0
            filled = held + count
            if not count:
                break
            cut = buffer.rfind(b"\n", searched, filled) + 1
            if not cut:
                held = searched = filled
                continue
            for start, stop in self._spans(buffer, cut):
                yield self.end + start, bytes(memoryview(buffer)[start:stop]), True
            self.end += cut
            held = searched = filled - cut
            buffer[:held] = buffer[cut:filled]
        if any(needle in buffer[:held] for needle in self._needles):
            yield self.end, bytes(buffer[:held]), False

    def _spans(self, buffer: bytearray, cut: int) -> Iterator[tuple[int, int]]:
        """Start and stop of each line with a needle within the first `cut` bytes, which end with a line end."""
        places = [buffer.find(needle, 0, cut) for needle in self._needles]
        while True:
            ahead = [place for place in places if place >= 0]
            if not ahead:
                return
            at = min(ahead)
            start, stop = buffer.rfind(b"\n", 0, at) + 1, buffer.find(b"\n", at, cut)
            yield start, stop
            for index, needle in enumerate(self._needles):
                if 0 <= places[index] < stop:
                    places[index] = buffer.find(needle, stop, cut)


def line_number(file: io.RawIOBase, offset: int) -> int:
    """The number, from 1, of the line that begins at an offset; counted only when somebody must be told."""
    file.seek(0)
    number, left = 1, offset
    while left > 0:
        block = file.read(min(left, BLOCK))
        if not block:
            break
        number += block.count(b"\n")
        left -= len(block)
    return number
