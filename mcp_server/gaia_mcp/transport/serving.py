"""The two ways to serve. Nearly all of a start is the import of the SDK.

Nothing made there is ever garbage, so the collector waits until it is over and then leaves it alone: a fifth of
the start. Over HTTP it is the same server: on loopback only, Host and Origin checked, behind a token.
"""

from __future__ import annotations

import gc
import hmac
import secrets
import sys
from typing import TYPE_CHECKING

from gaia_hooks.facts import trust

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from gaia_mcp.server import BudgetServer

HOST = "127.0.0.1"
PATH = "/mcp"


def stdio() -> None:
    """Serve one client on stdin and stdout until it is gone."""
    server = _started()
    from gaia_mcp.transport.stdio import serve

    serve(server)


def http(port: int) -> None:
    """Serve on `http://127.0.0.1:PORT/mcp` until SIGINT or SIGTERM. Raises InputError when the port is taken."""
    server = _started()
    from gaia_budget import http_server
    from gaia_mcp import worker

    file = token_file()
    app = application(server, read_token(file))
    listening = http_server.listen(HOST, (port,), f"port {port}")
    sys.stderr.write(f"gaia-budget mcp: http://{HOST}:{port}{PATH}; the bearer token is in {file}\n")
    worker.supervise()
    http_server.serve(app, listening)


def _started() -> BudgetServer:
    ignored = trust.forget_project_variables()
    if ignored:
        sys.stderr.write(f"gaia-budget mcp: {trust.notice(ignored)}\n")
    gc.disable()
    try:
        from gaia_mcp.server import build

        return build()
    finally:
        gc.freeze()
        gc.enable()


def application(server: BudgetServer, token: str) -> ASGIApp:
    """The web application: the SDK's own checks of Host and Origin for loopback, behind the token."""
    return RequireToken(server.streamable_http_app(host=HOST, streamable_http_path=PATH), token)


def token_file() -> Path:
    """Where the token lies: readable by the user alone."""
    from gaia_budget import places

    return places.home() / "mcp-token"


def read_token(file: Path) -> str:
    """The token that clients show; made at first use and kept, so that a configured client stays valid."""
    from gaia_hooks.machine import files

    try:
        token = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        token = ""
    if not token:
        token = secrets.token_urlsafe(32)
        files.replace(str(file), token.encode("ascii"))
    return token


class RequireToken:
    """ASGI middleware: 401 without `Authorization: Bearer <token>`."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = b"Bearer " + token.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when its token is right."""
        if scope["type"] != "http" or self._holds(scope):
            await self._app(scope, receive, send)
            return
        headers = [(b"www-authenticate", b"Bearer"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _holds(self, scope: Scope) -> bool:
        shown = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(shown) == 1 and hmac.compare_digest(shown[0], self._expected)
