"""A stand-in for the provider on this machine: it gives every question of the Messages API one short answer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

USAGE = {
    "input_tokens": 12_000,
    "output_tokens": 345,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 0,
}
"""What the answer says that it used; nobody bills it."""
LONGEST_QUESTION = 16 << 20
SOON = 0.05  # seconds until a server that is told to end looks


class Answerer:
    """The server, for as long as its `with` lasts."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._server = _Server(self.asked)
        self._runner = threading.Thread(target=self._server.serve_forever, args=(SOON,), daemon=True)

    def __enter__(self) -> Self:
        self._runner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, asked: threading.Event) -> None:
        self.asked = asked
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is ended in the middle of an answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10  # seconds for a question to arrive

    def log_message(self, format: str, *args: object) -> None:
        """Questions are not printed."""

    def do_GET(self) -> None:
        self._send("application/json", b"{}")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        length = self.headers.get("content-length") or ""
        data = self.rfile.read(min(int(length), LONGEST_QUESTION) if length.isdecimal() else 0)
        try:
            question = json.loads(data)
        except ValueError:
            question = None
        if self.path.partition("?")[0] != "/v1/messages" or not isinstance(question, dict):
            self._send("application/json", b"{}")
            return
        if question.get("tools"):  # the prompt itself, not a title for it
            self.server.asked.set()
        model = str(question.get("model"))
        if question.get("stream"):
            lines = (f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in _events(model))
            self._send("text/event-stream", "".join(lines).encode())
        else:
            whole = _message(model) | {"content": [TEXT], "stop_reason": "end_turn"}
            self._send("application/json", json.dumps(whole).encode())

    def _send(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


TEXT = {"type": "text", "text": "Here."}


def _message(model: str) -> dict[str, Any]:
    return {"id": "msg_proof", "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": USAGE}  # fmt: skip


def _events(model: str) -> Iterator[dict[str, Any]]:
    """The answer as a stream."""
    yield {"type": "message_start", "message": _message(model) | {"usage": USAGE | {"output_tokens": 1}}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT["text"]}}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": USAGE,
    }
    yield {"type": "message_stop"}
