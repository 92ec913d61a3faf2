"""One request on its way: admitted, sent, its answer seen as it comes, settled once."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from gaia_budget.middleware import bounds
from gaia_budget.middleware.journal import Settlement
from gaia_budget.middleware.sse import SseReader
from gaia_budget.middleware.wire import Seen
from gaia_budget.middleware.wire.openai import only_usage
from gaia_budget.model import Event
from gaia_hooks import clock, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gaia_budget.ledger.budgets import Scope
    from gaia_budget.middleware.bounds import Bound
    from gaia_budget.middleware.sse import Sse
    from gaia_budget.middleware.tasks import Task
    from gaia_budget.middleware.wire import Ask, Wire
    from gaia_budget.model import Kind
    from gaia_budget.prices.table import PriceTable

RESERVE = (
    "reserve"  # price source of what is booked at its upper bound, since the provider's figures never came
)
NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
UNKNOWN = "unknown"


class Place(NamedTuple):
    """What a call is booked under, and the budgets that it counts against."""

    module: str
    task: Task | None
    session_id: str
    correlation_id: str
    org: str
    user: str
    machine: str
    scopes: tuple[Scope, ...]


class Answer(NamedTuple):
    """An answer worth keeping, with what it cost."""

    content_type: str
    body: bytes
    model: str
    usage: tuple[int, ...]
    cost_nano: int | None


class Desk(Protocol):
    """Whoever books calls and keeps answers."""

    def settle(self, call: Call, settlement: Settlement) -> None:
        """Book a call; never raises."""

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer for the same request; never raises."""


class Passage(Protocol):
    """A request on its way through the guard, as `http` and `streams` treat it."""

    @property
    def replay(self) -> Answer | None:
        """A kept answer, to be given in place of asking."""

    @property
    def body(self) -> bytes | None:
        """What to send in place of the caller's own body."""

    @property
    def path(self) -> str | None:
        """Where to send it instead."""

    @property
    def streams(self) -> bool:
        """Whether the answer comes as events."""

    @property
    def takes_parts(self) -> bool:
        """Whether an answer that is no event stream is taken in as it comes, not as a whole."""

    @property
    def cache_key(self) -> str:
        """Under what the answer may be kept; empty: not at all."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will be booked."""

    hides_usage: bool

    def take_whole(self, body: bytes) -> None:
        """Take in the body of a complete answer."""

    def take_chunk(self, chunk: bytes) -> bytes:
        """Take in a part of an answer; returns what the caller gets of it."""

    def take_rest(self) -> bytes:
        """The answer has ended: what was held back of it."""

    def never_sent(self) -> None:
        """The caller is gone before anything was sent."""

    def failed(self, error: BaseException) -> None:
        """No answer came."""

    def refused(self, status_code: int) -> None:
        """The provider answered with an error."""

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """The answer is over."""


