"""How far a growing file has been read, and how to notice that it is no longer that file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import io
    import os

MARK_BYTES = 64


class Position(msgspec.Struct, array_like=True, frozen=True):
    """An offset in a file, the file's identity, and a hash of the bytes just before the offset."""

    offset: int = 0
    inode: int = 0
    size: int = 0
    mtime_ns: int = 0
    mark: str = ""

    def is_current(self, status: os.stat_result) -> bool:
        """Whether the file is as it was left, by what the file system tells without opening it."""
        now = (status.st_ino, status.st_size, status.st_mtime_ns)
        return (self.inode, self.size, self.mtime_ns) == now

    def continues(self, file: io.RawIOBase | io.BufferedIOBase, status: os.stat_result) -> bool:
        """Whether the open file is the one that was read, grown or not: neither truncated nor replaced."""
        same = status.st_ino == self.inode and status.st_size >= self.offset
        return same and _mark(file, self.offset) == self.mark


def position(file: io.RawIOBase | io.BufferedIOBase, offset: int, status: os.stat_result) -> Position:
    """The position at an offset of an open file."""
    return Position(offset, status.st_ino, status.st_size, status.st_mtime_ns, _mark(file, offset))


def _mark(file: io.RawIOBase | io.BufferedIOBase, offset: int) -> str:
    start = max(0, offset - MARK_BYTES)
    file.seek(start)
    return hashlib.blake2b(file.read(offset - start) or b"", digest_size=12).hexdigest()
