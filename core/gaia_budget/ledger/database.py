"""The connection to SQLite or PostgreSQL: transactions that retry, and errors that say what to do.

Questions go through SQLAlchemy connections. Writes run on the raw DBAPI connection, with statements that
SQLAlchemy compiled once: that is several times faster and is what the hot paths need. Every write transaction
is idempotent, so one that a lost connection left in doubt is simply run again.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from gaia_budget.errors import InputError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine
    from sqlalchemy.sql.expression import Executable

    from gaia_budget.ledger.questions import Ask

Result = TypeVar("Result")
PATIENCE_SECONDS = 60.0
"""How long a write waits for a lock, a deadlocked rival or a restarting server before it gives up."""
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
RETRIED_STATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock


class UnfitTextError(InputError):
    """Text with signs that PostgreSQL cannot hold."""


class DamagedError(LedgerError):
    """The file is damaged, or is no ledger."""


class Transaction:
    """One write transaction on the raw connection."""

    __slots__ = ("cursor", "db")

    def __init__(self, db: Database, cursor: Any) -> None:
        self.db = db
        self.cursor = cursor

    def run(self, statement: Executable, **values: Any) -> Any:
        """Execute a statement that was compiled once; returns the cursor."""
        sql, constants = self.db.compiled(statement)
        return self.cursor.execute(sql, {**constants, **values} if constants else values)

    def text(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Execute SQL with `?` marks; returns the cursor."""
        return self.cursor.execute(self.db.marked(sql), values)

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Execute SQL with `?` marks for many rows; returns how many rows were changed."""
        if not rows:
            return 0
        self.cursor.executemany(self.db.marked(sql), rows)
        return int(self.cursor.rowcount)


class Database:
    """A database that holds ledgers. `shared` tells PostgreSQL from the embedded file."""

    def __init__(self, url: URL, patience_s: float = PATIENCE_SECONDS) -> None:
        self.url = url
        self.patience_s = patience_s
        self.shared = url.get_backend_name() == "postgresql"
        self._compiled: dict[Any, tuple[str, dict[str, Any]]] = {}
        self._marked: dict[str, str] = {}
        self._at_hand: list[Any] = []
        self.engine = self._engine()

    @property
    def name(self) -> str:
        """The URL for messages, without its password."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    def _engine(self) -> Engine:
        if self.shared:
            try:
                return create_engine(self.url, connect_args={"connect_timeout": 10})
            except ModuleNotFoundError:
                raise LedgerError(
                    'PostgreSQL needs its driver: install "gaia-token-budget[postgres]"'
                ) from None
        engine = create_engine(
            self.url,
            paramstyle="named",
            max_overflow=-1,
            connect_args={"timeout": self.patience_s, "isolation_level": None},
        )
        event.listen(engine, "connect", _tune)
        return engine

    def compiled(self, statement: Executable) -> tuple[str, dict[str, Any]]:
        """SQL of a statement and the constants in it; compiled at first use."""
        found = self._compiled.get(statement)
        if found is None:
            found = self._compiled[statement] = self.rendered(statement)
        return found

    def rendered(self, statement: Executable) -> tuple[str, dict[str, Any]]:
        """SQL of a statement and the constants in it."""
        compiled = statement.compile(  # type: ignore[attr-defined]
            dialect=self.engine.dialect, compile_kwargs={"render_postcompile": True}
        )
        return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}

    def marked(self, sql: str) -> str:
        """SQL with `?` marks in the driver's own marks."""
        if not self.shared:
            return sql
        found = self._marked.get(sql)
        if found is None:
            found = self._marked[sql] = sql.replace("%", "%%").replace("?", "%s")
        return found

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Ask a question; a lost connection is taken up again once the server is back."""
        return self._patiently(lambda: self._read(work))

    def view(self, work: Callable[[Connection], Result]) -> Result:
        """Ask several questions of one unchanging view, whatever others write meanwhile."""

        def viewing(connection: Connection) -> Result:
            if self.shared:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            else:
                connection.exec_driver_sql("BEGIN")
            try:
                return work(connection)
            finally:
                connection.rollback()

        return self.read(viewing)

    def ask(self, work: Callable[[Ask], Result]) -> Result:
        """The same for questions that are text (see `questions.Ask`)."""

        def asked(connection: Connection) -> Result:
            return work(
                lambda sql, values: connection.exec_driver_sql(self.marked(sql), tuple(values)).fetchall()
            )

        return self.read(asked)

    def write(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in one transaction: all of it happens or nothing.

        It is run again after a deadlock, a serialization failure or a lost connection, so it must be idempotent
        and must not have effects outside the database. Raises LedgerError when the database cannot be used.
        """
        return self._patiently(lambda: self._write(work))

    def _patiently(self, attempt: Callable[[], Result]) -> Result:
        deadline, pause = time.monotonic() + self.patience_s, 0.005
        while True:
            try:
                return attempt()
            except Exception as error:
                problem = _driver_error(error)
                if problem is None:
                    raise
                if not self._passing(problem) or time.monotonic() + pause > deadline:
                    raise explained(problem, self.name) from (None if self.shared else problem)
            time.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _read(self, work: Callable[[Connection], Result]) -> Result:
        with self.engine.connect() as connection:
            return work(connection)

    def _write(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` once. An embedded ledger's connection is kept at hand: the pool costs as much as the commit."""
        try:
            connection = self._at_hand.pop()
        except IndexError:
            connection = self.engine.raw_connection()
        kept = False
        try:
            cursor = connection.cursor()
            try:
                if not self.shared:
                    cursor.execute("BEGIN IMMEDIATE")
                result = work(Transaction(self, cursor))
                connection.commit()
                kept = not self.shared
            except BaseException as error:
                problem = _driver_error(error)
                if self.shared and problem is not None and _lost(problem):
                    connection.invalidate()
                raise
            return result
        finally:
            if kept:
                self._at_hand.append(connection)
            else:
                connection.close()  # rolls back what was not committed

    def _passing(self, problem: Exception) -> bool:
        """Whether the same transaction may succeed in a moment. SQLite has waited for its lock already."""
        return self.shared and (getattr(problem, "sqlstate", None) in RETRIED_STATES or _lost(problem))

    def keep_log(self) -> None:
        """Let readers and the writer of a new SQLite file work side by side (write-ahead log).

        File systems that cannot (network drives) keep the ordinary journal, which is slower and as safe.
        """
        with self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")

    def check(self) -> None:
        """Connect once, without patience: a wrong URL is told at once. Raises LedgerError."""
        try:
            self.engine.connect().close()
        except DBAPIError as error:
            problem = _driver_error(error) or error
            raise explained(problem, self.name) from None

    def close(self) -> None:
        """Close every connection."""
        while self._at_hand:
            self._at_hand.pop().close()
        self.engine.dispose()


def parse_url(text: str) -> URL:
    """A database URL. Raises InputError, which never repeats the URL: it may hold a password."""
    valid = "Valid: sqlite:///<path to a file>, postgresql://<user>@<host>/<database>"
    try:
        url = make_url(
            text.replace("postgres://", "postgresql://", 1) if text.startswith("postgres://") else text
        )
        backend = url.get_backend_name()
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise InputError(f"the database URL (setting db, GAIA_BUDGET_DB) cannot be read. {valid}") from None
    except ModuleNotFoundError:
        raise LedgerError('PostgreSQL needs its driver: install "gaia-token-budget[postgres]"') from None
    if backend not in ("sqlite", "postgresql") or (backend == "sqlite" and not url.database):
        raise InputError(f"the database URL (setting db, GAIA_BUDGET_DB) names {backend}. {valid}")
    if backend == "postgresql" and url.get_driver_name() != "psycopg":
        url = url.set(drivername="postgresql+psycopg")
    return url


def _tune(connection: Any, _record: Any) -> None:
    """SQLite for many processes: a long wait for the lock, a log that readers do not block, a useful cache."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise LedgerError(
            f"this Python's SQLite is {sqlite3.sqlite_version}; the ledger needs 3.37 or newer. "
            "Use a newer Python, or a PostgreSQL database (setting db)"
        )
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA wal_autocheckpoint = 8000")  # each one waits for the disk
    connection.execute("PRAGMA temp_store = MEMORY")


def _driver_error(error: BaseException) -> Exception | None:
    """The driver's error behind an exception, if it is one."""
    if isinstance(error, DBAPIError):
        return error.orig if isinstance(error.orig, Exception) else error
    if isinstance(error, sqlite3.Error):
        return error
    return error if type(error).__module__.startswith("psycopg") and isinstance(error, Exception) else None


def _lost(problem: Exception) -> bool:
    """Whether PostgreSQL went away, or is not there yet: classes 08 and 57P, or no state at all."""
    if type(problem).__name__ == "PoolTimeout":
        return True
    state = getattr(problem, "sqlstate", None)
    if state is None:
        return type(problem).__name__ == "OperationalError"
    return str(state).startswith(("08", "57P"))


def explained(problem: Exception, name: str) -> Exception:
    """A driver's error in words that say what is wrong and how to mend it; never with values or passwords."""
    state = getattr(problem, "sqlstate", None) or getattr(problem, "sqlite_errorname", "") or ""
    said = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
    for prefixes, text in CURES:
        if str(state).startswith(prefixes):
            kind = DamagedError if prefixes == DAMAGED else LedgerError
            return kind(f"{name}: {text}")
    if not state and type(problem).__name__ == "DataError":
        return UnfitTextError("the ledger refused a text with a NUL sign in it")
    if isinstance(problem, sqlite3.IntegrityError) or str(state).startswith(("22", "23")):
        return InputError(f"the ledger refused a row ({state}): {said.split('DETAIL')[0]}")
    return LedgerError(f"{name}: {said}")


DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
CURES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "another process has kept the ledger locked for too long. Nothing was written; end that process, or try "
        "again",
    ),
    (("SQLITE_READONLY",), "the ledger is read-only. Give yourself write access to the file and its folder"),
    (("SQLITE_FULL", "53100"), "the disk is full. Nothing was written; make room and try again"),
    (("SQLITE_CANTOPEN",), "cannot open the file. Its folder must exist and be writable"),
    (
        DAMAGED,
        "the file is damaged or is no ledger. Move it away; `gaia-budget ingest` makes a new one from the "
        "transcripts and logs, and backups/ holds the copies made before upgrades",
    ),
    (("SQLITE_IOERR",), "the disk reported an error. Nothing was written; check the disk"),
    (("28",), "the server refused the user or password of the database URL"),
    (("3D",), "there is no such database on the server. Create it with createdb"),
    (("42501",), "this database user may not do that. Grant it the rights on the schema"),
    (("25006",), "the server is read-only (a standby?). Point the database URL to the primary"),
)
