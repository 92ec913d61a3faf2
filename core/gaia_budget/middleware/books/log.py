"""The ARGUS logs of the modules: the line of a call, and appending one with every call."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from operator import attrgetter
from typing import TYPE_CHECKING
from weakref import WeakSet

import msgspec

from gaia_hooks.facts.tokens import usage
from gaia_hooks.machine import files, jsonio
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from gaia_budget.middleware.books.journal import Settlement

if sys.platform != "win32":
    import fcntl

COUNTS = (*usage.FIELDS, "recached_tokens")
_counts_of = attrgetter(*COUNTS)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
CLEAN, TORN = b"0", b"1"
"""What stands in the second byte of a lock: no line is being written, or one was begun (see `files.Lock.mark`)."""
_known: WeakSet[Appender] = WeakSet()


def line_of(settlement: Settlement) -> bytes:
    """The ARGUS line of a call."""
    event = settlement.event
    return argus.call_line(
        dict(zip(COUNTS, _counts_of(event), strict=True)),
        ts=event.ts,
        module=event.module,
        task=event.task,
        model=event.model,
        provider=event.provider,
        event_id=event.event_id,
        cost_nano=event.cost_nano,
        price_source=event.price_source,
        source=event.source,
        billing=event.billing,
        session_id=event.session_id,
        correlation_id=event.correlation_id,
        status=event.status,
        duration_ms=event.duration_ms,
        details=settlement.details,
        more={"kind": event.kind},
        dumps=_ascii,
    )


def _ascii(line: object) -> bytes:
    """JSON in ASCII: at once where nothing else is in it, as with nearly every call."""
    try:
        data = msgspec.json.encode(line)
    except UnicodeEncodeError:  # half of a surrogate pair
        return jsonio.dumps(line)
    return data if data.isascii() else jsonio.dumps(line)


def stands_in(path: str, event_id: str) -> bool:
    """Whether a line with this id is in a log or in the one that was rotated away last."""
    needle = event_id.encode()
    for place in (path, path + ".1"):
        try:
            if needle in files.read(place):
                return True
        except FileNotFoundError:
            continue
    return False


class Appender:
    """One log: what `files.append` does, with lock and log kept open between two lines.

    Safe for threads; a process that was forked opens its own, for a lock is shared with its handle.
    Whatever is not as the last line left it (another file lies there, a line is torn, somebody else writes just now)
    is for `files.append`, as is everything on Windows, where nobody could move a log that is open.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._lock = self._log = -1
        self._size, self._inode = 0, 0
        _known.add(self)

    def __del__(self) -> None:
        self._let_go()

    def append(self, data: bytes) -> None:
        """Append whole lines. Raises OSError."""
        with self._turn:
            if self._log >= 0 and self._appended(data):
                return
            self._let_go()
            self._size, self._inode = files.append(self._path, data)
            with contextlib.suppress(OSError):  # a link, say: it is opened anew for each line
                self._keep()

    def forked(self) -> None:
        """In a process that was forked: let go at once what is its parent's, whose lock stays held with it else."""
        self._turn = threading.Lock()
        with contextlib.suppress(OSError):  # closed by another thread just before
            self._let_go()

    def _keep(self) -> None:
        if sys.platform == "win32":
            return
        try:
            self._lock = os.open(f"{self._path}.lock", files.UPDATE | NO_LINK)
            self._log = os.open(self._path, files.APPEND & ~os.O_CREAT | NO_LINK)
            if os.fstat(self._log).st_ino != self._inode:
                self._let_go()
        except OSError:
            self._let_go()
            raise

    def _let_go(self) -> None:
        held, self._lock, self._log = (self._lock, self._log), -1, -1
        for handle in held:
            if handle >= 0:
                os.close(handle)

    def _appended(self, data: bytes) -> bool:
        """Append where everything is in order; nothing is done where it is not."""
        if sys.platform == "win32":
            return False
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        try:
            if not self._is_in_order():
                return False
            os.pwrite(self._lock, TORN, 1)
            files.write_all(self._log, data)
            os.pwrite(self._lock, CLEAN, 1)
            self._size += len(data)
            return True
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _is_in_order(self) -> bool:
        """Whether the lock and the log are still those of their names, and the log ends with a whole line."""
        size, inode = files.size_and_identity(self._path)
        if inode != self._inode or not os.fstat(self._lock).st_nlink:
            return False
        if size != self._size:  # others write to it too
            self._size = size
            whole = self._size > 0 and os.pread(self._log, 1, self._size - 1) == b"\n"
            return whole and os.pread(self._lock, 1, 1) != TORN
        return True


def _after_fork() -> None:
    for kept in list(_known):
        kept.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
