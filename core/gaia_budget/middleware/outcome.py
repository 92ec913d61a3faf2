"""How a call is booked, by how it ended: pure arithmetic over what was asked and what the answer has told."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from gaia_budget.middleware.journal import Settlement
from gaia_budget.middleware.wire import Seen
from gaia_budget.model import Event
from gaia_hooks.facts import usage
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from gaia_budget.middleware.bounds import Bound
    from gaia_budget.middleware.passage import Answer, Place
    from gaia_budget.middleware.wire import Ask
    from gaia_budget.model import Kind
    from gaia_budget.prices.table import PriceTable

RESERVE = "reserve"
"""Price source of what is booked at its upper bound, since the provider's figures never came."""
NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
UNKNOWN = "unknown"


class Case:
    """One attempt at one request: what was asked, what the answer has told so far, and how that is booked."""

    def __init__(self, ask: Ask, place: Place, prices: PriceTable, bound: Bound) -> None:
        self.ask, self.place, self.bound = ask, place, bound
        self.call_id = f"app-{uuid.uuid4().hex}"
        self.seen = Seen()
        self.received = 0  # bytes of the answer's events
        self.details = ""
        self._prices = prices
        self._started, self._ts = time.perf_counter(), clock.now()

    @property
    def task(self) -> str:
        """What it is booked as: the task's name, else the operation's."""
        return self.place.task.name if self.place.task else self.ask.operation

    def worst(self) -> Settlement:
        """How the call is settled when this process ends in the middle of it."""
        return self._failed("process_ended", self.bound.nano)

    def unsent(self) -> Settlement:
        """The caller was gone before anything was sent."""
        return self._failed("not_sent", 0)

    def refused(self, status_code: int) -> Settlement:
        """The provider answered with an error, which it does not bill."""
        return self._failed(f"error_{status_code}", 0)

    def lost(self, error: BaseException) -> Settlement:
        """No answer came: free where the request was never sent, else nobody knows, so it counts in full."""
        if type(error).__name__ in NEVER_SENT:
            return self.unsent()
        return self._failed(_status_of(error), self.bound.nano)

    def hit(self, kept: Answer) -> Settlement:
        """A kept answer came in its place: at nothing, with the tokens that it spared."""
        self.seen.model, self.seen.usage = kept.model, kept.usage
        return self._settlement("cache_hit", "cache_hit", kept.usage, 0, "cache", 0, reserved=False)

    def answered(self, error: BaseException | None) -> Settlement:
        """The answer is over: complete, broken off by `error`, or by the caller (GeneratorExit).

        SDKs leave a stream at its last event without reading on: what counts is whether that event came.
        """
        seen = self.seen
        by_caller = isinstance(error, GeneratorExit)
        if self.ask.unpriced:
            status = "success" if error is None or by_caller else _status_of(error)
            return self._settlement("response", status, seen.usage or usage.NOTHING, None, "", 0)
        if seen.usage is None:
            complete = error is None or (by_caller and seen.finished)
            return self._failed("no_usage" if complete else _status_of(error), self.bound.nano)
        if not seen.final:
            return self._broken_off(seen.usage, _status_of(error))
        priced = self._price(seen.usage)
        actual = self._as_dearest(seen.usage) if priced.cost_nano is None else priced.cost_nano
        status = "success" if error is None or by_caller else _status_of(error)
        return self._settlement("response", status, seen.usage, priced.cost_nano, priced.price_source, actual)

    def _broken_off(self, known: tuple[int, ...], status: str) -> Settlement:
        """Input is known, output only from what arrived: a token is at least a byte, unless some stays hidden."""
        most = list(known)
        most[usage.OUTPUT] = max(known[usage.OUTPUT], self.received)
        upper, least = self._price(tuple(most)).cost_nano, self._price(known).cost_nano
        nano = self.bound.nano
        if upper is not None and not self.ask.hidden_output:
            nano = min(nano, upper)
        nano = max(nano, least or 0)
        return self._settlement("response", status, known, None if upper is None else nano, RESERVE, nano)

    def _price(self, used: tuple[int, ...]) -> Any:
        seen = self.seen
        return self._prices.price(seen.model, used, self._ts / clock.MICRO, self.ask.provider, seen.variant)

    def _as_dearest(self, used: tuple[int, ...]) -> int:
        """What an unpriced answer counts as against the budgets."""
        name = self._prices.dearest(self.ask.provider)
        if name is None:
            return self.bound.nano
        return self._prices.price(name.model, used, provider=name.provider).cost_nano or self.bound.nano

    def _failed(self, status: str, nano: int) -> Settlement:
        cost = nano if self.bound.known or not nano else None
        return self._settlement("failed", status, usage.NOTHING, cost, RESERVE if nano else "free", nano)

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
        event = event_at(
            self.place,
            event_id=self.call_id,
            ts=self._ts,
            kind=kind,
            provider=self.ask.provider,
            model=self.seen.model or self.ask.model or UNKNOWN,
            task=self.task,
            used=used,
            cost_nano=cost_nano,
            price_source=price_source,
            status=status,
            duration_ms=int((time.perf_counter() - self._started) * 1000),
        )
        return Settlement(
            call_id=self.call_id,
            actual_nano=actual_nano,
            event=event,
            details=self.details,
            reserved=reserved,
        )


def event_at(
    place: Place, *, used: tuple[int, ...], cost_nano: int | None, price_source: str, **told: Any
) -> Event:
    """The event of a call at its place; without a cost it is unpriced."""
    counts: dict[str, Any] = dict(zip(usage.FIELDS, used, strict=True))
    return Event(
        source="app",
        billing="api",
        org=place.org,
        user=place.user,
        machine=place.machine,
        module=place.module,
        session_id=place.session_id,
        correlation_id=place.correlation_id,
        cost_nano=cost_nano,
        price_source="unpriced" if cost_nano is None else price_source,
        **counts,
        **told,
    )


def _status_of(error: BaseException | None) -> str:
    kind = type(error).__name__
    if "Timeout" in kind:
        return "timeout"
    return "cancelled" if "Cancel" in kind else "interrupted"
