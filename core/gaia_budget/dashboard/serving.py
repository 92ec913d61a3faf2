"""Starting the server: where it listens, and where to look."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import secrets
import sys
from typing import TYPE_CHECKING

from gaia_budget import http_server
from gaia_budget.dashboard.application import application
from gaia_budget.dashboard.fresh import Fresh
from gaia_budget.dashboard.guard import Guard, is_loopback, names
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    import socket

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

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
    listening = listen(host, port)
    chosen = listening.getsockname()[1]
    token = None if is_loopback(host) else secrets.token_urlsafe(32)
    shown = f"[{host}]" if ":" in host else host
    app = Guard(application(Fresh(ledger, settings)), names(host), token)
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


def listen(host: str, port: int | None) -> socket.socket:
    """A socket on the port, else on the first free one of ours. Raises InputError."""
    if port is not None and port in TAKEN:
        raise InputError(
            f"port {port} belongs to the ecosystem's own pages (8501-8504); name another with --port",
            slug="port-taken",
        )
    where = f"port {port}" if port is not None else f"any port from {USUAL.start} to {USUAL.stop - 1}"
    return http_server.listen(host, USUAL if port is None else (port,), where)
