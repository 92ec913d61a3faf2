"""Takes Claude Code's telemetry on this machine, where the user wants that: OTLP/HTTP JSON, behind a token."""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gaia_budget.ingest import telemetry
from gaia_hooks.machine import files
from gaia_hooks.session import state

log = logging.getLogger(__name__)
MOST_BYTES = 8 << 20
MOST_SENDERS = 16
REQUEST_SECONDS = 10.0
"""For all of a request, head and body: who sends it bit by bit holds a thread no longer."""
PATH = "/v1/logs"


def start() -> ThreadingHTTPServer | None:
    """Listen where `init --telemetry` chose to, until the process ends; None where nobody wants it. Raises OSError."""
    chosen = telemetry.endpoint()
    if chosen is None:
        return None
    bearer = f"Bearer {chosen.token}"

    class Handler(_Handler):
        secret = bearer

    server = _Server(("127.0.0.1", chosen.port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    """One thread for each sender, a few at most: whoever comes when all are taken is closed, and sends again."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._free = threading.BoundedSemaphore(MOST_SENDERS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection while there is a thread for it."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it, then let the next one in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a sender that breaks off is no news, and its request must not be logged."""


class _Handler(BaseHTTPRequestHandler):
    secret = ""

    def handle_one_request(self) -> None:
        """Serve the request of this connection, if it is here in time."""
        self._late = threading.Timer(REQUEST_SECONDS, self._break_off)
        self._late.daemon = True
        self._late.start()
        try:
            super().handle_one_request()
        finally:
            self._late.cancel()

    def _break_off(self) -> None:
        with contextlib.suppress(OSError):  # it has just ended by itself
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_POST(self) -> None:
        """Take one document; the exporter sends it again where the answer is 503."""
        self._answer(self._taken())

    def _taken(self) -> HTTPStatus:
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode()):
            return HTTPStatus.UNAUTHORIZED
        if self.path != PATH:
            return HTTPStatus.NOT_FOUND
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or len(length) > 9 or int(length) > MOST_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        try:
            body = self.rfile.read(int(length))
            self._late.cancel()
            telemetry.take(json.loads(body))
        except (ValueError, RecursionError):
            return HTTPStatus.BAD_REQUEST
        except (files.LockTimeout, state.NewerState, OSError) as error:
            log.warning("telemetry was not counted: %s", error)
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.OK

    def _answer(self, status: HTTPStatus) -> None:
        self.close_connection = status is not HTTPStatus.OK  # its body may not have been read
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: each answer would be a line."""
