"""The URL of a ledger's database, taken apart. It may hold a password, so no message repeats it."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 (a field of a NamedTuple)
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from gaia_budget.errors import InputError

VALID = "Valid: sqlite:///<path to a file>, postgresql://<user>@<host>/<database>"
WHERE = "the database URL (setting db, GAIA_BUDGET_DB)"
OPTION = re.compile(r"[a-z_]+")
PORT = re.compile(r"\d{1,5}")


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
