"""Batches. Anthropic's are held when they are handed in, and booked answer by answer when their results are read.

A batch may take a day and its results may be read by another process, so what was held for it is noted in
`GAIA_BUDGET_HOME/calls/batches`. Results that nobody reads settle at what was held when that expires.
Those of OpenAI and Gemini cannot be held, since what they ask stands in a file: see `finished`.
"""

from __future__ import annotations

import logging
import re
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from gaia_budget import places
from gaia_budget.middleware import bounds, finished
from gaia_budget.middleware.books.bill import Seller
from gaia_budget.middleware.books.journal import Settlement
from gaia_budget.middleware.books.settlement import UNKNOWN, event_at
from gaia_budget.middleware.finished import TASK, VARIANT
from gaia_budget.middleware.passage import Handled
from gaia_budget.middleware.wire import Seen, body_of, claude, entries, part, text
from gaia_hooks.facts import usage
from gaia_hooks.machine import clock, files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.passage import Line, Passage
    from gaia_budget.model import Event

log = logging.getLogger("gaia_budget")
SUBMIT = re.compile(r"/v1/messages/batches$")
RESULTS = re.compile(r"/v1/messages/batches/(?P<batch>[A-Za-z0-9_-]+)/results$")
HELD_SECONDS = 48 * 3600
"""A batch ends within 24 hours (Anthropic, "Message Batches"); another day to read its results."""


class _Held(msgspec.Struct):
    """What is noted of a batch that was handed in."""

    reservation: str
    module: str
    task: str
    session_id: str


def admit(accounts: Accounts, line: Line, request: Any) -> Passage | None:
    """The batch that a request hands in, or whose results it reads; None for every other request.

    Raises BudgetExceededError, LedgerError.
    """
    method, path, provider = request.method, request.url.path, line.wire.provider
    if provider != claude.provider:
        return finished.admit(accounts, provider, method, path)
    if method == "POST" and SUBMIT.search(path):
        return Submission(accounts, request.content)
    found = RESULTS.search(path) if method == "GET" else None
    return Results(accounts, found["batch"]) if found else None


class Submission(Handled):
    """A batch that is handed in."""

    def __init__(self, accounts: Accounts, content: bytes) -> None:
        super().__init__()
        self._accounts, self._place = accounts, accounts.place()
        self._id = f"batch-{uuid.uuid4().hex}"
        self._batch = ""
        accounts.books().hold(self._place.scopes, self._worst(content), HELD_SECONDS)

    def _worst(self, content: bytes) -> Settlement:
        total, body = 0, body_of(content)
        for request in entries(body, "requests"):
            ask = claude.ask("", part(request, "params"))._replace(variant=VARIANT)
            size = len(msgspec.json.encode(ask.body))
            prices = self._accounts.policy().prices
            total += bounds.bound(
                prices, ask, Seller(claude.provider), size, self._accounts.unbounded_output_tokens
            ).nano
        event = event_at(
            self._place,
            event_id=self._id,
            ts=clock.now(),
            kind="failed",
            provider=claude.provider,
            model=UNKNOWN,
            task=self._place.task.name if self._place.task else TASK,
            used=usage.NOTHING,
            cost_nano=total,
            price_source="reserve",
            status="process_ended",
        )
        return Settlement(call_id=self._id, actual_nano=total, event=event)

    def take_whole(self, body: bytes) -> None:
        """The provider has taken the batch, and named it."""
        self._batch = text(body_of(body), "id")

    def never_sent(self) -> None:
        """Give back what was held."""
        self.is_settled = True
        self._accounts.books().release(self._id)

    def failed(self, error: BaseException) -> None:
        """Nobody knows whether the provider has it: it stays held until it expires."""
        self.is_settled = True
        self._accounts.books().kept(self._id)

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
        self._accounts.books().kept(self._id)


class Results(Handled):
    """The results of a batch, one line each, as they are read."""

    takes_parts = True

    def __init__(self, accounts: Accounts, batch: str) -> None:
        super().__init__()
        self._accounts, self._place = accounts, accounts.place()
        self._batch, self._rest, self._complete = batch, b"", False
        self._events: list[Event] = []
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
        result = part(body_of(line), "result")
        message = part(result, "message")
        if result.get("type") != "succeeded" or not message:
            return  # what failed, expired or was cancelled is not billed
        seen = Seen()
        claude.whole(message, seen)
        event = finished.event_of(self._accounts, self._place, claude.provider, text(message, "id"), seen)
        if self._held is not None:
            held = self._held
            event = msgspec.structs.replace(
                event, module=held.module, task=held.task, session_id=held.session_id
            )
        self._events.append(event)

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """Book every answer that was read; once all are, what was held is given back."""
        self.is_settled = True
        if finished.book(self._accounts, self._batch, self._events) and self._complete and self._held:
            self._accounts.books().release(self._held.reservation)
            _file(self._batch).unlink(missing_ok=True)


def _file(batch: str) -> Path:
    return places.home() / "calls" / "batches" / f"{batch}.json"


def _noted(batch: str) -> _Held | None:
    try:
        return msgspec.json.decode(_file(batch).read_bytes(), type=_Held)
    except (OSError, msgspec.MsgspecError):
        return None
