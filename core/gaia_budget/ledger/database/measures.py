"""What the ledger sums and by what: names, and SQL."""

from __future__ import annotations

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
