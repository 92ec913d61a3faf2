"""An evaluation in one process or in many at once, with a clock and a webhook that tests control."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from support.racing import CONTEXT, PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from typing import Self


def evaluate_from_processes(processes: int, url: str, at: int, zone: str) -> list[str]:
    """Let processes record one call each and evaluate, all at the same moment; returns what went wrong."""
    pipes = []
    for number in range(processes):
        ours, theirs = CONTEXT.Pipe()
        CONTEXT.Process(target=_work, args=(theirs, url, at, zone, number), daemon=True).start()
        theirs.close()
        pipes.append(ours)
    for pipe in pipes:
        assert pipe.poll(PATIENCE_SECONDS), "a process hangs"
        assert (said := pipe.recv()) == "ready", said
    for pipe in pipes:
        pipe.send("go")
    return [said for pipe in pipes if (said := pipe.recv()) != "done"]


def _work(pipe: Connection, url: str, at: int, zone: str, number: int) -> None:
    from gaia_budget.alerts import evaluation
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event
    from gaia_budget.settings.keys import Settings

    try:
        settings = Settings().but(timezone=zone, machine=f"m{number}")
        with Ledger.open(url, settings=settings) as ledger:
            ledger.now = lambda: at  # type: ignore[method-assign]
            pipe.send("ready")
            pipe.recv()
            cost = 500_000_000
            ledger.record(
                [Event(event_id=f"p{number}-{at}", ts=at, source="app", module="jseeker", cost_nano=cost)]
            )
            evaluation.evaluate(ledger, settings)
        pipe.send("done")
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


class Receiver:
    """A webhook on loopback. It answers by its script: a status, `hang` until it is closed, or `cut` the connection."""

    def __init__(self, *script: int | str) -> None:
        self.script: Iterator[int | str] = iter(script)
        self.requests = 0
        self.got: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self._ended = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/T0/B0/private"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """One request: kept where it was answered with a 2xx."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.requests += 1
        step = next(self.script, 200)
        if step == "hang":
            self._ended.wait()
        if isinstance(step, str):
            handler.close_connection = True
            return
        if step < 300:
            self.got.append(json.loads(body))
            self.bodies.append(body)
            self.headers.append(dict(handler.headers))
        handler.send_response(step)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
