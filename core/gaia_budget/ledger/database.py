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
from sqlalchemy.exc import DBAPIError

from gaia_budget.errors import LedgerError
from gaia_budget.ledger.failures import explained, lost, of_driver, passes
from gaia_budget.ledger.url import NO_DRIVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.sql.expression import Executable

    from gaia_budget.ledger.questions import Ask

Result = TypeVar("Result")
PATIENCE_SECONDS = 60.0
"""How long a write waits for a lock, a deadlocked rival or a restarting server before it gives up."""
TURN_MILLISECONDS = 50
"""How long a write leaves it to SQLite to wait for its lock. SQLite looks ever more rarely, in the end ten times a
second: so each wait is short, and a new one begins until the patience is used up. Else who came last goes first."""
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables


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

    def keep_out_writers(self, table: str) -> None:
        """Let no other transaction write to a table until this one ends; SQLite has one writer at a time anyway."""
        if self.db.shared:
            self.cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

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
                raise LedgerError(NO_DRIVER) from None
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

    def write(self, work: Callable[[Transaction], Result], patience_s: float | None = None) -> Result:
        """Run `work` in one transaction: all of it happens or nothing.

        It is run again after a deadlock, a serialization failure or a lost connection, so it must be idempotent
        and must not have effects outside the database. `patience_s`: how long a server that is away is waited
        for, else as long as the database was told. Raises LedgerError when the database cannot be used.
        """
        once = self._write_shared if self.shared else self._write_embedded
        return self._patiently(lambda: once(work), patience_s)

    def _patiently(self, attempt: Callable[[], Result], patience_s: float | None = None) -> Result:
        patience_s = self.patience_s if patience_s is None else min(patience_s, self.patience_s)
        deadline = time.monotonic() + patience_s
        pause = 0.005
        while True:
            try:
                return attempt()
            except Exception as error:
                problem = of_driver(error)
                if problem is None:
                    raise
                if not passes(problem) or time.monotonic() + pause > deadline:
                    raise explained(problem, self.name) from (None if self.shared else problem)
            if self.shared:  # SQLite has waited already
                time.sleep(pause)
                pause = min(pause * 2, 1.0)

    def _read(self, work: Callable[[Connection], Result]) -> Result:
        with self.engine.connect() as connection:
            return work(connection)

    def _write_embedded(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` once. The connection is kept at hand: the pool costs as much as the commit."""
        try:
            pooled = self._at_hand.pop()
        except IndexError:
            pooled = self.engine.raw_connection()
            pooled.cursor().execute(f"PRAGMA busy_timeout = {TURN_MILLISECONDS}")
        connection: sqlite3.Connection = pooled.driver_connection
        try:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            result = work(Transaction(self, cursor))
            cursor.execute("COMMIT")
        except BaseException:
            self._give_up(pooled)
            raise
        self._at_hand.append(pooled)
        return result

    def _give_up(self, pooled: Any) -> None:
        """Roll back what was not committed; a connection that cannot even do that is thrown away."""
        try:
            pooled.driver_connection.rollback()
        except sqlite3.Error:
            pooled.invalidate()
        else:
            self._at_hand.append(pooled)

    def _write_shared(self, work: Callable[[Transaction], Result]) -> Result:
        connection = self.engine.raw_connection()
        try:
            result = work(Transaction(self, connection.cursor()))
            connection.commit()
        except BaseException as error:
            problem = of_driver(error)
            if problem is not None and lost(problem):
                connection.invalidate()
            raise
        finally:
            connection.close()  # rolls back what was not committed
        return result

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
            problem = of_driver(error) or error
            raise explained(problem, self.name) from None

    def close(self) -> None:
        """Close every connection."""
        while self._at_hand:
            self._at_hand.pop().close()
        self.engine.dispose()


def _tune(connection: Any, _record: Any) -> None:
    """SQLite for many processes: few waits for the disk, and a useful cache."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise LedgerError(
            f"this Python's SQLite is {sqlite3.sqlite_version}; the ledger needs 3.37 or newer. "
            "Use a newer Python, or a PostgreSQL database (setting db)"
        )
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA wal_autocheckpoint = 8000")  # each one waits for the disk
    connection.execute("PRAGMA temp_store = MEMORY")
