"""Who may ask: this machine's own pages and programs; from elsewhere whoever shows the token. Outermost of the server.

Another site's page can make a browser send requests here, or point a name of its own at 127.0.0.1 (DNS rebinding): so
the Host must be ours, and an Origin, where there is one, the very one that was asked.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
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
        own = f"{scope.get('scheme', 'http')}://{host}"
        if origin is not None and origin.lower() != own.lower():
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
