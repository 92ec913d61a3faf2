"""What is made from files, and holds until one of them changes; nothing here is ever answered from memory alone."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

Value = TypeVar("Value")
Mark = tuple[str, int, int, int]
MOST_ANSWERS = 64


class Kept(Generic[Value]):
    """A value made from files; made anew when one of them has changed. An error is not kept."""

    def __init__(self, make: Callable[[], Value], paths: Callable[[], Iterable[str]]) -> None:
        self._make, self._paths = make, paths
        self._lock = threading.Lock()
        self._seen: list[Mark] = []
        self._value: Value | None = None

    def get(self) -> Value:
        """The value as the files have it now."""
        seen = [mark(path) for path in self._paths()]
        with self._lock:
            if self._value is None or seen != self._seen:
                self._value = None
                self._value = self._make()
                self._seen = seen
            return self._value


class Answers:
    """The last answers, each with the stamp of what it was made from. Safe for threads.

    A question must say all that is asked, a stamp all that the answer depends on besides; it is taken before the
    answer is made, so that a change in between makes it anew the next time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[Hashable, Any]] = {}

    def get(self, question: Hashable, stamp: Hashable, make: Callable[[], Value]) -> Value:
        """The answer. A stamp of None (what it is made from cannot tell of a change) makes it each time."""
        with self._lock:
            before = self._kept.get(question)
        if before is not None and before[0] == stamp:
            answer: Value = before[1]
            return answer
        made = make()
        if stamp is not None:
            with self._lock:
                self._kept.pop(question, None)
                self._kept[question] = (stamp, made)
                if len(self._kept) > MOST_ANSWERS:
                    del self._kept[next(iter(self._kept))]
        return made


def mark(path: str) -> Mark:
    """What changes with a file: its path, identity, size and time of change; zeros where there is none.

    Paths are text here and not `Path`: each `Path` puts its parts into the interpreter's table of strings, which
    over 100,000 calls shows in the server's memory.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 (see above)
    except (OSError, ValueError):  # no such file, or no name that a file could have
        return (path, 0, 0, 0)
    return (path, status.st_ino, status.st_size, status.st_mtime_ns)


def minute() -> int:
    """The minute that now lies in: part of the stamp of every answer in which the time of asking plays a part.

    Days and months begin with a minute in every zone, and a window such as `7d` moves by no more than that.
    """
    return int(time.time()) // 60
