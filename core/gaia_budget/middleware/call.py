"""One request on its way: admitted, sent, its answer seen as it comes, settled once."""

from __future__ import annotations

import re
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.middleware import beside
from gaia_budget.middleware.passage import Answer, Passage
from gaia_budget.middleware.wire import decoded
from gaia_budget.middleware.wire.openai import only_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.books.journal import Settlement
    from gaia_budget.middleware.books.settlement import Attempt
    from gaia_budget.middleware.wire import Wire

END_OF_EVENT = re.compile(rb"\r?\n\r?\n|\r\r")
END_OF_LINE = re.compile(rb"\r\n|\n|\r")
LONGEST_END = 4


class Call(Passage):
    """One attempt at one request. Its methods may come from any thread; it settles exactly once."""

    def __init__(self, wire: Wire, attempt: Attempt, accounts: Accounts) -> None:
        self.attempt = attempt
        self.streams = attempt.ask.streams
        self.held = False  # the ledger holds money for it
        self.prompt_key = ""  # of its system prompt and tools
        self.marked = False  # for the provider's prompt cache, by us
        self._wire, self._accounts = wire, accounts
        self._reader = SseReader()
        self._lock = threading.Lock()

    def __del__(self) -> None:
        """An SDK may raise between asking the guard and sending: what was held is given back."""
        if self.held and not self.is_settled and not sys.is_finalizing():
            beside.finish(lambda: self.failed(GeneratorExit()) if self.sent else self.never_sent())

    @property
    def awaits_figures(self) -> bool:
        """Whether the model has come to its end but its figures have not come yet: they are next in the stream."""
        seen = self.attempt.seen
        return seen.ended and not seen.final and not self.is_settled and self.streams

    @property
    def altered(self) -> bool:
        """Whether something of ours stands in the body."""
        return self.body is not None and (self.marked or self.hides_usage)

    def as_asked(self) -> None:
        """Send the caller's own body after all."""
        self._accounts.give_up(self)
        self.body, self.marked, self.hides_usage = None, False, False

    def take_headers(self, headers: Any) -> None:
        """Take in what the headers of the answer tell."""
        self._wire.headers(headers, self.attempt.seen)

    def take_whole(self, body: bytes) -> None:
        """Take in the body of a complete answer."""
        document = decoded(body)
        if isinstance(document, dict):
            self._wire.whole(document, self.attempt.seen)
        for one in document if isinstance(document, list) else ():
            self._take_event(one)

    def take_chunk(self, chunk: bytes) -> bytes:
        """Take in a part of a streamed answer; returns what the caller gets of it."""
        if self.hides_usage:
            return b"".join([one.raw for one in self._reader.feed(chunk) if self._passes(one)])
        for one in self._reader.feed(chunk):
            self._passes(one)
        return chunk

    def take_rest(self) -> bytes:
        """The stream has ended: what was held back of it."""
        left = self._reader.rest()
        passes = left is not None and self._passes(left)
        return left.raw if left is not None and passes and self.hides_usage else b""

    def _passes(self, one: Sse) -> bool:
        document = decoded(one.data) if one.data[:1] == b"{" else None
        self._take_event(document)
        return not (self.hides_usage and isinstance(document, dict) and only_usage(document))

    def _take_event(self, document: object) -> None:
        if isinstance(document, dict):
            self._wire.event(document, self.attempt.seen)

    def refused(self, status_code: int) -> None:
        """The provider answered with an error, which it does not bill."""
        self._finish(lambda: self.attempt.refused(status_code))

    def failed(self, error: BaseException) -> None:
        """No answer came."""
        self._finish(lambda: self.attempt.lost(error))

    def never_sent(self) -> None:
        """The caller is gone before anything was sent."""
        self._finish(self.attempt.unsent)

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """The answer is over: complete, broken off by `error`, or by the caller (GeneratorExit)."""
        if self.attempt.seen.later and not self.attempt.seen.ended and self.held:
            self._defer()
            return
        settlement = self._finish(lambda: self.attempt.answered(error))
        if settlement is None or not self.cache_key or settlement.event.status != "success":
            return
        seen = self.attempt.seen
        if seen.finished and seen.content and seen.usage is not None:
            kept = Answer(content_type, b"".join(body), seen.model, seen.usage, settlement.event.cost_nano)
            self._accounts.answers.put(self.cache_key, kept)

    def _defer(self) -> None:
        """The provider answers later: what is held stays so until somebody reads the answer."""
        with self._lock:
            if self.is_settled:
                return
            self.is_settled = True
        self._accounts.defer(self)

    def book_hit(self, kept: Answer) -> None:
        """Book a kept answer."""
        self._finish(lambda: self.attempt.hit(kept))

    def _finish(self, settlement: Callable[[], Settlement]) -> Settlement | None:
        with self._lock:
            if self.is_settled:
                return None
            self.is_settled = True
        made = settlement()
        self._accounts.settle(self, made)
        return made


class Sse(NamedTuple):
    """One event: its bytes as they came, and the data they carry."""

    raw: bytes
    data: bytes


class SseReader:
    """Cuts a byte stream into events (WHATWG HTML, "Server-sent events"); chunks may end anywhere."""

    __slots__ = ("_buffer", "_searched")

    def __init__(self) -> None:
        self._buffer = b""
        self._searched = 0

    def feed(self, chunk: bytes) -> Iterator[Sse]:
        """The events that this chunk completes."""
        self._buffer += chunk
        start = 0
        while found := END_OF_EVENT.search(self._buffer, max(start, self._searched)):
            yield _event(self._buffer[start : found.end()])
            start = self._searched = found.end()
        self._buffer = self._buffer[start:]
        self._searched = max(0, len(self._buffer) - LONGEST_END)

    def rest(self) -> Sse | None:
        """What stands after the last complete event when the stream has ended."""
        left, self._buffer, self._searched = self._buffer, b"", 0
        return _event(left) if left else None


def _event(raw: bytes) -> Sse:
    lines = (line for line in END_OF_LINE.split(raw) if line.startswith(b"data:"))
    return Sse(raw, b"\n".join(line[5:].removeprefix(b" ") for line in lines))
