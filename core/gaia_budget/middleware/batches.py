"""Anthropic's message batches: held when they are handed in, booked answer by answer when their results are read.

A batch may take a day and its results may be read by another process, so what was held for it is noted in
`GAIA_BUDGET_HOME/calls/batches`. Results that nobody reads settle at what was held when that expires.
"""

from __future__ import annotations

import logging
import re
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from gaia_budget import places
from gaia_budget.errors import GaiaBudgetError
from gaia_budget.middleware import bounds
from gaia_budget.middleware.journal import Settlement
from gaia_budget.middleware.wire import Seen, claude, entries, part, text
from gaia_budget.model import Event
from gaia_hooks import clock, files, usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gaia_budget.middleware.call import Answer, Place
    from gaia_budget.middleware.guard import BudgetGuard

log = logging.getLogger("gaia_budget")
SUBMIT = re.compile(r"/v1/messages/batches$")
RESULTS = re.compile(r"/v1/messages/batches/(?P<batch>[A-Za-z0-9_-]+)/results$")
HELD_SECONDS = 48 * 3600
"""A batch ends within 24 hours (Anthropic, "Message Batches"); another day to read its results."""
VARIANT, TASK = "batch", "batch"


class _Held(msgspec.Struct):
    """What is noted of a batch that was handed in."""

    reservation: str
    module: str
    task: str
    session_id: str


def admit(guard: BudgetGuard, method: str, path: str, content: bytes) -> Submission | Results | None:
    """The batch that a request hands in or whose results it reads. Raises BudgetExceededError, LedgerError."""
    if method == "POST" and SUBMIT.search(path):
        return Submission(guard, content)
    found = RESULTS.search(path) if method == "GET" else None
    return Results(guard, found["batch"]) if found else None


class _Passage:
    """What a request on its way through shows to `http` and `streams`; as plain as can be."""

    replay: Answer | None = None
    body: bytes | None = None
    path: str | None = None
    streams, takes_parts, cache_key = False, False, ""

    hides_usage = False

    def __init__(self, guard: BudgetGuard) -> None:
        self._guard = guard
        self.is_settled = False

    def take_whole(self, body: bytes) -> None:
        """Take in a complete answer."""

    def take_chunk(self, chunk: bytes) -> bytes:
        """Take in a part of an answer; returns what the caller gets of it."""
        return chunk

    def take_rest(self) -> bytes:
        """The answer has ended."""
        return b""

    def failed(self, error: BaseException) -> None:
        """No answer came."""
        self.is_settled = True

    def refused(self, status_code: int) -> None:
        """The provider answered with an error."""
        self.is_settled = True


class Submission(_Passage):
    """A batch that is handed in."""

    def __init__(self, guard: BudgetGuard, content: bytes) -> None:
        super().__init__(guard)
        self._place = guard.place()
        self._id = f"batch-{uuid.uuid4().hex}"
        self._batch = ""
        guard.books().hold(self._place.scopes, self._worst(content), HELD_SECONDS)

    def _worst(self, content: bytes) -> Settlement:
        total, body = 0, msgspec.json.decode(content)
        for request in entries(body, "requests"):
            ask = claude.ask("", part(request, "params"))._replace(variant=VARIANT)
            size = len(msgspec.json.encode(ask.body))
            made = bounds.bound(self._guard.policy().prices, ask, size, self._guard.unbounded_output_tokens)
            total += made.nano
        event = _event(self._place, self._id, clock.now(), "", usage.NOTHING, total, "reserve", "failed")
        return Settlement(call_id=self._id, actual_nano=total, event=event)

    def take_whole(self, body: bytes) -> None:
        """The provider has taken the batch, and named it."""
        document = msgspec.json.decode(body)
        self._batch = text(document, "id") if isinstance(document, dict) else ""

    def never_sent(self) -> None:
        """Give back what was held."""
        self.is_settled = True
        self._guard.books().release(self._id)

    def failed(self, error: BaseException) -> None:
        """Nobody knows whether the provider has it: it stays held until it expires."""
        self.is_settled = True
        self._guard.books().kept(self._id)

    def refused(self, status_code: int) -> None:
        """The provider did not take it."""
        self.never_sent()

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """Note what is held for the batch, for whoever reads its results."""
        self.is_settled = True
        if self._batch:
            task = self._place.task.name if self._place.task else TASK
            held = _Held(self._id, self._place.module, task, self._place.session_id)
            try:
                files.replace(str(_file(self._batch)), msgspec.json.encode(held))
            except OSError as error:
                log.warning("batch %s stays held in full: %s", self._batch, error.strerror)
        self._guard.books().kept(self._id)


class Results(_Passage):
    """The results of a batch, one line each, as they are read."""

    takes_parts = True

    def __init__(self, guard: BudgetGuard, batch: str) -> None:
        super().__init__(guard)
        self._batch, self._rest, self._complete = batch, b"", False
        self._events: list[Event] = []
        self._place = guard.place()
        self._held = _noted(batch)

    def take_chunk(self, chunk: bytes) -> bytes:
        """Take in a part of the results."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take_line(line)
        return chunk

    def take_rest(self) -> bytes:
        """All results are read."""
        self._take_line(self._rest)
        self._complete = True
        return b""

    def _take_line(self, line: bytes) -> None:
        if not line.strip():
            return
        result = part(msgspec.json.decode(line), "result")
        message = part(result, "message")
        if result.get("type") != "succeeded" or not message:
            return  # what failed, expired or was cancelled is not billed
        seen = Seen()
        claude.whole(message, seen)
        used, now = seen.usage or usage.NOTHING, clock.now()
        priced = self._guard.policy().prices.price(
            seen.model, used, now / clock.MICRO, claude.provider, VARIANT
        )
        event = _event(
            self._place, text(message, "id"), now, seen.model, used, priced.cost_nano, priced.price_source
        )
        if self._held is not None:
            held = self._held
            event = msgspec.structs.replace(
                event, module=held.module, task=held.task, session_id=held.session_id
            )
        self._events.append(event)

    def never_sent(self) -> None:
        """Nothing was read."""
        self.is_settled = True

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """Book every answer that was read; once all are, what was held is given back."""
        self.is_settled = True
        books = self._guard.books()
        try:
            for event in self._events:
                books.book_once(
                    Settlement(call_id=event.event_id, actual_nano=event.cost_nano or 0, event=event)
                )
            if self._complete and self._held is not None:
                books.ledger.settle(self._held.reservation, 0)
                _file(self._batch).unlink(missing_ok=True)
        except (GaiaBudgetError, OSError) as problem:
            log.warning("batch %s could not be booked: %s. Read its results again", self._batch, problem)


def _event(
    place: Place,
    event_id: str,
    ts: int,
    model: str,
    used: tuple[int, ...],
    cost_nano: int | None,
    price_source: str,
    kind: Any = "response",
) -> Event:
    counts: dict[str, Any] = dict(zip(usage.FIELDS, used, strict=True))
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
        provider=claude.provider,
        model=model or "unknown",
        task=place.task.name if place.task else TASK,
        session_id=place.session_id,
        correlation_id=place.correlation_id,
        cost_nano=cost_nano,
        price_source="unpriced" if cost_nano is None else price_source,
        status="success" if kind == "response" else "process_ended",
        **counts,
    )


def _file(batch: str) -> Path:
    return places.home() / "calls" / "batches" / f"{batch}.json"


def _noted(batch: str) -> _Held | None:
    try:
        return msgspec.json.decode(_file(batch).read_bytes(), type=_Held)
    except (OSError, msgspec.MsgspecError):
        return None