class Call:
    """One attempt at one request. Its methods may come from any thread; it settles exactly once."""

    takes_parts = False

    @property
    def streams(self) -> bool:
        """Whether the answer comes as events."""
        return self.ask.streams

    @property
    def task(self) -> str:
        """What it is booked as: the task's name, else the operation's."""
        return self.place.task.name if self.place.task else self.ask.operation

    def __init__(
        self,
        wire: Wire,
        ask: Ask,
        place: Place,
        prices: PriceTable,
        bound: Bound,
        desk: Desk,
    ) -> None:
        self.wire, self.ask, self.place, self.bound = wire, ask, place, bound
        self.call_id = f"app-{uuid.uuid4().hex}"
        self.seen = Seen()
        self.details = ""
        self.body: bytes | None = None  # what to send in place of the caller's own body
        self.path: str | None = None  # and where to
        self.hides_usage = False  # the figures were asked for by us: their chunk is not the caller's
        self.cache_key = ""
        self.prompt_key = ""  # of its system prompt and tools
        self.marked = False  # for the provider's prompt cache, by us
        self.replay: Answer | None = None
        self._prices, self._desk = prices, desk
        self._started, self._ts = time.perf_counter(), clock.now()
        self._reader = SseReader()
        self._received = 0
        self._lock = threading.Lock()
        self._settled = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will be booked."""
        return self._settled

    def take_whole(self, body: bytes) -> None:
        """Take in the body of a complete answer."""
        document = _decoded(body)
        if isinstance(document, dict):
            self.wire.whole(document, self.seen)
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
        self._received += len(one.data)
        document = _decoded(one.data) if one.data[:1] == b"{" else None
        self._take_event(document)
        return not (self.hides_usage and isinstance(document, dict) and only_usage(document))

    def _take_event(self, document: object) -> None:
        if isinstance(document, dict):
            self.wire.event(document, self.seen)

    def refused(self, status_code: int) -> None:
        """The provider answered with an error, which it does not bill."""
        self._finish(lambda: self._failed(f"error_{status_code}", 0))

    def failed(self, error: BaseException) -> None:
        """No answer came: free where the request was never sent, else nobody knows, so it counts in full."""
        kind = type(error).__name__
        if kind in NEVER_SENT:
            self._finish(lambda: self._failed("not_sent", 0))
        else:
            self._finish(lambda: self._failed(_status_of(error), self.bound.nano))

    def never_sent(self) -> None:
        """The caller is gone before anything was sent."""
        self._finish(lambda: self._failed("not_sent", 0))

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """The answer is over: complete, broken off by `error`, or by the caller (GeneratorExit).

        SDKs leave a stream at its last event without reading on: what counts is whether that event came.
        """
        settlement = self._finish(lambda: self._answered(error))
        if settlement is None or not self.cache_key or settlement.event.status != "success":
            return
        if self.seen.finished and self.seen.content and self.seen.usage is not None:
            cost = settlement.event.cost_nano
            self._desk.keep(
                self.cache_key, Answer(content_type, b"".join(body), self.seen.model, self.seen.usage, cost)
            )

    def book_hit(self, kept: Answer) -> None:
        """Book a kept answer: at nothing, with the tokens that it spared."""
        self.seen.model, self.seen.usage = kept.model, kept.usage
        self._finish(
            lambda: self._settlement("cache_hit", "cache_hit", kept.usage, 0, "cache", 0, reserved=False)
        )

    def worst(self) -> Settlement:
        """How the call is settled when this process ends in the middle of it."""
        return self._failed("process_ended", self.bound.nano)

    def _finish(self, settlement: Callable[[], Settlement]) -> Settlement | None:
        with self._lock:
            if self._settled:
                return None
            self._settled = True
        made = settlement()
        self._desk.settle(self, made)
        return made

    def _failed(self, status: str, nano: int) -> Settlement:
        cost = nano if self.bound.known or not nano else None
        return self._settlement("failed", status, usage.NOTHING, cost, RESERVE if nano else "free", nano)

    def _answered(self, error: BaseException | None) -> Settlement:
        seen = self.seen
        if seen.usage is None:
            complete = error is None or (isinstance(error, GeneratorExit) and seen.finished)
            return self._failed("no_usage" if complete else _status_of(error), self.bound.nano)
        if not seen.final:
            return self._broken_off(seen.usage, _status_of(error))
        at = self._ts / clock.MICRO
        priced = self._prices.price(seen.model, seen.usage, at, self.ask.provider, seen.variant)
        actual = self._as_dearest(seen.usage) if priced.cost_nano is None else priced.cost_nano
        status = "success" if error is None or isinstance(error, GeneratorExit) else _status_of(error)
        return self._settlement("response", status, seen.usage, priced.cost_nano, priced.price_source, actual)

    def _broken_off(self, known: tuple[int, ...], status: str) -> Settlement:
        """Input is known, output only from what arrived: a token is at least a byte, unless some stays hidden."""
        most = list(known)
        most[usage.OUTPUT] = max(known[usage.OUTPUT], self._received)
        priced = self._prices.price(self.seen.model, tuple(most), self._ts / clock.MICRO, self.ask.provider)
        least = self._prices.price(
            self.seen.model, known, self._ts / clock.MICRO, self.ask.provider
        ).cost_nano
        nano = self.bound.nano
        if priced.cost_nano is not None and not self.ask.hidden_output:
            nano = min(nano, priced.cost_nano)
        nano = max(nano, least or 0)
        cost = nano if priced.cost_nano is not None else None
        return self._settlement("response", status, known, cost, RESERVE, nano)

    def _as_dearest(self, used: tuple[int, ...]) -> int:
        """What an unpriced answer counts as against the budgets."""
        name = self._prices.dearest(self.ask.provider)
        if name is None:
            return self.bound.nano
        return self._prices.price(name.model, used, provider=name.provider).cost_nano or self.bound.nano

    def _settlement(
        self,
        kind: Kind,
        status: str,
        used: tuple[int, ...],
        cost_nano: int | None,
        price_source: str,
        actual_nano: int,
        *,
        reserved: bool = True,
    ) -> Settlement:
        place = self.place
        counts: dict[str, Any] = dict(zip(usage.FIELDS, used, strict=True))
        event = Event(
            event_id=self.call_id,
            ts=self._ts,
            kind=kind,
            source="app",
            billing="api",
            org=place.org,
            user=place.user,
            machine=place.machine,
            module=place.module,
            provider=self.ask.provider,
            model=self.seen.model or self.ask.model or UNKNOWN,
            task=self.task,
            session_id=place.session_id,
            cost_nano=cost_nano,
            price_source=price_source if cost_nano is not None else "unpriced",
            status=status,
            duration_ms=int((time.perf_counter() - self._started) * 1000),
            correlation_id=place.correlation_id,
            **counts,
        )
        return Settlement(
            call_id=self.call_id,
            actual_nano=actual_nano,
            event=event,
            details=self.details,
            reserved=reserved,
        )


def start(
    wire: Wire,
    ask: Ask,
    size: int,
    place: Place,
    prices: PriceTable,
    unbounded_output: int,
    desk: Desk,
) -> Call:
    """A call with its upper bound; nothing is reserved yet."""
    return Call(wire, ask, place, prices, bounds.bound(prices, ask, size, unbounded_output), desk)


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # no answer that we know: it is settled at its reserve


def _status_of(error: BaseException | None) -> str:
    kind = type(error).__name__
    if "Timeout" in kind:
        return "timeout"
    return "cancelled" if "Cancel" in kind else "interrupted"
