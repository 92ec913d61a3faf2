"""What prompt caching did: how much of the prompts came from it, what that saved, what was paid again.

Dollars here are estimates, by each model's list price for short prompts at the time: what the tokens of the cache would
have cost as plain input, less what they cost as reads and writes. A model without a known price saves nothing here.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.database.measures import Figures
from gaia_budget.reports.asked import Asked, sums
from gaia_hooks.facts.prices import billing, pricing
from gaia_hooks.facts.prices.money import usd
from gaia_hooks.facts.tokens import usage
from gaia_hooks.machine.clock import MICRO

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

SOLD = ("source", "model")
"""What decides a price: Claude Code may have a contract of its own."""
UNIT = 1000
"""Tokens that rates are reckoned for: few enough for the price of a short prompt, enough for a whole nano-dollar."""


class CacheUse(NamedTuple):
    """A project's use of the cache; `saved_nano` is below zero where writing cost more than reading saved.

    `again_nano` is what the tokens cost that were written again after a pause.
    """

    key: str
    figures: Figures
    saved_nano: int
    again_nano: int

    @property
    def written(self) -> int:
        """Tokens written to the cache."""
        return self.figures.written_tokens

    @property
    def from_cache(self) -> float | None:
        """Percent of the prompts that was read from the cache; None without a prompt."""
        return share_from_cache(self.figures)

    def plus(self, other: CacheUse) -> CacheUse:
        """Both together, under this one's key."""
        return CacheUse(
            self.key,
            self.figures.plus(other.figures),
            self.saved_nano + other.saved_nano,
            self.again_nano + other.again_nano,
        )

    def document(self) -> dict[str, Any]:
        """One of `rows`."""
        return {
            "from_cache_percent": self.from_cache,
            "cache_read_tokens": self.figures.cache_read_tokens,
            "cache_write_tokens": self.written,
            "recached_tokens": self.figures.recached_tokens,
            "saved_usd": usd(self.saved_nano),
            "recached_usd": usd(self.again_nano),
            "cost_usd": usd(self.figures.cost_nano),
        }


class Cache(NamedTuple):
    """Each project's use, the dearest first, and all of it."""

    lines: list[CacheUse]
    total: CacheUse

    def document(self) -> dict[str, Any]:
        """The JSON document of `cache`; every column of tokens and dollars adds up to `total`."""
        rows = [{"module": one.key, **one.document(), "estimate": True} for one in self.lines]
        return {"total": self.total.document(), "rows": rows}


def cache(ledger: Ledger, asked: Asked) -> Cache:
    """The cache by project. Raises InputError, NotFoundError (see `sums`), LedgerError, ConfigError."""
    found: dict[str, CacheUse] = {}
    prices = CachePrices()
    for start, end in _stretches(ledger, asked, prices):
        for row in sums(ledger, ("module", *SOLD), asked._replace(since=start, until=end)).rows:
            module, source, model = row.key
            one = use(module, (source, model), row.figures, start or 0, prices)
            found[module] = found[module].plus(one) if module in found else one
    lines = sorted(found.values(), key=lambda one: (-one.figures.cost_nano, one.key))
    total = CacheUse("", Figures(), 0, 0)
    for one in lines:
        total = total.plus(one)
    return Cache(lines, total)


class CachePrices:
    """The prices that one answer is made with: of each source and model, read once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[Any]] = {}
        self._rates: dict[tuple[tuple[str, str], int], tuple[int, int, int, int] | None] = {}

    def rows(self, sold: tuple[str, str]) -> list[Any]:
        """All prices that a model of a source ever had."""
        if sold not in self._rows:
            self._rows[sold] = _rows(*sold)
        return self._rows[sold]

    def at(self, sold: tuple[str, str], at: int) -> tuple[int, int, int, int] | None:
        """Nano-dollars of `UNIT` tokens as plain input, read from the cache, written to it for 5 minutes or an hour."""
        if (sold, at) not in self._rates:
            self._rates[sold, at] = _rates(self.rows(sold), at)
        return self._rates[sold, at]


def use(key: str, sold: tuple[str, str], figures: Figures, at: int, prices: CachePrices) -> CacheUse:
    """What the cache did in these figures of a source's model, at its price at an instant (UTC microseconds)."""
    rates = prices.at(sold, at)
    if rates is None:
        return CacheUse(key, figures, 0, 0)
    plain, read, short, long = rates
    saved = (
        figures.cache_read_tokens * (plain - read)
        - figures.cache_write_5m_tokens * (short - plain)
        - figures.cache_write_1h_tokens * (long - plain)
    )
    written = figures.written_tokens
    longer = figures.recached_tokens * figures.cache_write_1h_tokens // written if written else 0
    again = (figures.recached_tokens - longer) * short + longer * long
    return CacheUse(key, figures, saved // UNIT, again // UNIT)


def share_from_cache(one: Figures) -> float | None:
    """Percent of a prompt that was read from the cache, to one decimal; None without a prompt."""
    return round(one.cache_read_tokens * 100 / one.prompt_tokens, 1) if one.prompt_tokens else None


def _rates(rows: list[Any], at: int) -> tuple[int, int, int, int] | None:
    row = pricing.row_at(rows, at / MICRO)
    kinds = (usage.INPUT, usage.READ, usage.WRITE_5M, usage.WRITE_1H)
    costs = [
        pricing.cost_nano([UNIT if place == kind else 0 for place in range(len(usage.FIELDS))], row)
        for kind in kinds
    ]
    plain, read, short, long = costs
    if plain is None or read is None or short is None or long is None:
        return None
    return plain, read, short, long


def _rows(source: str, model: str) -> list[Any]:
    from gaia_budget.prices import table

    prices = table.load(claude_code=source == billing.CLAUDE_CODE)
    name = prices.name(model)
    return prices.rows(name) if name else []


def _stretches(ledger: Ledger, asked: Asked, prices: CachePrices) -> list[tuple[int | None, int | None]]:
    """The stretch that is asked about, cut where a model in it got another price."""
    since, until = ledger.instant(asked.since), ledger.instant(asked.until, end=True)
    end = ledger.now() if until is None else until
    sold = [(row.key[0], row.key[1]) for row in sums(ledger, SOLD, asked).rows]
    changes = {int(row[0]) * MICRO for one in sold for row in prices.rows(one)}
    edges = sorted(one for one in changes if (since or 0) < one < end)
    return list(pairwise([since, *edges, until]))
