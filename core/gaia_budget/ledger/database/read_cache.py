"""What was read from a ledger, cached for as long as nothing in it changes: not for a while, but exactly so long.

Whether anything was committed SQLite counts for a connection that never writes (`Watch`); PostgreSQL has snapshots.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator


class Watch:
    """The states of a file, from without every transaction. Safe for threads and in processes that were forked."""

    def __init__(self, file: str, opened: Callable[[], sqlite3.Connection]) -> None:
        self._path, self._opened = Path(file), opened
        self._lock, self._process = threading.Lock(), os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, ...] = ()
        self._of_parents: list[
            sqlite3.Connection
        ] = []  # kept, not closed: a close here would be the parent's too

    def state(self) -> object:
        """Equal to an earlier one only where nothing was committed since. None: untold."""
        if self._process != os.getpid():  # another thread may have held the lock when this process was forked
            self._lock, self._process = threading.Lock(), os.getpid()
        with self._lock:
            try:
                found = self._path.stat()
                file = (os.getpid(), found.st_dev, found.st_ino)
                if self._connection is None or file != self._file:
                    self._let_go()
                    self._connection, self._file = self._opened(), file
                return (
                    id(self._connection),
                    *file,
                    *self._connection.execute("PRAGMA data_version").fetchone(),
                )
            except (OSError, sqlite3.Error):  # what is asked next says what is wrong
                return None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None and self._file[:1] == (os.getpid(),):
            self._connection.close()
        elif self._connection is not None:
            self._of_parents.append(self._connection)
        self._connection = None


Found = TypeVar("Found")
MOST = 200
"""Readings that are kept; the one that was longest not asked for goes first."""


class ReadingTurn:
    """Who reads, and how many want the same."""

    def __init__(self) -> None:
        self.lock, self.wanted = threading.RLock(), 0


class ReadCache:
    """Readings of one state of a database. Safe for threads; what it gives is shared, so nobody may change it."""

    def __init__(self, state: Callable[[], object]) -> None:
        """`state` tells the state that a thread is answered from (`Database.state`)."""
        self._now = state
        self._lock = threading.Lock()
        self._state: object = None
        self._found: OrderedDict[Hashable, Any] = OrderedDict()
        self._turns: dict[Hashable, ReadingTurn] = {}

    def of(self, key: Hashable, read: Callable[[], Found]) -> Found:
        """What `read` reads, or read under this key while the database was as this thread sees it.

        Threads that ask for the same at once wait for the first of them.
        """
        state = self._now()
        if state is None:
            return read()
        known, found = self._kept(state, key)
        if known:
            return cast("Found", found)
        with self._alone((os.getpid(), state, key)):
            known, found = self._kept(state, key)
            return cast("Found", found) if known else self._read(state, key, read)

    def _kept(self, state: object, key: Hashable) -> tuple[bool, Any]:
        with self._lock:
            if state != self._state or key not in self._found:
                return False, None
            self._found.move_to_end(key)
            return True, self._found[key]

    def _read(self, state: object, key: Hashable, read: Callable[[], Found]) -> Found:
        found = read()
        if self._now() == state:  # else it may be of the next one
            with self._lock:
                if state != self._state:
                    self._found.clear()
                    self._state = state
                self._found[key] = found
                if len(self._found) > MOST:
                    self._found.popitem(last=False)
        return found

    @contextmanager
    def _alone(self, place: Hashable) -> Iterator[None]:
        """Let one thread in at a time; a place has the process in it, since a fork copies locks that are held."""
        with self._lock:
            turn = self._turns.setdefault(place, ReadingTurn())
            turn.wanted += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.wanted -= 1
                if not turn.wanted:
                    self._turns.pop(place, None)

    def forget(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._found.clear()
