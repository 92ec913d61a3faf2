"""The lines of a file: those that hold a needle, found by searching large blocks, or each of them.

A line that is longer than any real one is nobody's response: it is passed over, and its length costs no memory.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from gaia_hooks.facts.tokens.torn import HEAD
from gaia_hooks.session.tail import LINE_LIMIT

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Sequence

BLOCK = 512 << 10  # fits the processor's cache, where a line's later searches find it
NEAR = 1 << 10
CLOSED = ord("}")
TOO_LONG = f"a line of more than {LINE_LIMIT >> 20} MB: no response is that large"


class Hits:
    """Iterates over (offset, line, complete) of the lines that hold one of the needles, in the file's order.

    The first needle is the one that most lines have. `line` has no line end. `complete` is False for a last line
    that has no line end yet. Of a line that is too long, `line` is empty. Afterwards `end` is the offset behind the
    last complete line, or behind what there is of one that is too long.
    """

    def __init__(self, file: io.RawIOBase, start: int, needles: Sequence[bytes], head: bytes = b"") -> None:
        """`head` is one more needle, which counts in the beginning of a line alone.

        With it, lines that do not end as a record does are given too.
        """
        self.end = start
        self._file = file
        self._needles = needles
        self._head = head

    def __iter__(self) -> Iterator[tuple[int, bytes, bool]]:
        buffer = bytearray(BLOCK)
        held = 0  # bytes of a line whose end was not yet read, at the buffer's beginning
        searched = 0  # how much of them has been searched for a line end
        self._file.seek(self.end)
        while True:
            if held == len(buffer) >= LINE_LIMIT:
                yield self.end, b"", True
                self.end += held + _rest_of_line(self._file)
                buffer, held, searched = bytearray(BLOCK), 0, 0
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
            with memoryview(buffer) as view:
                for start, stop in _spans(buffer, cut, self._needles[0], self._needles[1:], self._head):
                    yield self.end + start, bytes(view[start:stop]), True
            self.end += cut
            held = searched = filled - cut
            buffer[:held] = buffer[cut:filled]
        if any(needle in buffer[:held] for needle in self._needles):
            yield self.end, bytes(buffer[:held]), False


def _spans(
    buffer: bytearray, cut: int, needle: bytes, others: Sequence[bytes], head: bytes
) -> list[tuple[int, int]]:
    """Start and stop of each line with a needle within the first `cut` bytes, which end with a line end.

    Where a line has the first needle, it mostly stands near its end: there it is looked for first.
    """
    find, rfind = buffer.find, buffer.rfind
    found = []
    begin = 0
    while begin < cut:
        stop = find(b"\n", begin, cut)
        if rfind(needle, max(begin, stop - NEAR), stop) >= 0 or find(needle, begin, stop) >= 0:
            found.append((begin, stop))
        else:
            for other in others:
                if find(other, begin, stop) >= 0:
                    found.append((begin, stop))
                    break
            else:
                torn = begin < stop and buffer[stop - 1] != CLOSED
                if head and (torn or -1 < find(head, begin, begin + HEAD) < stop):
                    found.append((begin, stop))
        begin = stop + 1
    return found


def bounded(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The lines that follow in an open file, and how long each is; of one that is too long, only its line end is given.

    A last line without its line end is given as it is so far.
    """
    while line := file.readline(LINE_LIMIT):
        if len(line) < LINE_LIMIT or line.endswith(b"\n"):
            yield line, len(line)
        else:
            length = len(line) + _rest_of_line(file)
            yield b"\n", length


def _rest_of_line(file: io.RawIOBase | BinaryIO) -> int:
    """How many bytes follow until a line ends, or the file does; reading goes on behind them."""
    length = 0
    while block := file.read(BLOCK):
        end = block.find(b"\n") + 1
        if end:
            file.seek(end - len(block), os.SEEK_CUR)
            return length + end
        length += len(block)
    return length


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
