"""Starting the server: where it listens, who may ask, and where to look."""

from __future__ import annotations

import secrets
import socket
import sys
from typing import TYPE_CHECKING

from gaia_budget.dashboard.guard import LOCAL_NAMES, Guard, is_loopback
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings

TAKEN = range(8501, 8505)
"""Ports of the ecosystem's own pages."""
USUAL = range(8765, 8865)


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
    http_server.serve(app, listening)


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
