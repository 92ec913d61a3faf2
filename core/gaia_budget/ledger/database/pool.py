"""The connections of a process to one database: lent for a while, kept for the next, thrown away once they are lost."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from gaia_budget.errors import LedgerError
from gaia_budget.ledger.database import read_only
from gaia_budget.ledger.database.url import opened_file, reached_server

if TYPE_CHECKING:
    import sqlite3

    from gaia_budget.ledger.database.url import Address

MOST_CONNECTIONS, KEPT_CONNECTIONS = 15, 5
"""Connections of one process to a server, and how many of them stay open when nobody uses them."""


class Pool:
    """Connections that nobody uses at the moment. Safe for threads. `still`: the file cannot be written at all."""

    def __init__(self, address: Address, patience_s: float, *, reading: bool, lean: bool) -> None:
        self._address, self._reading, self._lean = address, reading, lean
        self.name, self.shared, self.patience_s = address.name, address.shared, patience_s
        self.idle: list[Any] = []
        self._was_there = self.still = self.closed = False
        self.room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.process = os.getpid()
        self._of_parents: list[Any] = []  # kept, not closed: a close would end the parent's session as well

    def lent(self) -> _Lent:
        """A connection of this thread's own for a while; one that was lost, and its like, are thrown away."""
        return _Lent(self)

    def close(self) -> None:
        """Close every connection, those in use when they are given back."""
        self.closed = True
        self.forget()

    def after_fork(self) -> None:
        """Leave the parent's connections to it: a process that was forked makes its own."""
        self.process, self.room = os.getpid(), threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._of_parents, self.idle = [*self._of_parents, *self.idle], []

    def taken(self) -> Any:
        """A connection that nobody uses, or a new one."""
        try:
            found = self.idle.pop()
        except IndexError:
            return reached_server(self._address) if self.shared else self.file()
        if self.shared or read_only.is_of_now(found, self._address.file):
            return found
        found.close()
        return self.taken()

    def file(self) -> sqlite3.Connection:
        """A new connection to an embedded file."""
        made = opened_file(
            self._address, reading=self._reading, lean=self._lean, make=not (self._reading or self._was_there)
        )
        self._was_there = (
            True  # one that is gone later is not made anew: it would have no tables, and hide it
        )
        self.still = isinstance(made, read_only.Still)
        return made

    def is_usable(self, connection: Any) -> bool:
        """Whether a connection can be lent again."""
        return not (connection.broken or connection.closed) if self.shared else not connection.in_transaction

    def give_back(self, connection: Any) -> None:
        """Take a connection back."""
        if self.closed or (self.shared and len(self.idle) >= KEPT_CONNECTIONS):
            connection.close()
        else:
            self.idle.append(connection)

    def forget(self) -> None:
        """Close the connections that nobody uses."""
        while True:
            try:
                self.idle.pop().close()
            except IndexError:
                return


class _Lent:
    """A connection that is lent for a while. A class, since every call of an app borrows twice."""

    __slots__ = ("_connection", "_pool", "_room")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __enter__(self) -> Any:
        pool = self._pool
        if pool.process != os.getpid():
            pool.after_fork()
        if not pool.shared:
            self._connection = pool.taken()
            return self._connection
        self._room = pool.room
        if not self._room.acquire(timeout=pool.patience_s):
            raise LedgerError(
                f"{pool.name}: {MOST_CONNECTIONS} connections are in use, and none became free",
                slug="ledger-connections",
            )
        try:
            self._connection = pool.taken()
        except BaseException:
            self._leave_room()
            raise
        return self._connection

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        pool, connection = self._pool, self._connection
        if kind is None and not pool.shared and not pool.closed:
            pool.idle.append(connection)
            return
        try:
            if kind is None or pool.is_usable(connection):
                pool.give_back(connection)
            else:
                connection.close()
                pool.forget()
        finally:
            self._leave_room()

    def _leave_room(self) -> None:
        if self._pool.shared:
            self._room.release()
