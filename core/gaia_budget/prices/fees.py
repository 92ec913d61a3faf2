"""What providers charge beside tokens, where the public price list has no price: `fees.toml`, each with its source."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
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


def uplift(provider: str, host: str, model: str) -> int:
    """By how many percent a regional host is dearer than the list."""
    found = (
        e[3] for e in _data()[1] if e[0] == provider and re.fullmatch(e[1], host) and re.match(e[2], model)
    )
    return next(found, 0)


@cache
def _data() -> tuple[list[tuple[str, str, str, Fee]], list[tuple[str, str, str, int]]]:
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
    return fees, [(one["provider"], one["host"], one["models"], one["percent"]) for one in content["uplift"]]
