"""Reading the embedded ledger for whoever only asks: the standard library alone, ready in a millisecond.

It asks the same questions as `Ledger` (`questions`, `months`), never writes, and never makes or upgrades a file.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gaia_budget import places
from gaia_budget.errors import LedgerError
from gaia_budget.ledger import months, questions
from gaia_budget.ledger.measures import SCHEMA_VERSION
from gaia_budget.ledger.zone import Zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.ledger.zone import When
    from gaia_budget.settings import Settings

PATIENCE_SECONDS = 2.0
"""How long a question waits for a locked file: a log that readers do not block is locked for moments only."""


def embedded_file(settings: Settings) -> Path | None:
    """Where the embedded ledger lies; None where the setting `db` names a server."""
    if not settings.db:
        return places.home() / "ledger.db"
    return Path(settings.db.removeprefix("sqlite:///")) if settings.db.startswith("sqlite:///") else None


class Reader:
    """One organisation's embedded ledger, read only. Safe for threads.

    Raises LedgerError from every method when the file cannot be used: missing, locked, damaged, or newer.
    """

    def __init__(self, file: Path, settings: Settings) -> None:
        self.file = file
        self.org = settings.org
        self.zone = Zone(settings.zone)
        self._lock = threading.Lock()
        if not file.is_file():
            raise LedgerError(
                "there is no ledger yet: nothing has been taken in. `gaia-budget ingest` makes it"
            )
        try:
            self._connection = sqlite3.connect(
                f"file:{quote(file.as_posix())}?mode=rw",
                uri=True,
                timeout=PATIENCE_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise self._explained(error) from None
        try:
            self._connection.execute("PRAGMA query_only = 1")
            self._check()
        except sqlite3.Error as error:
            self.close()
            raise self._explained(error) from None
        except LedgerError:
            self.close()
            raise

    def _check(self) -> None:
        [(version,)] = self._connection.execute("SELECT coalesce(max(number), 0) FROM migrations")
        if version != SCHEMA_VERSION:
            cure = "upgrade gaia-token-budget" if version > SCHEMA_VERSION else "run `gaia-budget ingest`"
            raise LedgerError(
                f"{self.file}: schema {version}, and this program reads {SCHEMA_VERSION}: {cure}"
            )
        row = self._connection.execute("SELECT zone_offsets FROM orgs WHERE org = ?", (self.org,)).fetchone()
        if row is not None and row[0] != self.zone.fingerprint():
            raise LedgerError("the time zone has changed since the last ingest: run `gaia-budget ingest`")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def version(self) -> int:
        """A number that changes when another process has written to the ledger."""
        return int(self._ask("PRAGMA data_version", ())[0][0])

    def spend(
        self,
        by: Sequence[str] = ("module",),
        since: When = None,
        until: When = None,
        module: str | None = None,
        session: str | None = None,
    ) -> questions.Spend:
        """As `Ledger.spend`."""
        now = time.time_ns() // 1000
        start, end = self.zone.instant(since, now), self.zone.instant(until, now, end=True)
        return questions.spend(
            self._ask, self.zone, questions.Range(self.org, start, end, module, session), by
        )

    def month(self, module: str) -> months.MonthSpend:
        """A module's current calendar month, as `Ledger.month`."""
        number = questions.bucket(self.zone, "month", time.time_ns() // 1000)
        return months.months(self._ask, self.zone, self.org, number, module)[module]

    def _ask(self, sql: str, values: Sequence[Any]) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def _explained(self, error: sqlite3.Error) -> LedgerError:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return LedgerError("another process keeps the ledger locked; ask again in a moment")
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")) or "no such table" in str(error):
            return LedgerError(
                f"{self.file} is damaged or is no ledger: move it away and run `gaia-budget ingest`"
            )
        return LedgerError(f"{self.file}: {error}")


def recorded_outcomes(file: Path, org: str, tasks: Sequence[str]) -> list[tuple[int, str, bool]]:
    """(ts, model, ok) of what users said of tasks of these names, oldest first; none where nothing was ever recorded.

    For whoever has not loaded the settings. Raises LedgerError.
    """
    if not file.is_file():
        return []
    try:
        connection = sqlite3.connect(
            f"file:{quote(file.as_posix())}?mode=rw", uri=True, timeout=PATIENCE_SECONDS
        )
        try:
            named = ", ".join("?" * len(tasks))
            question = f"SELECT ts, model, ok FROM outcomes WHERE org = ? AND task IN ({named}) ORDER BY ts"  # noqa: S608 (marks alone)
            return [(ts, model, bool(ok)) for ts, model, ok in connection.execute(question, (org, *tasks))]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise LedgerError(f"{file} cannot be read: {error}. `gaia-budget doctor` says more") from None
