"""The connection to SQLite or PostgreSQL: transactions that retry, and errors that say what to do.

One style for both: SQL as text with `?` marks, on the driver's own connection. Every write transaction is
idempotent, so one that a lost connection left in doubt is simply run again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from gaia_budget.ledger.database import read_only
from gaia_budget.ledger.database.failures import explained, lost, of_driver, passes
from gaia_budget.ledger.database.pool import Pool
from gaia_budget.ledger.database.read_cache import Watch
from gaia_budget.ledger.database.url import TURN_MILLISECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gaia_budget.ledger.database.url import Address

Result = TypeVar("Result")
Ask = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs SQL with `?` marks, which every database that holds a ledger understands, and gives its rows."""
PATIENCE_SECONDS = 60.0
"""How long a write waits for a lock, a deadlocked rival or a restarting server before it gives up."""


class Transaction:
    """One write transaction. `text` executes SQL with `?` marks and returns the cursor."""

    __slots__ = ("cursor", "db", "text")

    def __init__(self, db: Database, cursor: Any) -> None:
        self.db = db
        self.cursor = cursor
        self.text: Callable[..., Any] = self._marked if db.shared else cursor.execute

    def _marked(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self.cursor.execute(self.db.marked(sql), values)

    def locked(self, sql: str, values: Sequence[Any] = (), how: str = "FOR UPDATE") -> Any:
        """The same for rows that are read to be changed: rivals wait. An embedded ledger has one writer anyway."""
        return self.text(f"{sql} {how}" if self.db.shared else sql, values)

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Execute SQL with `?` marks for many rows; returns how many rows were changed."""
        if not rows:
            return 0
        self.cursor.executemany(self.db.marked(sql), rows)
        return int(self.cursor.rowcount)

    def keep_out_writers(self, table: str) -> None:
        """Let no other transaction write to a table until this one ends; SQLite has one writer at a time anyway."""
        if self.db.shared:
            self.cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


class Database:
    """A database that holds ledgers. `shared` tells PostgreSQL from the embedded file. Safe for threads.

    With `reading` an embedded file is never made and never written; `lean` is for who runs all day beside others. A
    process that was forked makes connections of its own.
    """

    def __init__(
        self,
        address: Address,
        patience_s: float = PATIENCE_SECONDS,
        *,
        reading: bool = False,
        lean: bool = False,
    ) -> None:
        self.address = address
        self.patience_s = patience_s
        self.reading = reading
        self.shared = address.shared
        self._marked: dict[str, str] = {}
        self._pool = Pool(address, patience_s, reading=reading, lean=lean)
        self._watch = None if address.shared else Watch(address.file, self._pool.file)
        self._views = threading.local()
        self._begin_view = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if address.shared else "BEGIN"

    @property
    def name(self) -> str:
        """The URL for messages, without its password."""
        return self.address.name

    def marked(self, sql: str) -> str:
        """SQL with `?` marks in the driver's own marks."""
        if not self.shared:
            return sql
        found = self._marked.get(sql)
        if found is None:
            found = self._marked[sql] = sql.replace("%", "%%").replace("?", "%s")
        return found

    def ask(self, work: Callable[[Ask], Result]) -> Result:
        """Ask questions; a lost connection is taken up again once the server is back."""
        viewed = getattr(self._views, "connection", None)
        return work(self._ask(viewed)) if viewed else self._patiently(lambda: self._asked(work))

    def view(self, work: Callable[[Ask], Result]) -> Result:
        """Ask several questions of one unchanging view, whatever others write meanwhile."""

        def viewed() -> Result:
            with self._pool.lent() as connection, self._view(connection):
                return work(self._ask(connection))

        return self._patiently(viewed)

    @contextlib.contextmanager
    def unchanging(self) -> Iterator[None]:
        """Within it all that this thread asks is answered from one view, whatever others write meanwhile.

        What the thread itself writes there begins a new view.
        """
        with self._explaining(), self._pool.lent() as connection, self._view(connection):
            self._views.state = self._state_of_view(connection)
            self._views.connection = connection
            try:
                yield
            finally:
                self._views.connection = None

    def state(self) -> object:
        """The state that this thread is answered from; two are equal only where nothing was committed between them.

        Two equal snapshots of PostgreSQL mean that no transaction has ended between them. None: it cannot be told, as
        where the rows lie on other servers (Citus), or come from one (a standby's snapshots may be equal).
        """
        if self._watch is None:
            [(snapshot, spread)] = self.ask(lambda ask: ask(SNAPSHOT, ()))
            return None if spread else snapshot
        return self._views.state if getattr(self._views, "connection", None) else self._state_of_file()

    def _state_of_file(self) -> object:
        if self._watch is None:
            return None
        return read_only.outlook(self.address.file) if self._pool.still else self._watch.state()

    def _state_of_view(self, connection: Any) -> object:
        """The state of a view of an embedded file, which begins with its first question; None while it changes."""
        if self._watch is None:
            return None
        before = connection.seen if isinstance(connection, read_only.Still) else self._state_of_file()
        connection.execute("PRAGMA schema_version").fetchone()
        return before if before == self._state_of_file() else None

    def _renew_view(self) -> None:
        viewed = getattr(self._views, "connection", None)
        if viewed:
            self._views.state = None  # whatever fails on the way: nothing is kept of a view that is over
            _rolled_back(viewed)
            viewed.execute(self._begin_view)
            self._views.state = self._state_of_view(viewed)

    @contextlib.contextmanager
    def _view(self, connection: Any) -> Iterator[None]:
        connection.execute(self._begin_view)
        try:
            yield
        finally:
            _rolled_back(connection)

    def pages(self, sql: str, values: Sequence[Any], size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of one question in portions, however many: as they were when it was asked."""
        with self._explaining(), self._pool.lent() as connection:
            if not self.shared:
                connection.execute(f"PRAGMA busy_timeout = {int(self.patience_s * 1000)}")
                try:
                    yield from _portions(connection.execute(sql, values), size)
                finally:
                    connection.execute(f"PRAGMA busy_timeout = {TURN_MILLISECONDS}")
                return
            with connection.transaction(), connection.cursor(name="pages") as cursor:
                yield from _portions(cursor.execute(self.marked(sql), values), size)

    def write(self, work: Callable[[Transaction], Result], gone_s: float | None = None) -> Result:
        """Run `work` in one transaction: all of it happens or nothing.

        It is run again after a deadlock, a serialization failure or a lost connection, so it must be idempotent
        and must not have effects outside the database. `gone_s`: how long a server that cannot be reached is
        waited for, else as long as the database was told. Raises LedgerError when the database cannot be used.
        """
        written = self._patiently(lambda: self._written(work), gone_s)
        self._renew_view()
        return written

    def check(self) -> None:
        """Connect once, without patience for a server: a wrong URL is told at once. Raises LedgerError."""
        self._patiently(lambda: self._asked(lambda _: None), gone_s=0)

    def keep_log(self) -> None:
        """Let readers and the writer of a new SQLite file work side by side (write-ahead log).

        File systems that cannot (network drives) keep the ordinary journal, which is slower and as safe.
        """
        self.ask(lambda ask: ask("PRAGMA journal_mode = WAL", ()))

    def close(self) -> None:
        """Close every connection, those in use when they are given back."""
        if self._watch is not None:
            self._watch.close()
        self._pool.close()

    def _patiently(self, attempt: Callable[[], Result], gone_s: float | None = None) -> Result:
        began = time.monotonic()
        pause = 0.005 if self.shared else 0.001
        while True:
            try:
                return attempt()
            except Exception as error:
                problem = of_driver(error)
                if problem is None:
                    raise
                patience_s = self.patience_s if gone_s is None or not lost(problem) else gone_s
                if not passes(problem) or time.monotonic() + pause > began + patience_s:
                    raise explained(problem, self.name) from (None if self.shared else problem)
            time.sleep(pause)
            pause = min(pause * 2, 1.0) if self.shared else 0.001  # SQLite has waited already

    def _asked(self, work: Callable[[Ask], Result]) -> Result:
        with self._pool.lent() as connection:
            return work(self._ask(connection))

    def _ask(self, connection: Any) -> Ask:
        def ask(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
            found: list[tuple[Any, ...]] = connection.execute(self.marked(sql), values).fetchall()
            return found

        return ask

    def _written(self, work: Callable[[Transaction], Result]) -> Result:
        with self._pool.lent() as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN" if self.shared else "BEGIN IMMEDIATE")
            try:
                result = work(Transaction(self, cursor))
                cursor.execute("COMMIT")
            except BaseException:
                _rolled_back(connection)
                raise
            return result

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            problem = of_driver(error)
            if problem is None:
                raise
            raise explained(problem, self.name) from (None if self.shared else problem)


SNAPSHOT = (
    "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_snapshot()::text END, "
    "EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')"
)


def _rolled_back(connection: Any) -> None:
    """Undo what was not committed. Where not even that is possible the connection is not used again."""
    with contextlib.suppress(Exception):
        connection.rollback()


def _portions(cursor: Any, size: int) -> Iterable[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(size):
        yield rows
