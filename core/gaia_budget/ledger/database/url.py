"""Where a ledger's database lies: its URL, taken apart, and how a connection to it is opened.

A URL may hold a password, so no message repeats it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping  # noqa: TC003 (a field of a NamedTuple)
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from gaia_budget.errors import InputError, LedgerError
from gaia_budget.ledger.database import read_only

VALID = "Valid: sqlite:///<path to a file>, postgresql://<user>@<host>/<database>"
WHERE = "the database URL (setting db, GAIA_BUDGET_DB)"
OPTION = re.compile(r"[a-z_]+")
PORT = re.compile(r"\d{1,5}")

TURN_MILLISECONDS = 50
"""How long it is left to SQLite to wait for a lock. SQLite looks ever more rarely, in the end ten times a second:
so each wait is short, and a new one begins until the patience is used up. Else who came last goes first."""
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
CONNECT_SECONDS = 4
REACHING = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""A server that does not answer is noticed; the URL may say otherwise."""
NO_DRIVER = 'PostgreSQL needs its driver: install "gaia-token-budget[postgres]"'
READING = ("PRAGMA query_only = 1", "PRAGMA schema_version")  # the second one reads the file
WRITING = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 8000",  # each one waits for the disk
)
AMPLE = ("PRAGMA cache_size = -65536", "PRAGMA temp_store = MEMORY")
LEAN = ("PRAGMA cache_size = -2048", "PRAGMA temp_store = FILE")
"""Every connection has a cache of its own. What is sorted goes to a file: the system keeps it in memory if it can."""


class Address(NamedTuple):
    """Where a ledger lies: the `file` of an embedded one, or what libpq needs to reach a server."""

    file: str = ""
    server: Mapping[str, str] = {}

    @property
    def shared(self) -> bool:
        """Whether it lies on a server."""
        return not self.file

    @property
    def name(self) -> str:
        """The URL for messages: without password and options."""
        if self.file:
            return f"sqlite:///{self.file}"
        user = f"{self.server['user']}@" if "user" in self.server else ""
        hosts, ports = self.server.get("host", "").split(","), self.server.get("port", "").split(",")
        places = [
            f"{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
            for host, port in zip(hosts, [*ports, *[""] * len(hosts)], strict=False)
            if not host.startswith("/")  # the folder of a socket
        ]
        return f"postgresql://{user}{','.join(places)}/{self.server.get('dbname', '')}"


def parse_url(text: str) -> Address:
    """A database URL. Raises InputError, which never repeats the URL."""
    scheme, _, rest = text.strip().partition("://")
    backend = scheme.partition("+")[0]
    if backend == "sqlite":
        if not rest.startswith("/") or rest in ("/", "/:memory:"):
            raise InputError(f"{WHERE} names no file. {VALID}", slug="database-url")
        return Address(file=rest[1:])
    if backend in ("postgresql", "postgres") and rest:
        return Address(server=_server(rest))
    raise InputError(f"{WHERE} cannot be read. {VALID}", slug="database-url")


def _server(rest: str) -> dict[str, str]:
    """`user:password@host:port,host:port/database?option=value`, each part percent-encoded where it has to be."""
    place, _, query = rest.partition("?")
    authority, _, database = place.partition("/")
    login, _, hosts = authority.rpartition("@")
    user, _, password = login.partition(":")
    try:
        options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
        parts = [_host(one) for one in hosts.split(",")] if hosts else []
        if "@" in database or not all(map(OPTION.fullmatch, options)):
            raise ValueError
    except ValueError:
        raise InputError(
            f"{WHERE} cannot be read. {VALID}; signs such as : / ? # @ % in a user or password are written as "
            "%3A %2F %3F %23 %40 %25",
            slug="database-url",
        ) from None
    found = {
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(host for host, _ in parts),
        "port": ",".join(port for _, port in parts) if any(port for _, port in parts) else "",
        "dbname": unquote(database),
    }
    return {name: value for name, value in found.items() if value} | options


def _host(text: str) -> tuple[str, str]:
    """A host and its port; an IPv6 address stands in brackets."""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or port[:1] not in ("", ":"):
            raise ValueError
        port = port[1:]
    else:
        host, _, port = text.partition(":")
    if port and not PORT.fullmatch(port):
        raise ValueError
    return unquote(host), port


def reached_server(address: Address) -> Any:
    """A connection to the server. Raises LedgerError without its driver."""
    try:
        import psycopg
    except ModuleNotFoundError:
        raise LedgerError(NO_DRIVER, slug="ledger-driver") from None
    return psycopg.connect(autocommit=True, **{**REACHING, **address.server})  # type: ignore[arg-type]


def opened_file(address: Address, *, reading: bool, lean: bool, make: bool) -> sqlite3.Connection:
    """SQLite for many processes: few waits for the disk, and a useful cache. `make` one that is not there.

    Where nothing may be written beside it, it is opened still (`read_only`).
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise LedgerError(
            f"this Python's SQLite is {sqlite3.sqlite_version}; the ledger needs 3.37 or newer. "
            "Use a newer Python, or a PostgreSQL database (setting db)",
            slug="sqlite-too-old",
        )
    file = address.file
    connection = sqlite3.connect(
        file if make else f"file:{quote(file)}?mode=rw",
        uri=not make,
        timeout=TURN_MILLISECONDS / 1000,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in READING if reading else WRITING + (LEAN if lean else AMPLE):
            connection.execute(pragma)
    except BaseException as error:
        connection.close()
        still = read_only.opened(file, error) if isinstance(error, sqlite3.Error) else None
        if still is None:
            raise
        return still
    return connection
