"""Starting the server: where it listens, who may ask, and where to look.

This machine's own pages and programs may ask; from elsewhere whoever shows the token. Another site's page can make a
browser send requests here, or point a name of its own at 127.0.0.1 (DNS rebinding): so the Host must be ours, and an
Origin, where there is one, the very one that was asked; and a browser must ask for our own page, or for a human.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hmac
import ipaddress
import secrets
import socket
import sys
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

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
        if origin is not None and origin.lower() != own.lower():
            return 403, "A page of another site may not ask here.\n"
        if site not in OWN_SITES and headers.get("sec-fetch-mode") != "navigate":
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


TAKEN = range(8501, 8505)
"""Ports of the ecosystem's own pages."""
USUAL = range(8765, 8865)
M_ARENA_MAX = -8
FEW_COLLECTIONS = 20_000
"""An answer makes thousands of rows and no cycle among them: looking for cycles at every 700 costs a tenth of it."""
SWITCH_SECONDS = 0.0005
"""How long whoever sends waits for a thread that reckons, at each step of an answer: a tenth of what is usual."""


def serve(ledger: Ledger, settings: Settings, host: str, port: int | None) -> None:
    """Serve until SIGINT or SIGTERM. Raises InputError for a host or port that cannot be listened on."""
    from gaia_budget import http_server
    from gaia_budget.dashboard.application import application
    from gaia_budget.dashboard.fresh import Fresh

    listening = listen(host, port)
    chosen = listening.getsockname()[1]
    token = None if is_loopback(host) else secrets.token_urlsafe(32)
    shown = f"[{host}]" if ":" in host else host
    app: ASGIApp = Guard(application(Fresh(ledger, settings)), names(host), token)
    sys.stderr.write(f"gaia-budget dashboard: http://{shown}:{chosen}/  (Ctrl+C ends it)\n")
    if token:
        sys.stderr.write(f"Whoever asks from elsewhere sends: Authorization: Bearer {token}\n")
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(FEW_COLLECTIONS)
    _share_one_heap()
    http_server.serve(app, listening)


def _share_one_heap() -> None:
    """Let all threads take memory from one heap, where the system's C library (glibc) would give each its own.

    What one of them needed once it would keep for itself: ten megabytes, for threads that take turns anyway.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def names(host: str) -> frozenset[str]:
    """The hosts that a request may name: this machine's, and the one that is listened on."""
    if is_loopback(host):
        return LOCAL_NAMES
    mine = {host, f"[{host}]", socket.gethostname()}
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        mine |= {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    return LOCAL_NAMES | mine


def listen(host: str, port: int | None) -> socket.socket:
    """A socket on the port, else on the first free one of ours. Raises InputError."""
    from gaia_budget import http_server

    if port is not None and port in TAKEN:
        raise InputError(
            f"port {port} belongs to the ecosystem's own pages (8501-8504); name another with --port",
            slug="port-taken",
        )
    where = f"port {port}" if port is not None else f"any port from {USUAL.start} to {USUAL.stop - 1}"
    return http_server.listen(host, USUAL if port is None else (port,), where)
