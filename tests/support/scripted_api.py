"""A scripted Anthropic Messages API on loopback, for driving real clients without a network or a key.

    with ScriptedApi() as api:
        api.main(reply(tool("Bash", command="echo hi"), input=10, write_5m=900), reply(text("done")))
        api.agent("count the files", reply(text("seven"), input=400))   # by words of the subagent's prompt
        api.compaction(reply(text("a summary"), input=3000, output=80))
        ... drive a client with `api.url` as its ANTHROPIC_BASE_URL ...
        api.main(*growing(reply(...), reply(...)))  # with cache reads as of a thread whose cache never expires
        api.requests        # what the client really sent, in order: `Request`
        api.billed          # what was answered with usage, in order: `Billed`

Threads are told apart as the real client tells them: by the headers `x-claude-code-session-id` and
`x-claude-code-agent-id`. A subagent takes the script whose words stand in its first user message; several
subagents with the same words take one copy each. A thread whose script has ended gets `api.after_the_script`.
`reply(status=529)` fails a request (the client retries, and takes the next reply), `reply(..., cut="in a block")`
breaks its stream off (the client counts the opening usage, and writes a row only for blocks that ended),
`reply(..., wait=event)` holds the stream's end until the `threading.Event` is set (bounded by 30 s).
`reply(..., until="words")` is the main thread's answer again and again, until what is asked holds these words.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from support.messages_wire import Billed, Reply, Request, events, growing, reply, serial, text, tool, whole

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Billed", "Reply", "Request", "ScriptedApi", "growing", "is_compaction", "reply", "text", "tool"]


@dataclass
class _Agent:
    words: str
    replies: tuple[Reply, ...]
    served: dict[str, int] = field(default_factory=dict)


class ScriptedApi:
    """The server; use it as a context manager. See the module's docstring."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.billed: list[Billed] = []
        self.after_the_script = reply(text("The script has ended."))
        self._main: list[Reply] = []
        self._compaction: list[Reply] = []
        self._side: list[Reply] = []
        self._agents: list[_Agent] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._runner = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._runner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._runner.join(10)

    @property
    def url(self) -> str:
        """The base URL for the client."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def main(self, *replies: Reply) -> None:
        """Add to the script of the main thread (of whichever session asks next)."""
        with self._lock:
            self._main.extend(replies)

    def agent(self, words: str, *replies: Reply) -> None:
        """The script of each subagent whose first user message contains these words."""
        with self._lock:
            self._agents.append(_Agent(words, replies))

    def compaction(self, *replies: Reply) -> None:
        """Add to the answers that compaction requests get."""
        with self._lock:
            self._compaction.extend(replies)

    def side(self, *replies: Reply) -> None:
        """Add to the answers of requests without tools: session titles (terminals), prompt hooks."""
        with self._lock:
            self._side.extend(replies)

    def messages(self, thread: str | None = None) -> list[Request]:
        """The requests for messages, in order: all, or those of one thread ("" = the main one)."""
        asked = [request for request in self.requests if request.path.partition("?")[0] == "/v1/messages"]
        return [request for request in asked if thread is None or request.thread == thread]

    def take(self, request: Request) -> Reply:
        """The next answer for this request."""
        with self._lock:
            self.requests.append(request)
            if is_compaction(request):
                return self._compaction.pop(0) if self._compaction else self.after_the_script
            if not request.thread and not request.tools:
                return self._side.pop(0) if self._side else self.after_the_script
            if not request.thread:
                return self._next_of_main(request)
            opening = request.user_text()
            for agent in self._agents:
                if agent.words in opening:
                    at = agent.served.get(request.thread, 0)
                    agent.served[request.thread] = at + 1
                    return agent.replies[at] if at < len(agent.replies) else self.after_the_script
            return self.after_the_script

    def _next_of_main(self, request: Request) -> Reply:
        while self._main and self._main[0].until:
            if self._main[0].until not in request.everything():
                return self._main[0]
            del self._main[0]
        return self._main.pop(0) if self._main else self.after_the_script

    def bill(self, request: Request, model: str, message_id: str, usage: dict[str, Any]) -> None:
        """Note the usage that the client was told; the final figures of an answer replace its opening ones."""
        with self._lock:
            self.billed[:] = [earlier for earlier in self.billed if earlier.message_id != message_id]
            self.billed.append(Billed(request.session_id, request.thread, model, usage, message_id))


def is_compaction(request: Request) -> bool:
    """Whether a request asks for the conversation's summary."""
    return "create a detailed summary of the conversation" in request.user_text(last=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: ScriptedApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Requests are kept in `api.requests`, not printed."""

    def do_GET(self) -> None:
        self._json(200, {})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(raw) if raw.startswith(b"{") else {}
        request = Request(self.path, headers, body)
        route = self.path.partition("?")[0]
        if route == "/v1/messages":
            self._answer(request, self.server.api.take(request))
            return
        self.server.api.requests.append(request)
        self._json(200, {"input_tokens": len(raw) // 4} if route.endswith("/count_tokens") else {})

    def _answer(self, request: Request, answer: Reply) -> None:
        if answer.status != 200:
            error = {"type": "overloaded_error", "message": "Overloaded"}
            self._json(answer.status, {"type": "error", "error": error}, {"retry-after": "0"})
            return
        model = request.body.get("model", "")
        message_id = f"msg_{next(serial):024d}"
        if not request.body.get("stream"):
            self.server.api.bill(request, model, message_id, answer.usage)
            self._json(200, whole(answer, model, message_id))
            return
        self._head("text/event-stream")
        breaks_off = {"in a block": "content_block_stop", "after a block": "message_delta"}.get(answer.cut)
        for event in events(answer, model, message_id):
            if event["type"] == breaks_off:
                return
            if event["type"] == "message_start":
                self.server.api.bill(request, model, message_id, event["message"]["usage"])
            if event["type"] == "message_delta":
                if answer.wait is not None:
                    answer.wait.wait(30)
                self.server.api.bill(request, model, message_id, event["usage"])
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()

    def _head(self, kind: str, status: int = 200, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("request-id", f"req_{next(serial):024d}")
        self.send_header("connection", "close")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def _json(self, status: int, document: object, more: dict[str, str] | None = None) -> None:
        self._head("application/json", status, more)
        if self.command != "HEAD":
            self.wfile.write(json.dumps(document).encode())
