"""HTTP servers of ours, on one socket each: what a client may cost before anybody knows who it is.

Connections, the time that a request's head may take, and the length of its body are bounded, and a broken request is
not logged: whoever reaches the port could otherwise hold the server, or fill a disk.
"""

from __future__ import annotations

import logging
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gaia_budget.errors import InputError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONNECTIONS = 256
"""A hundred pages that listen, and whoever asks beside them."""
HEAD_SECONDS = 10.0
HEAD_BYTES = 16 << 10
BODY_BYTES = 4 << 20
GRACE_SECONDS = 2
"""For answers that are under way; a client that only listens would keep the server for ever."""


def listen(host: str, ports: Iterable[int], named: str) -> socket.socket:
    """A socket on the first port that is free. Raises InputError, which calls the ports `named`."""
    problem: OSError | None = None
    for port in ports:
        found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        if sys.platform != "win32":  # there it would let two servers share a port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
            found.listen(CONNECTIONS)
        except OSError as error:
            found.close()
            problem = error
        else:
            return found
    raise InputError(f"cannot listen on {named} of {host}: {problem}; name another port", slug="port-taken")


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serve an application until SIGINT or SIGTERM."""
    server(app).run(sockets=[listening])


def server(app: ASGIApp) -> uvicorn.Server:
    """A server of an application, bounded as all of ours are."""
    config = uvicorn.Config(
        ShortBodies(app),
        log_level=logging.ERROR,
        ws="none",
        http=Punctual,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
        proxy_headers=False,  # whoever asks could call itself anybody: a client's address is its connection's
    )
    return uvicorn.Server(config)


class Punctual(H11Protocol):
    """HTTP/1.1 that closes a connection whose next request has not all of its head in time."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, as long as one may take."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes in; a head that is whole has come in time."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class ShortBodies:
    """ASGI middleware: 413 for a body beyond `BODY_BYTES`, by its header or as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as long as its body is short enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = [value for name, value in scope["headers"] if name == b"content-length"]
        left = BODY_BYTES - (int(said[0]) if said else 0)  # whole numbers, as h11 has checked
        begun = False

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= 0 if said else len(message.get("body", b""))
            return message if left >= 0 else {"type": "http.disconnect"}

        async def noted(message: Message) -> None:
            nonlocal begun
            if begun or left >= 0:  # an application has its own words for a body that ended too early
                begun = True
                await send(message)

        if left >= 0:
            try:
                await self._app(scope, counted, noted)
            except Exception:
                if left >= 0:
                    raise
        if left < 0 and not begun:
            close = [(b"connection", b"close"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 413, "headers": close})
            await send({"type": "http.response.body", "body": b""})
