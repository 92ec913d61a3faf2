"""What a process does, by Python's own audit events: writes, programs and connections that are not allowed.

`with watched(writable) as seen: …`; for a process of its own see `tracing`.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTS = (
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.startfile",
    "pty.spawn",
)
CONNECTS = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "urllib.Request")
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate",
           "os.utime", "shutil.rmtree", "shutil.move")  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


class Watch:
    """The events that are not allowed, while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.writable: tuple[str, ...] = ()
        self.programs: tuple[str, ...] = ()
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The audit hook."""
        if not self.on:
            return
        self.on = False
        try:
            self._judge(event, arguments)
        finally:
            self.on = True

    def _judge(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CONNECTS:
            self.seen.append(f"{event} {arguments}")
        elif event in STARTS:
            program = str(arguments[0]) if event == "subprocess.Popen" else str(arguments)
            if os.path.basename(program) not in self.programs:
                self.seen.append(f"{event} {arguments}")
        elif event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING and not isinstance(path, int):
                self._write(event, path)
        elif event in CHANGES:
            paths = arguments[:2] if event in ("os.rename", "os.link", "shutil.move") else arguments[:1]
            for path in paths:
                self._write(event, path)

    def _write(self, event: str, path: Any) -> None:
        if isinstance(path, int) or (event == "os.mkdir" and os.path.isdir(path)):  # which changes nothing
            return
        real = os.path.realpath(os.path.dirname(os.path.abspath(os.fsdecode(path))))
        if event in ("open", "os.chmod", "os.truncate", "os.utime"):  # these follow the last link too
            real = os.path.realpath(os.fsdecode(path))
        if real != os.devnull and not any(f"{real}/".startswith(f"{one}/") for one in self.writable):
            self.seen.append(f"{event} {path!r} -> {real}")


WATCH = Watch()
_installed = False


@contextmanager
def watched(*writable: os.PathLike[str], programs: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """What happens in the block and is not allowed: it stands in the list."""
    global _installed  # an audit hook stays for the life of its process
    if not _installed:
        sys.addaudithook(WATCH)
        _installed = True
    WATCH.writable = tuple(os.path.realpath(one) for one in writable)
    WATCH.programs, WATCH.seen, WATCH.on = programs, [], True
    try:
        yield WATCH.seen
    finally:
        WATCH.on = False
