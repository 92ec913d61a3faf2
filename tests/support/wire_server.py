"""A server on loopback that speaks the wire formats of Anthropic, OpenAI and Gemini, for driving the real SDKs.

    with WireServer() as server:
        client = anthropic.Anthropic(base_url=server.url, api_key=KEY)
        server.script(Say(status=529, headers={"retry-after": "0"}), Say(usage=None), Say(cut=True))
        ... server.requests, server.most_at_once ...

Each request takes the next `Say` of the script; a request past its end gets an ordinary answer. A request with the
header `x-plan` takes it from `server.plans` under that name, so that calls at the same time each have their own.
"""

from __future__ import annotations

import gzip
import itertools
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

KEY = "not-a-real-key"
PLAN_HEADER = "x-plan"
SECRET_ANSWER = "the answer is forty-two"
SECRET_PROMPT = "what is six times seven"


@dataclass
class Say:
    """How one request is answered. `usage` None leaves the figures out; `nulls` sends them as null."""

    text: str = SECRET_ANSWER
    input: int = 1000
    output: int = 50
    read: int = 0
    write: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    model: str = ""
    stop: str = "end"  # end, length or refusal
    usage: bool = True
    nulls: bool = False
    cut: bool = False  # break the connection in the middle of the answer
    cut_at: float | None = None  # break a stream after this share of its bytes, wherever that is
    pieces: int = 0  # send a stream in so many pieces, wherever they end; 0: each event in two
    sent: int = 0  # how many words of a stream that was cut had been sent (set by the server)
    drop: bool = False  # break it before any answer
    stall: threading.Event | None = None  # wait for it in the middle of a stream
    zip: bool = False
    wait: threading.Event | None = None
    document: dict[str, Any] | None = None
    raw: str = ""  # a body of its own
    binary: bytes = b""  # the same, as bytes


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class WireServer:
    """The server; use it as a context manager."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.most_at_once = 0
        self.hold: threading.Event | None = None
        self._now = 0
        self._script: list[Say] = []
        self.plans: dict[str, list[Say]] = {}
        self._serial = itertools.count(1)
        self._lock = threading.Lock()
        self.arrived = threading.Semaphore(0)
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
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, *answers: Say) -> None:
        """Answer the next requests so."""
        with self._lock:
            self._script.extend(answers)

    def begin(self, request: Received) -> tuple[Say, int]:
        with self._lock:
            self.requests.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            planned = self.plans.get(request.headers.get(PLAN_HEADER, ""))
            script = self._script if planned is None else planned
            say = script.pop(0) if script else Say()
            number = next(self._serial)
        self.arrived.release()
        waiting = say.wait or self.hold
        if waiting is not None:
            waiting.wait(30)
        return say, number

    def end(self) -> None:
        with self._lock:
            self._now -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, wire: WireServer) -> None:
        self.wire = wire
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        sent, kind = self.rfile.read(length), self.headers.get("content-type", "")
        self._serve(json.loads(sent or b"{}") if "json" in kind else {})

    def do_GET(self) -> None:
        self._serve({})

    def _serve(self, body: dict[str, Any]) -> None:
        path = self.path.split("?")[0]
        request = Received(self.command, path, {k.lower(): v for k, v in self.headers.items()}, body)
        say, number = self.server.wire.begin(request)
        try:
            self._answer(path, body, say, number)
        finally:
            self.server.wire.end()

    def _answer(self, path: str, body: dict[str, Any], say: Say, number: int) -> None:
        if say.drop:
            self.close_connection = True
            return
        if say.status != 200:
            self._send(json.dumps({"type": "error", "error": {"type": "error", "message": "no"}}), say)
            return
        if say.raw or say.binary:
            self._send(say.raw or say.binary, say)
            return
        speak = next((how for end, how in WIRES.items() if end in path), None)
        if say.document is not None or speak is None:
            self._send(json.dumps(say.document or {"object": "list", "data": []}), say)
            return
        if body.get("stream") or "streamGenerateContent" in path:
            self._stream(speak(path, body, say, number, True), say)
        else:
            self._send(json.dumps(next(speak(path, body, say, number, False))), say)

    def _send(self, body: str | bytes, say: Say) -> None:
        plain = body.encode() if isinstance(body, str) else body
        data = gzip.compress(plain) if say.zip else plain
        self.send_response(say.status)
        self.send_header("content-type", "application/json")
        if say.zip:
            self.send_header("content-encoding", "gzip")
        for name, value in say.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data) + (10 if say.cut else 0)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = self.close_connection or say.cut

    def _stream(self, events: Iterator[dict[str, Any]], say: Say) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        parts = list(events)
        if say.cut_at is not None or say.pieces:
            self._pieces(parts, say)
            return
        for event in parts[: len(parts) // 2 + 1] if say.cut else parts:
            self._chunk(_written(event))
            if say.stall is not None and event is parts[len(parts) // 2]:
                say.stall.wait(30)
        if say.cut:
            self.close_connection = True
            return
        if parts and "choices" in parts[0]:
            self._chunk(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _pieces(self, parts: list[dict[str, Any]], say: Say) -> None:
        """A stream that is cut at a byte, or comes in pieces of any length."""
        events = [_written(event) for event in parts]
        if say.cut_at is None:
            events += [b"data: [DONE]\n\n"] * ("choices" in parts[0])
            data = b"".join(events)
        else:
            data = b"".join(events)[: int(sum(map(len, events)) * say.cut_at)]
            ends = itertools.accumulate(map(len, events))
            say.sent = sum(_words(event) for event, end in zip(parts, ends, strict=True) if end <= len(data))
        size = len(data) // max(1, say.pieces) + 1
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if say.cut_at is None:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):  # events do not end where chunks do
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()


def _written(event: dict[str, Any]) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _words(event: dict[str, Any]) -> int:
    """How many words an event of a stream carries."""
    if "choices" in event:
        return sum(bool(choice["delta"].get("content")) for choice in event["choices"])
    if event.get("type") == "response.output_text.delta":
        return len(event["delta"].split())
    return int("candidates" in event or event.get("type") == "content_block_delta")


def _anthropic(
    path: str, body: dict[str, Any], say: Say, number: int, stream: bool
) -> Iterator[dict[str, Any]]:
    if path.endswith("count_tokens"):
        yield {"input_tokens": say.input}
        return
    figures: dict[str, Any] = {"input_tokens": say.input, "output_tokens": say.output}
    figures |= {"cache_read_input_tokens": say.read, "cache_creation_input_tokens": say.write}
    if say.nulls:
        figures |= {
            "cache_read_input_tokens": None,
            "cache_creation_input_tokens": None,
            "server_tool_use": None,
        }
    reason = {"end": "end_turn", "length": "max_tokens", "refusal": "refusal"}[say.stop]
    message: dict[str, Any] = {
        "id": f"msg_{number:06d}", "type": "message", "role": "assistant", "stop_sequence": None,
        "model": say.model or body["model"]}  # fmt: skip
    content = [{"type": "text", "text": say.text}] if say.text else []
    if not stream:
        yield {
            **message,
            "content": content,
            "stop_reason": reason,
            **({"usage": figures} if say.usage else {}),
        }
        return
    opening = {**figures, "output_tokens": 1}
    usage = {"usage": opening} if say.usage else {}
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, **usage}}
    if say.text:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        for word in say.text.split(" "):
            yield {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": word + " "},
            }
        yield {"type": "content_block_stop", "index": 0}
    usage = {"usage": {"output_tokens": say.output}} if say.usage else {}
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, **usage}
    yield {"type": "message_stop"}


def _chat(path: str, body: dict[str, Any], say: Say, number: int, stream: bool) -> Iterator[dict[str, Any]]:
    reason = {"end": "stop", "length": "length", "refusal": "content_filter"}[say.stop]
    usage = {
        "prompt_tokens": say.input + say.read, "completion_tokens": say.output, "total_tokens": 0,
        "prompt_tokens_details": None if say.nulls else {"cached_tokens": say.read}}  # fmt: skip
    head = {"id": f"chatcmpl-{number}", "created": 1, "model": say.model or body["model"]}
    if not stream:
        message = {"role": "assistant", "content": say.text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        yield {
            **head,
            "object": "chat.completion",
            "choices": [choice],
            **({"usage": usage} if say.usage else {}),
        }
        return
    asked = (body.get("stream_options") or {}).get("include_usage")
    head["object"] = "chat.completion.chunk"
    for word in say.text.split(" "):
        yield {**head, "choices": [{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    if asked and say.usage:
        yield {**head, "choices": [], "usage": usage}


def _responses(
    path: str, body: dict[str, Any], say: Say, number: int, stream: bool
) -> Iterator[dict[str, Any]]:
    usage = {
        "input_tokens": say.input + say.read, "output_tokens": say.output, "total_tokens": 0,
        "input_tokens_details": {"cached_tokens": say.read, "cache_write_tokens": say.write},
        "output_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
    status = {"end": "completed", "length": "incomplete", "refusal": "failed"}[say.stop]
    text = {"type": "output_text", "text": say.text, "annotations": []}
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}
    response = {
        "id": f"resp_{number}", "object": "response", "created_at": 1, "model": say.model or body["model"],
        "status": status, "output": [item] if say.text else [], "parallel_tool_calls": False, "tools": [],
        "tool_choice": "auto", **({"usage": usage} if say.usage else {})}  # fmt: skip
    if not stream:
        yield response
        return
    opening = {**response, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "sequence_number": 0, "response": opening}
    empty = {"type": "output_text", "text": "", "annotations": []}
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    yield {
        "type": "response.output_item.added",
        "sequence_number": 1,
        "output_index": 0,
        "item": {**item, "content": []},
    }
    yield {"type": "response.content_part.added", "sequence_number": 2, **place, "part": empty}
    yield {
        "type": "response.output_text.delta",
        "sequence_number": 3,
        **place,
        "logprobs": [],
        "delta": say.text,
    }
    yield {"type": f"response.{status}", "sequence_number": 4, "response": response}


def _embeddings(
    path: str, body: dict[str, Any], say: Say, number: int, stream: bool
) -> Iterator[dict[str, Any]]:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    usage = {"prompt_tokens": say.input, "total_tokens": say.input}
    yield {"object": "list", "model": body["model"], "data": data, "usage": usage}


def _gemini(path: str, body: dict[str, Any], say: Say, number: int, stream: bool) -> Iterator[dict[str, Any]]:
    reason = {"end": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}[say.stop]
    model = say.model or path.rsplit("/", 1)[-1].split(":")[0]
    usage: dict[str, Any] = {"promptTokenCount": say.input + say.read, "totalTokenCount": 0}
    usage["cachedContentTokenCount"] = None if say.nulls else say.read
    words = say.text.split(" ") if stream else [say.text]
    for place, word in enumerate(words, 1):
        last = place == len(words)
        candidate: dict[str, Any] = {
            "index": 0,
            "content": {"role": "model", "parts": [{"text": word}] if word else []},
        }
        if last:
            candidate["finishReason"] = reason
        figures = {**usage, "candidatesTokenCount": say.output * place // len(words)}
        yield {
            "candidates": [candidate], "modelVersion": model, "responseId": f"r{number}",
            **({"usageMetadata": figures} if say.usage else {})}  # fmt: skip


WIRES = {
    "/v1/messages": _anthropic,
    "/chat/completions": _chat,
    "/responses": _responses,
    "/embeddings": _embeddings,
    ":generateContent": _gemini,
    ":streamGenerateContent": _gemini,
}
