"""The costs of this process's calls, under the names that jSeeker's code knows."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from gaia_budget.middleware import beside
from gaia_hooks.facts.prices.money import NANO
from gaia_hooks.machine.clock import MICRO

if TYPE_CHECKING:
    from gaia_budget.model import Event


class APICost(BaseModel):
    """One call. `cost_usd` is for reading, `cost_nano` (nano-dollars) exact; None in both: no price is known.

    `input_tokens` excludes what the cache spared; `cache_tokens` are those read from the provider's cache.
    """

    id: int | None = Field(default=None, description="number of the call in this process")
    timestamp: datetime
    model: str
    task: str
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cache_tokens: int = Field(default=0, ge=0)
    cost_usd: float | None = Field(default=0.0, ge=0)
    cost_nano: int | None = Field(default=0, ge=0)


ROWS = 100_000
"""So many calls are kept at least; of older ones a process that runs for months keeps the sum alone."""


class CallCosts:
    """The calls of this process, in the order in which they were booked. Safe for threads."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all of them: a forked process starts with none of its parent's."""
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._dropped = self._total_nano = 0

    def add(self, event: Event) -> None:
        """Take one booked call in."""
        with self._lock:
            self._events.append(event)
            self._total_nano += event.cost_nano or 0
            if len(self._events) >= 2 * ROWS:
                del self._events[:ROWS]
                self._dropped += ROWS

    def rows(self) -> list[APICost]:
        """The calls, as copies; their numbers go on where older ones are gone."""
        with self._lock:
            events, first = list(self._events), self._dropped + 1
        return [_row(number, event) for number, event in enumerate(events, first)]

    def total_nano(self) -> int:
        """Nano-dollars of all calls that have a price."""
        with self._lock:
            return self._total_nano


def _row(number: int, event: Event) -> APICost:
    return APICost(
        id=number,
        timestamp=datetime.fromtimestamp(event.ts / MICRO, UTC),
        model=event.model,
        task=event.task,
        input_tokens=event.input_tokens,
        output_tokens=event.output_tokens,
        cache_tokens=event.cache_read_tokens,
        cost_usd=None if event.cost_nano is None else event.cost_nano / NANO,
        cost_nano=event.cost_nano,
    )


process = CallCosts()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process.clear)


def get_session_costs() -> list[APICost]:
    """The calls that this process has made through any wrapped client, as copies: changing them changes nothing."""
    return beside.within(process.rows)


def get_total_session_cost() -> float:
    """What they cost in USD; summed exactly, in nano-dollars, and turned into a float once."""
    return beside.within(process.total_nano) / NANO
