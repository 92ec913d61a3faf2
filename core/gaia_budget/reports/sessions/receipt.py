"""One session on one screen: what it cost, by model and by agent, and its newest responses. Nothing that was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.zone import iso
from gaia_budget.reports.sessions.recent import SessionLine, session
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.sessions import ResponseRow

NEWEST = 200
MINUTE = 60_000_000
LENGTHS = (1, 5, 10, 15, 30, 60, 240, 1440, 10_080)
"""Minutes that a stretch may have."""


class Stretch(NamedTuple):
    """A part of a session: its first instant, its length, and nano-dollars by model."""

    start: int
    minutes: int
    models: dict[str, int]


class Receipt(NamedTuple):
    """A session, and its responses, the newest first, `NEWEST` at most."""

    line: SessionLine
    responses: list[ResponseRow]

    def stretches(self, most: int) -> list[Stretch]:
        """The session in stretches of equal length, about `most` of them; of a long one, its newest responses."""
        if not self.responses:
            return []
        first, last = self.responses[-1].ts, self.responses[0].ts
        wide = next((size for size in LENGTHS if (last - first) // (size * MINUTE) < most), LENGTHS[-1])
        start = first // (wide * MINUTE)
        parts: list[dict[str, int]] = [{} for _ in range(last // (wide * MINUTE) - start + 1)]
        for one in self.responses:
            models = parts[one.ts // (wide * MINUTE) - start]
            models[one.model] = models.get(one.model, 0) + (one.cost_nano or 0)
        return [Stretch((start + place) * wide * MINUTE, wide, models) for place, models in enumerate(parts)]

    def document(self) -> dict[str, Any]:
        """The JSON document of `receipt`."""
        spend = self.line.spend
        return {
            **self.line.document(),
            "by_model": [{"model": part.key, **part.figures.document()} for part in spend.models],
            "by_agent": [
                {"agent": part.key, "type": part.name, **part.figures.document()} for part in spend.agents
            ],
            "rows": [_document(one) for one in self.responses],
        }


def receipt(ledger: Ledger, words: str) -> Receipt:
    """The session whose id is `words` or begins so. Raises InputError, NotFoundError, LedgerError."""
    line = session(ledger, words)
    return Receipt(line, ledger.responses(line.spend.session_id, NEWEST))


def _document(one: ResponseRow) -> dict[str, Any]:
    return {
        "at": iso(one.ts),
        "agent": one.agent,
        "model": one.model,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "cache_write_tokens": one.cache_write_tokens,
        "cache_read_tokens": one.cache_read_tokens,
        "cost_usd": None if one.cost_nano is None else usd(one.cost_nano),
    }
