"""Batches of OpenAI and Gemini: booked at the batch price when the finished batch is read, once.

OpenAI tells the usage of a batch as a whole, Gemini that of each answer which it returns in line.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from gaia_budget.errors import GaiaBudgetError
from gaia_budget.middleware.books.journal import Settlement
from gaia_budget.middleware.books.settlement import UNKNOWN, event_at
from gaia_budget.middleware.passage import Handled
from gaia_budget.middleware.wire import Body, Seen, body_of, entries, gemini, openai, part, text
from gaia_hooks.facts import usage
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.passage import Passage, Place
    from gaia_budget.model import Event

log = logging.getLogger("gaia_budget")
VARIANT, TASK = "batch", "batch"
SUBMIT = re.compile(r"/batches$|:(?:batchGenerateContent|asyncBatchEmbedContent)$")
READ = re.compile(r"/batches/(?P<batch>[A-Za-z0-9_-]+)$")


def admit(accounts: Accounts, provider: str, method: str, path: str) -> Passage | None:
    """The batch that a request hands in or reads; None for every other request."""
    if method == "POST" and SUBMIT.search(path):
        accounts.notice_once(
            f"{provider} batch",
            f"batches of {provider} are counted when the finished batch is read, and no limit holds for them",
        )
        return Handled()
    found = READ.search(path) if method == "GET" else None
    return Finished(accounts, provider, found["batch"]) if found else None


class Finished(Handled):
    """A batch that is looked at; its usage is there once it has finished."""

    def __init__(self, accounts: Accounts, provider: str, batch: str) -> None:
        super().__init__()
        self._accounts, self._place = accounts, accounts.place()
        self._provider, self._batch = provider, batch
        self._events: list[Event] = []

    def take_whole(self, body: bytes) -> None:
        """Take in the batch."""
        document = body_of(body)
        told = _openai(document) if self._provider == openai.provider else _gemini(document)
        for number, seen in enumerate(told):
            if seen.usage is not None:
                event_id = self._batch if len(told) == 1 else f"{self._batch}-{number}"
                self._events.append(event_of(self._accounts, self._place, self._provider, event_id, seen))

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """Book what it tells."""
        self.is_settled = True
        book(self._accounts, self._batch, self._events)


def _openai(batch: Body) -> list[Seen]:
    seen = Seen()
    if text(batch, "status") in ("completed", "expired", "cancelled", "failed"):
        openai.whole(batch, seen)
    if not any(seen.usage or ()):
        seen.usage = None  # nothing was answered
    return [seen]


def _gemini(batch: Body) -> list[Seen]:
    told = []
    output = part(part(batch, "metadata"), "output") or part(batch, "response")
    for answer in entries(part(output, "inlinedResponses"), "inlinedResponses"):
        seen = Seen()
        gemini.whole(part(answer, "response"), seen)
        told.append(seen)
    return told


def event_of(accounts: Accounts, place: Place, provider: str, event_id: str, seen: Seen) -> Event:
    """The event of one answer out of a batch, at the batch price."""
    used, now = seen.usage or usage.NOTHING, clock.now()
    priced = accounts.policy().prices.price(seen.model, used, now / clock.MICRO, provider, VARIANT)
    return event_at(
        place,
        event_id=event_id,
        ts=now,
        kind="response",
        provider=provider,
        model=seen.model or UNKNOWN,
        task=place.task.name if place.task else TASK,
        used=used,
        cost_nano=priced.cost_nano,
        price_source=priced.price_source,
        status="success",
    )


def book(accounts: Accounts, batch: str, events: list[Event]) -> bool:
    """Book answers that may have been read before; whether that went well. Never raises."""
    try:
        for event in events:
            settled = Settlement(call_id=event.event_id, actual_nano=event.cost_nano or 0, event=event)
            accounts.books().book_once(settled)
    except (GaiaBudgetError, OSError) as problem:
        log.warning("batch %s could not be booked: %s. Read its results again", batch, problem)
        return False
    return True
