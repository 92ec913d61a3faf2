"""What the ledger sums and by what: names, SQL, and the sums of some events."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_hooks.facts.prices.money import usd
from gaia_hooks.facts.tokens import usage

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKENS = {
    "input_tokens": "fresh input, without cache reads and writes",
    "output_tokens": "output, reasoning included",
    "cache_read_tokens": "prompt tokens read from the provider's cache",
    "cache_write_5m_tokens": "prompt tokens written to the five-minute cache",
    "cache_write_1h_tokens": "prompt tokens written to the one-hour cache",
    "reasoning_tokens": "the part of the output that was reasoning",
    "web_searches": "server-side web searches",
    "recached_tokens": "written again only because the cache had expired (part of the writes)",
}
MEASURES = {
    "events": "facts of any kind",
    "responses": "billed API responses",
    "unpriced_responses": "responses, and parts of some, without a known price",
    **TOKENS,
    "cost_nano": "nano-dollars of everything that has a price",
}
DIMENSIONS = ("module", "provider", "model", "task", "source", "billing")
TOKENLESS = frozenset({"unattributed", "cache_hit"})
"""Kinds whose tokens were not used, or are not known to be: they count in dollars alone."""

_COUNTED = "kind NOT IN ({})".format(", ".join(f"'{kind}'" for kind in sorted(TOKENLESS)))
SUMS_OF_EVENTS = (
    "count(*)",
    "sum(CASE WHEN kind = 'response' AND part_of = '' THEN 1 ELSE 0 END)",
    "sum(CASE WHEN kind = 'response' AND cost_nano IS NULL THEN 1 ELSE 0 END)",
    *(f"sum(CASE WHEN {_COUNTED} THEN {name} ELSE 0 END)" for name in TOKENS),
    "coalesce(sum(cost_nano), 0)",
)
"""The sums of `MEASURES` over rows of `events`, in SQL."""
SUMS_OF_ROLLUPS = tuple(f"CAST(sum({name}) AS BIGINT)" for name in MEASURES)
"""The same over rows of `rollups`. PostgreSQL sums integers to decimals, which take longer to read than to add."""

_usage = attrgetter(*usage.FIELDS)


class Figures(NamedTuple):
    """Sums of some events: tokens of responses and failed calls, nano-dollars of everything."""

    events: int = 0
    responses: int = 0
    unpriced_responses: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    web_searches: int = 0
    recached_tokens: int = 0
    cost_nano: int = 0

    @property
    def budget_tokens(self) -> int:
        """What counts against session budgets: input + cache writes + output - re-cached (requirement R24)."""
        return usage.budget_tokens(_usage(self), self.recached_tokens)

    @property
    def written_tokens(self) -> int:
        """What was written to the cache, for however long."""
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def cache_tokens(self) -> int:
        """What went through the cache: written to it or read from it."""
        return self.cache_read_tokens + self.written_tokens

    @property
    def prompt_tokens(self) -> int:
        """All of the prompts: input, and what went through the cache."""
        return usage.prompt_tokens(_usage(self))

    @property
    def total_tokens(self) -> int:
        """Everything: prompts and output."""
        return self.prompt_tokens + self.output_tokens

    def plus(self, other: Figures) -> Figures:
        """Both together."""
        return Figures(*map(int.__add__, self, other))

    @classmethod
    def sum(cls, parts: Iterable[Figures]) -> Figures:
        """All together."""
        return cls(*map(sum, zip(*parts, strict=True)))

    def document(self) -> dict[str, Any]:
        """The JSON keys that every face shows; dollars as a decimal string."""
        shown = self._asdict()
        cost = shown.pop("cost_nano")
        del shown["events"]
        return {
            "responses": shown.pop("responses"),
            "budget_tokens": self.budget_tokens,
            **shown,
            "cost_usd": usd(cost),
        }
