"""Who may ask: this machine's own pages and programs; from elsewhere whoever shows the token.

Another site's page can make a browser send requests here, or point a name of its own at 127.0.0.1 (DNS rebinding): so
the Host must be ours, and an Origin, where there is one, the very one that was asked; and a browser must ask for our
own page, or for a human.

Anything here may look at the page, but an alert is a human's to take note of. A connection's far end belongs to
processes, which the system names; where one of them is Claude Code's, or is not told, no human asks. Who asks from
another machine has shown the token, which a human was told.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gaia_budget import ancestry
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
OWN_SITES = ("", "none", "same-origin")
"""What a browser says of who asks: nothing, as programs do; a human; our own page. For a picture in another site's page
it sends no Origin, and would make us reckon; a link that a human follows from there is let through."""


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def names(host: str) -> frozenset[str]:
    """The hosts that a request may name: this machine's, and the one that is listened on."""
    if is_loopback(host):
        return LOCAL_NAMES
    mine = {host, f"[{host}]", socket.gethostname()}
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        mine |= {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    return LOCAL_NAMES | mine


class Guard:
    """Refuses what comes from elsewhere (403), or without the token where one is asked for (401)."""

    def __init__(self, app: ASGIApp, names: Iterable[str], token: str | None = None) -> None:
        self.app, self.names, self.token = app, frozenset(name.lower() for name in names), token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let pass, or refuse; every answer carries the headers that keep a browser from more."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers: dict[str, str] = {}
        for key, value in scope["headers"]:  # one that stands twice is neither of both
            name, text = key.decode("latin-1"), value.decode("latin-1")
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
        refusal = self._refusal(scope, headers)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        if refusal is None:
            await self.app(scope, receive, guarded)
            return
        status, text = refusal
        kind = (b"content-type", b"text/plain; charset=utf-8")
        asks = [(b"www-authenticate", b"Bearer")] if status == 401 else []
        await guarded({"type": "http.response.start", "status": status, "headers": [kind, *asks]})
        await guarded({"type": "http.response.body", "body": text.encode()})

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        if name.lower() not in self.names:
            return 403, f"This server does not answer for the host {name[:80]!r}.\n"
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "")
        own = f"{headers.get('x-forwarded-proto', 'http')}://{host}"  # of a TLS proxy; no other site's page can say it
        foreign = origin is not None and origin.lower() != own.lower()
        if foreign or (site not in OWN_SITES and headers.get("sec-fetch-mode") != "navigate"):
            return 403, "A page of another site may not ask here.\n"
        if scope["method"] in WRITING and (
            site not in ("", "same-origin") or (origin is None and site == "")
        ):
            return 403, "Only the page itself may change something: send its Origin.\n"
        if self.token is not None and not self._shown(headers):
            return 401, "Send the token that the server has printed: Authorization: Bearer TOKEN\n"
        return None

    def _shown(self, headers: dict[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode(), (self.token or "").encode()
        )


def require_a_human(scope: Scope, what: str, otherwise: str) -> None:
    """Raises InputError where what asks runs inside of a session, or cannot be told; `otherwise` says what to do."""
    (host, port), (_, asked) = scope.get("client") or ("", 0), scope.get("server") or ("", 0)
    holders = set(_holders(int(port), int(asked or 0)))
    in_a_session = any(ancestry.is_clients(one) for pid in holders for one in ancestry.ancestors(pid))
    if not in_a_session and (holders or not _is_here(str(host))):
        return
    raise InputError(
        f"{what} is for a human alone, and what asks runs inside of a Claude Code session, or the system does not tell "
        f"what it is: {otherwise}",
        slug="human-alone",
    )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _holders(port: int, asked: int) -> Iterator[int]:
    """The processes that hold the asker's end of a connection, by the ports of both ends."""
    if sys.platform == "linux":
        yield from _of_linux(port, asked)
    elif command := COMMANDS.get(sys.platform):
        yield from set(parsed(ancestry.told(command(port, asked)))) - {os.getpid()}  # `lsof` names both ends


COMMANDS: dict[str, Callable[[int, int], list[str]]] = {
    "darwin": lambda port, asked: ["/usr/sbin/lsof", "-nP", "-Fp", f"-iTCP:{port}"],
    "win32": lambda port, asked: [
        ancestry.POWERSHELL, "-NoProfile", "-Command",
        f"Get-NetTCPConnection -LocalPort {port} -RemotePort {asked} | % {{ \"p$($_.OwningProcess)\" }}",
    ],
}  # fmt: skip
"""By whole paths: the PATH is the caller's."""


def parsed(shown: str) -> list[int]:
    """The processes of a list that has one in each line that begins with a p."""
    return [int(number) for number in re.findall(r"(?m)^p(\d{1,9})\s*$", shown)]


def _of_linux(port: int, asked: int) -> Iterator[int]:
    ends = {f"socket:[{inode}]" for name in ("tcp", "tcp6") for inode in _inodes(name, port, asked)}
    for folder in Path("/proc").iterdir() if ends else ():
        if folder.name.isdecimal() and not ends.isdisjoint(_open_in(folder / "fd")):
            yield int(folder.name)


def _inodes(name: str, port: int, asked: int) -> Iterator[str]:
    """Of a system's table of connections: addresses and ports of both ends in hexadecimal, then the socket's number."""
    try:
        rows = Path("/proc/net", name).read_text("ascii").splitlines()[1:]
    except OSError:
        return
    for row in rows:
        words = row.split()
        if [end.rpartition(":")[2] for end in words[1:3]] == [f"{port:04X}", f"{asked:04X}"]:
            yield words[9]


def _open_in(folder: Path) -> Iterator[str]:
    try:
        descriptors = list(folder.iterdir())
    except OSError:  # another user's, or one that has just ended
        return
    for descriptor in descriptors:
        with suppress(OSError):  # closed meanwhile, as any of a busy program: the others count
            yield str(descriptor.readlink())
