"""What was read from a ledger, kept for as long as nothing in it changes: not for a while, but exactly so long."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gaia_budget.ledger.database.connection import Database

Found = TypeVar("Found")
MOST = 200
"""Readings that are kept; the one that was longest not asked for goes first."""


class Kept:
    """Readings of one state of a database. Safe for threads; what it gives is shared, so nobody may change it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._lock = threading.Lock()
        self._state: object = None
        self._found: OrderedDict[Hashable, Any] = OrderedDict()

    def of(self, key: Hashable, read: Callable[[], Found]) -> Found:
        """What `read` reads, or read under this key while the database was as this thread sees it."""
        state = self.db.state()
        with self._lock:
            if state is not None and state == self._state and key in self._found:
                self._found.move_to_end(key)
                return cast("Found", self._found[key])
        found = read()
        if state is not None and self.db.state() == state:  # else it may be of the next one
            with self._lock:
                if state != self._state:
                    self._found.clear()
                    self._state = state
                self._found[key] = found
                if len(self._found) > MOST:
                    self._found.popitem(last=False)
        return found

    def forget(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._found.clear()
