"""Whether anything was committed to an embedded file: counted by SQLite, for a connection that never writes."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Watch:
    """The states of a file, from without every transaction. Safe for threads and in processes that were forked."""

    def __init__(self, file: str, opened: Callable[[], sqlite3.Connection]) -> None:
        self._path, self._opened = Path(file), opened
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, ...] = ()

    def state(self) -> object:
        """Equal to an earlier one only where nothing was committed since. None: untold."""
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
        self._connection = None
