"""An embedded ledger in a place that may only be read: SQLite wants to write beside the file even to read it.

Where no log of writes stands beside the file, it is read as one that nobody changes. Else what the log holds belongs
to it: both are copied, and the copy is read. Either is opened anew once the files or the place have changed.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import quote

from gaia_budget import places

LOGS = ("-wal", "-journal")
MOST_COPIED = 256 << 20
TRIES = 3
"""How often a ledger is copied that others write meanwhile."""
SIGNS = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR_DELETE")
"""What SQLite says where it may not write beside a file."""


class Still(sqlite3.Connection):
    """A connection that sees a file as it was when it was opened, and never writes to it."""

    seen: tuple[object, ...]


def outlook(file: str) -> tuple[object, ...]:
    """Equal to an earlier one only where neither a file, its logs nor the right to write there have changed."""
    return (places.may_write(Path(file).parent), *map(_told, (file, *(file + log for log in LOGS))))


def is_of_now(connection: sqlite3.Connection, file: str) -> bool:
    """Whether a connection sees its file as it is: each does that follows what others write."""
    return not isinstance(connection, Still) or connection.seen == outlook(file)


def opened(file: str, problem: sqlite3.Error) -> Still | None:
    """A file that could not be opened as usual, still; None where that is no cure."""
    if not getattr(problem, "sqlite_errorname", "").startswith(SIGNS):
        return None
    seen = outlook(file)
    with contextlib.suppress(OSError, sqlite3.Error):
        found = _copied(file) if any(map(_size, (file + log for log in LOGS))) else _unchanging(file)
        if found is not None:
            found.seen = seen
        return found
    return None


def _told(name: str) -> tuple[int, ...]:
    try:
        found = Path(name).stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _size(name: str) -> int:
    return (*_told(name), 0, 0, 0)[2]


def _unchanging(file: str) -> Still:
    return _ready(_connected(f"file:{quote(file)}?mode=ro&immutable=1"))


def _copied(file: str) -> Still | None:
    """What file and logs say together, in a database that is gone with its connection; None of a large one."""
    if sum(_size(name) for name in (file, *(file + log for log in LOGS))) > MOST_COPIED:
        return None
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory(prefix="gaia-budget-") as folder:
            before, copy = outlook(file), Path(folder, "ledger.db")
            for ending in ("", *LOGS):
                if _told(file + ending):
                    shutil.copyfile(file + ending, f"{copy}{ending}")
            if outlook(file) == before:
                return _taken_over(copy)
    return None


def _taken_over(copy: Path) -> Still:
    source = sqlite3.connect(copy)
    try:
        found = _connected("")
        source.backup(found)
    finally:
        source.close()
    return _ready(found)


def _connected(name: str) -> Still:
    return sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False, factory=Still)


def _ready(connection: Still) -> Still:
    """Raises sqlite3.Error where it cannot be read."""
    try:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA schema_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
