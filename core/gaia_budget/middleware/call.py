"""One request on its way: admitted, sent, its answer seen as it comes, settled once."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol

from gaia_budget.middleware import beside
from gaia_budget.middleware.passage import DRAIN_BYTES, DRAIN_SECONDS, Answer
from gaia_budget.middleware.wire import decoded
from gaia_budget.middleware.wire.openai import only_usage
from gaia_budget.middleware.wire.sse import SseReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gaia_budget.middleware.books.journal import Settlement
    from gaia_budget.middleware.books.settlement import Attempt
    from gaia_budget.middleware.wire import Wire
    from gaia_budget.middleware.wire.sse import Sse


class Desk(Protocol):
    """Whoever books calls and keeps answers."""

    def settle(self, call: Call, settlement: Settlement) -> None:
        """Book a call; never raises."""

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer for the same request; never raises."""

    def defer(self, call: Call) -> None:
        """Keep what is held for an answer that comes later; never raises."""

    def give_up(self, call: Call) -> None:
        """Remember that requests of this shape are refused with our marks."""


class Call:
    """One attempt at one request. Its methods may come from any thread; it settles exactly once."""

    takes_parts = False
    drain_bytes, drain_seconds = DRAIN_BYTES, DRAIN_SECONDS

    def __init__(self, wire: Wire, attempt: Attempt, desk: Desk) -> None:
        self.attempt = attempt
        self.body: bytes | None = None  # what to send in place of the caller's own body
        self.path: str | None = None  # and where to
        self.held = False  # the ledger holds money for it
        self.sent = False  # from here on the provider may bill it
        self.hides_usage = False  # the figures were asked for by us: their chunk is not the caller's
        self.cache_key = ""
        self.prompt_key = ""  # of its system prompt and tools
        self.marked = False  # for the provider's prompt cache, by us
        self.replay: Answer | None = None
        self._wire, self._desk = wire, desk
        self._reader = SseReader()
        self._lock = threading.Lock()
        self._settled = False

    def __del__(self) -> None:
        """An SDK may raise between asking the guard and sending: what was held is given back."""
        if self.held and not self._settled and not sys.is_finalizing():
            beside.finish(lambda: self.failed(GeneratorExit()) if self.sent else self.never_sent())

    @property
    def awaits_figures(self) -> bool:
        """Whether the model has come to its end but its figures have not come yet: they are next in the stream."""
        seen = self.attempt.seen
        return seen.ended and not seen.final and not self._settled and self.attempt.ask.streams

    @property
    def altered(self) -> bool:
        """Whether something of ours stands in the body."""
        return self.body is not None and (self.marked or self.hides_usage)

    def as_asked(self) -> None:
        """Send the caller's own body after all."""
        self._desk.give_up(self)
        self.body, self.marked, self.hides_usage = None, False, False

    @property
    def streams(self) -> bool:
        """Whether the answer comes as events."""
        return self.attempt.ask.streams

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will be booked."""
        return self._settled

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
            self._desk.keep(self.cache_key, kept)

    def _defer(self) -> None:
        """The provider answers later: what is held stays so until somebody reads the answer."""
        with self._lock:
            if self._settled:
                return
            self._settled = True
        self._desk.defer(self)

    def book_hit(self, kept: Answer) -> None:
        """Book a kept answer."""
        self._finish(lambda: self.attempt.hit(kept))

    def _finish(self, settlement: Callable[[], Settlement]) -> Settlement | None:
        with self._lock:
            if self._settled:
                return None
            self._settled = True
        made = settlement()
        self._desk.settle(self, made)
        return made
