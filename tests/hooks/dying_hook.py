"""A hook process that dies, as if killed, at its n-th system call that changes a file; a write dies half done."""

from __future__ import annotations

import os
import posix
import sys
from typing import Any

from gaia_hooks import files, main

left = int(sys.argv[1])


def dying(name: str) -> Any:
    """The call `name`, but for the last one, which ends the process before it happens."""
    real = getattr(posix, name)

    def call(*arguments: Any, **named: Any) -> Any:
        global left
        left -= 1
        if left == 0:
            if name == "write":
                real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            os.kill(os.getpid(), 9)
        return real(*arguments, **named)

    return call


CHANGING = ("write", "replace", "unlink", "mkdir", "fsync", "ftruncate")


class Mortal:
    """The `posix` module with its changing calls made mortal."""

    def __getattr__(self, name: str) -> Any:
        return dying(name) if name in CHANGING else getattr(posix, name)


files._os = Mortal()  # type: ignore[attr-defined]
main.run()
