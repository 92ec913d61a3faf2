"""How a call is booked, by how it ended: pure arithmetic over what was asked and what the answer has told."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

from gaia_budget.middleware.books import bill
from gaia_budget.middleware.books.journal import Settlement
from gaia_budget.middleware.reserve import tokens
from gaia_budget.middleware.wire import Seen, said
from gaia_budget.model import Event
from gaia_budget.prices import limits
from gaia_hooks.facts.tokens import usage
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from gaia_budget.middleware.books.bill import PricedAnswer, Seller
    from gaia_budget.middleware.passage import Answer, BookedUnder
    from gaia_budget.middleware.reserve.bounds import Bound
    from gaia_budget.middleware.wire import Ask
    from gaia_budget.model import Kind
    from gaia_budget.prices.table import PriceTable

RESERVE, ESTIMATE = "reserve", "estimate"
"""Price sources of what is booked at its upper bound, and of what is estimated from the text that was sent and came:
the provider's figures never came."""
NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
UNKNOWN = "unknown"
NOT_PRICED = "not priced: "
LONGEST_NAME = 200
"""Of a model in an event: what is longer is no name."""
PLAUSIBLE = 8
"""Tokens of visible text from which figures of zero are none."""


class Attempt:
    """One attempt at one request: what was asked, what the answer has told so far, and how that is booked."""

    def __init__(
        self, ask: Ask, place: BookedUnder, prices: PriceTable, bound: Bound, seller: Seller
    ) -> None:
        self.ask, self.place, self.bound, self.seller = ask, place, bound, seller
        self.call_id = f"app-{os.urandom(16).hex()}"
        self.seen = Seen(ask)
        self.details = ""
        self.notice = ""  # what the human is told, once of each kind
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
        left = error is not None and not (isinstance(error, GeneratorExit) and (seen.final or seen.ended))
        status = _status_of(error) if left else "success"
        if seen.usage is not None and seen.final and self._plausible(seen.usage):
            return self._told(seen.usage, status)
        if self.ask.unpriced and not seen.total:
            return self._service(status)
        if error is not None and not seen.ended:
            return self._left(status)
        if not seen.model and not seen.ended and not seen.texts and not self.ask.embeds:
            return self._failed(
                "no_usage" if error is None else status, self.bound.nano
            )  # nothing that can be read
        return self._untold(status)

    def turned(self, status: str) -> Settlement:
        """The call does not go as it was asked for, and nothing is spent on it: `REFUSED` or `DOWNGRADED`."""
        return self._settlement("failed", status, usage.NOTHING, 0, "free", 0, reserved=False)

    def _plausible(self, used: tuple[int, ...]) -> bool:
        """Whether figures may be true: not where a text came, or was sent, and its tokens are said to be none."""
        if used[usage.OUTPUT]:
            return bool(usage.prompt_tokens(used)) or self.ask.unpriced or not self.ask.body
        if tokens.tokens_in(self.seen.texts) > PLAUSIBLE:
            return False
        return bool(usage.prompt_tokens(used)) or not (self.seen.texts or self.ask.embeds)

    def _told(self, used: tuple[int, ...], status: str) -> Settlement:
        """The provider's own figures, at its price."""
        found = self._bill(used)
        if found.nano is None:
            assumed = bill.assumed_nano(self._prices, self.seller, self.ask, used)
            actual = self.bound.nano if assumed is None else assumed
        else:
            actual = found.nano
        return self._settlement(
            "response", status, self._whole(used), found.nano, found.source, actual, found
        )

    def _service(self, status: str) -> Settlement:
        """A service whose answer tells no tokens: at its published fee, else without a price."""
        found = (
            bill.PricedAnswer(0, bill.LOCAL)
            if self.seller.free
            else bill.of_service(self.seller, self.ask, self.seen)
        )
        return self._settlement(
            "response", status, usage.NOTHING, found.nano, found.source, found.nano or 0, found
        )

    def _untold(self, status: str) -> Settlement:
        """An answer without figures: what its text makes it likely to have been, at most the reserve."""
        prompt, output = self._prompt(), self._written()
        known = self.seen.usage
        if known is not None:
            prompt = 0 if usage.prompt_tokens(known) else prompt
            output = known[usage.OUTPUT] or output
        elif self.seen.total:
            output = max(0, self.seen.total - prompt) if not self.ask.embeds else 0
            prompt = self.seen.total - output
        self.notice = (
            f"answers of {self._model()} carry no usage that can be read: they are booked by estimate"
        )
        return self._estimated(prompt, output, known, status)

    def _left(self, status: str) -> Settlement:
        """A stream that was left before its end: what was told of it, and the text that arrived, with room."""
        known = self.seen.usage
        prompt = 0 if known is not None and usage.prompt_tokens(known) else self._prompt()
        return self._estimated(prompt, self._written(), known, status)

    def _estimated(self, prompt: int, output: int, known: tuple[int, ...] | None, status: str) -> Settlement:
        used = list(known or usage.NOTHING)
        used[usage.INPUT] += prompt
        used[usage.OUTPUT] = max(used[usage.OUTPUT], output)
        found, least = self._bill(tuple(used)), self._bill(known).nano if known else 0
        if found.nano is None:
            return self._settlement("response", status, tuple(used), None, "", self.bound.nano, found)
        nano = max(min(found.nano, self.bound.nano), least or 0) if self.bound.known else found.nano
        return self._settlement("response", status, self._whole(tuple(used)), nano, ESTIMATE, nano, found)

    def _prompt(self) -> int:
        """The input tokens that the request's text makes likely, with room."""
        attached = tokens.attached_tokens(self.ask.body, limits.media(self.ask.model))
        return tokens.FRAME + tokens.tokens_in(said(self.ask.body)) + attached

    def _written(self) -> int:
        """The output tokens that the text of the answer makes likely, and what may have been thought unseen."""
        if self.ask.embeds:
            return 0
        hidden = 0
        if self.ask.hidden_output:
            hidden = tokens.hidden_tokens(time.perf_counter() - self._started) * self.ask.choices
        return tokens.tokens_in(self.seen.texts) + hidden

    def _bill(self, used: tuple[int, ...]) -> PricedAnswer:
        return bill.bill(self._prices, self.seller, self.ask, self.seen, used, self._ts / clock.MICRO)

    def _whole(self, used: tuple[int, ...]) -> tuple[int, ...]:
        """The tokens of all models that took part."""
        for part in self.seen.parts:
            used = tuple(map(int.__add__, used, part.usage))
        searches = self.seen.fees.get("search preview", 0)
        return (*used[: usage.SEARCHES], used[usage.SEARCHES] + searches) if searches else used

    def _model(self) -> str:
        return (self.seen.model or self.ask.model or UNKNOWN)[:LONGEST_NAME]

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
        found: PricedAnswer | None = None,
        *,
        reserved: bool = True,
    ) -> Settlement:
        made = partial(event_at, self.place, ts=self._ts, provider=self.seller.provider, task=self.task)
        event = made(
            event_id=self.call_id,
            kind=kind,
            model=self._model(),
            used=used,
            cost_nano=cost_nano,
            price_source=price_source,
            status=status,
            duration_ms=int((time.perf_counter() - self._started) * 1000),
        )
        unpriced = [f"{NOT_PRICED}{what}" for what in found.unpriced] if found else []
        more = tuple(  # an event for each thing that the answer bills and nobody has a price for
            made(
                event_id=f"{self.call_id}-{number}",
                kind="unattributed",
                model=what,
                used=usage.NOTHING,
                cost_nano=None,
                price_source="",
                status="not_priced",
            )
            for number, what in enumerate(unpriced if cost_nano is not None else ())
        )
        return Settlement(
            call_id=self.call_id,
            actual_nano=actual_nano,
            event=event,
            details="; ".join(text for text in (self.details, *unpriced) if text),
            reserved=reserved,
            more=more,
        )


def event_at(
    place: BookedUnder,
    *,
    event_id: str,
    ts: int,
    kind: Kind,
    provider: str,
    model: str,
    task: str,
    used: tuple[int, ...],
    cost_nano: int | None,
    price_source: str,
    status: str,
    duration_ms: int | None = None,
) -> Event:
    """The event of a call at its place; without a cost it is unpriced."""
    fresh, output, read, short, long, reasoning, searches = used
    return Event(
        event_id=event_id,
        ts=ts,
        kind=kind,
        source="app",
        billing="api",
        org=place.org,
        user=place.user,
        machine=place.machine,
        module=place.module,
        session_id=place.session_id,
        correlation_id=place.correlation_id,
        provider=provider,
        model=model,
        task=task,
        input_tokens=fresh,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=short,
        cache_write_1h_tokens=long,
        reasoning_tokens=reasoning,
        web_searches=searches,
        cost_nano=cost_nano,
        price_source="unpriced" if cost_nano is None else price_source,
        status=status,
        duration_ms=duration_ms,
    )


def _status_of(error: BaseException | None) -> str:
    kind = type(error).__name__
    if "Timeout" in kind:
        return "timeout"
    return "cancelled" if "Cancel" in kind else "interrupted"
