"""What providers charge beside tokens, where the public price list has no price: `fees.toml`, each with its source."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_hooks.facts.prices import pricing

if TYPE_CHECKING:
    from gaia_budget.prices.names import Name
    from gaia_budget.prices.table import PriceTable

DATA = Path(__file__).with_name("fees.toml")
NANO_PER_USD = 10**9
MILLION_HOURS = 10**6 * 3600
"""`cache storage` is the price of a million tokens for an hour, counted in token-seconds."""


class Fee(NamedTuple):
    """The price of one in nano-dollars; `once` where several in one answer are charged as one."""

    nano: int
    once: bool


@lru_cache(maxsize=512)
def fee(what: str, provider: str, model: str) -> Fee | None:
    """What one search, map, container … costs; None where no price is published."""
    for entry in _data()[0]:
        if entry[:2] == (what, provider) and re.match(entry[2], model):
            return entry[3]
    return None


def cost_nano(what: str, provider: str, model: str, count: int) -> int | None:
    """What `count` of something cost in one answer; None where no price is published."""
    found = fee(what, provider, model)
    if found is None:
        return None
    if what == "cache storage":
        return -(-found.nano * count // MILLION_HOURS)
    return found.nano * (min(count, 1) if found.once else count)


@lru_cache(maxsize=512)
def uplift(provider: str, host: str, model: str) -> int:
    """By how many percent a regional host is dearer than the list."""
    found = (
        e[3] for e in _data()[1] if e[0] == provider and re.fullmatch(e[1], host) and re.match(e[2], model)
    )
    return next(found, 0)


def at_share(prices: PriceTable, name: Name, variant: str, at: float) -> list[Any] | None:
    """The row of a way of asking that the list does not sell by itself, by its provider's rule; None: there is none.

    Searches, requests and, where the provider says so, cached tokens cost what they always do.
    """
    service, us_too = pricing.split_variant(variant)
    found = _data()[2].get((service, name.provider))
    row = pricing.row_at(prices.rows(name, pricing.US if us_too else ""), at) if found else None
    if found is None or row is None:
        return None
    percent, cached = found
    percents = (percent, percent, cached, percent, percent, percent)  # of the tiers' kinds of token
    tiers = [[tier[0], *map(_times, tier[1:], percents)] for tier in row[1]]
    extras = dict(row[3]) if len(row) > 3 else {}
    extras["per_nano"] = extras.get("per_nano", pricing.FEMTO_PER_NANO) * 100
    for piece in extras.keys() & {"request", "file_search"}:
        extras[piece] *= 100
    if "media" in extras:
        extras["media"] = {
            kind: [_times(rate, cached if kind.startswith("cached") else percent) for rate in rates]
            for kind, rates in extras["media"].items()
        }
    return [row[0], tiers, _times(row[2], 100), extras]


def _times(rate: int | None, percent: int) -> int | None:
    return None if rate is None else rate * percent


@cache
def _data() -> tuple[
    list[tuple[str, str, str, Fee]], list[tuple[str, str, str, int]], dict[tuple[str, str], tuple[int, int]]
]:
    import tomllib

    content = tomllib.loads(DATA.read_text("utf-8"))
    fees = [
        (
            one["what"],
            one["provider"],
            one["models"],
            Fee(int(Decimal(one["usd"]) * NANO_PER_USD), one.get("per") == "answer"),
        )
        for one in content["fee"]
    ]
    uplifts = [(one["provider"], one["host"], one["models"], one["percent"]) for one in content["uplift"]]
    shares = {
        (one["variant"], one["provider"]): (one["percent"], one.get("cached_percent", one["percent"]))
        for one in content["share"]
    }
    return fees, uplifts, shares
