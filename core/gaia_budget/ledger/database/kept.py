"""What was read from a ledger, kept for as long as nothing in it changes: not for a while, but exactly so long.

SQLite tells a connection that never writes when any other one has committed (`PRAGMA data_version`). Two equal
snapshots of PostgreSQL mean that no transaction has ended between them. Where the rows lie on other servers (Citus)
that is not so, and nothing is kept.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gaia_budget.ledger.database.connection import Database

Found = TypeVar("Found")
MOST = 200
"""Readings that are kept; the one that was longest not asked for goes first."""
SNAPSHOT = "SELECT pg_current_snapshot()::text, EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')"


class Kept:
    """Readings of one database. Safe for threads; what it gives is shared, so nobody may change it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._lock = threading.Lock()
        self._state: object = None
        self._found: OrderedDict[Hashable, Any] = OrderedDict()
        self._watch: sqlite3.Connection | None = None
        self._file: tuple[int, ...] = ()

    def of(self, key: Hashable, read: Callable[[], Found]) -> Found:
        """What `read` reads, or read under this key since the database last changed."""
        with self._lock:
            state = self._now()
            if state is None or state != self._state:
                self._found.clear()
                self._state = state
            elif key in self._found:
                self._found.move_to_end(key)
                return cast("Found", self._found[key])
        found = read()
        with self._lock:
            # what was committed meanwhile may be in it, and then the state is another one at the next question
            if state is not None and state == self._state:
                self._found[key] = found
                if len(self._found) > MOST:
                    self._found.popitem(last=False)
        return found

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._found.clear()
            self._let_go()

    def _now(self) -> object:
        """The state of the database: equal to an earlier one only where nothing was committed since; None: untold."""
        if self.db.shared:
            [(snapshot, spread)] = self.db.ask(lambda ask: ask(SNAPSHOT, ()))
            return None if spread else snapshot
        try:
            found = Path(self.db.address.file).stat()
            file = (os.getpid(), found.st_dev, found.st_ino)
            if self._watch is None or file != self._file:
                self._let_go()
                self._watch, self._file = self.db.opened_file(), file
            return (id(self._watch), *file, *self._watch.execute("PRAGMA data_version").fetchone())
        except (OSError, sqlite3.Error):  # what is asked next says what is wrong
            return None

    def _let_go(self) -> None:
        if self._watch is not None and self._file[:1] == (os.getpid(),):
            self._watch.close()
        self._watch = None
