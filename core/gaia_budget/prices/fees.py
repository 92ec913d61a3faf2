"""What providers charge beside tokens, where the public price list has no price: `fees.toml`, each with its source."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

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


def share(variant: str, provider: str) -> int:
    """What percentage of the usual price a way of asking costs by its provider's rule; 0: there is no rule."""
    return _data()[2].get((variant, provider), 0)


@cache
def _data() -> tuple[
    list[tuple[str, str, str, Fee]], list[tuple[str, str, str, int]], dict[tuple[str, str], int]
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
    shares = {(one["variant"], one["provider"]): one["percent"] for one in content["share"]}
    return fees, uplifts, shares
