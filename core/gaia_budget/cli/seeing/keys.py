"""Keys as they are pressed, without Enter and without showing them."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMED = {"\x1b[A": "up", "\x1b[B": "down", "\xe0H": "up", "\xe0P": "down",
         "\n": "enter", "\r": "enter", "\x1b": "back", "\x7f": "back", "\b": "back"}  # fmt: skip


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """A function that waits so many seconds for a key and returns it: a letter, `up`, `enter`, …, or nothing."""
    if sys.platform == "win32":
        yield _windows
        return
    import termios
    import tty

    place = sys.stdin.fileno()
    before = termios.tcgetattr(place)
    try:
        tty.setcbreak(place)
        yield _posix
    finally:
        termios.tcsetattr(place, termios.TCSADRAIN, before)


def _posix(seconds: float) -> str:
    import os
    import select

    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    text = os.read(sys.stdin.fileno(), 8).decode("utf-8", "replace") if ready else ""
    return NAMED.get(text, text[:1] if not text.startswith("\x1b") else "")


def _windows(seconds: float) -> str:
    if sys.platform != "win32":
        return ""
    import msvcrt

    until = time.monotonic() + seconds
    while not msvcrt.kbhit():
        if time.monotonic() > until:
            return ""
        time.sleep(0.05)  # the console announces nothing
    first = msvcrt.getwch()
    return NAMED.get("\xe0" + msvcrt.getwch(), "") if first in ("\x00", "\xe0") else NAMED.get(first, first)
