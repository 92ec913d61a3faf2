"""What an answer costs: by whose price, and what of it has no price in any list. Pure arithmetic.

The price is that of the model that answered, else of the one asked for; the provider is the host's, else the
SDK's, else (a gateway) the one that the model's name tells. What the list leaves out is in `gaia_budget.prices.fees`.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.prices import fees
from gaia_budget.prices.table import UNPRICED
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens import usage

if TYPE_CHECKING:
    from gaia_budget.middleware.wire import Ask, Part, Seen
    from gaia_budget.prices.names import Name
    from gaia_budget.prices.table import PriceTable

LOCAL, TOLD, FEES = "local", "provider", "fees"
"""Price sources: a host of the setting `local_hosts`, a provider that tells its own bill, our dated list of fees."""
TELLS_ITS_BILL = frozenset({"openrouter"})
LONGEST_NAME = 80  # of a model, in what is said about it


class Seller(NamedTuple):
    """Who answers at a host. `known`: the host is that provider's own. `free`: the user says it costs nothing."""

    provider: str
    host: str = ""
    known: bool = False
    free: bool = False


class PricedAnswer(NamedTuple):
    """Nano-dollars, or None where the answer as a whole has no price; who says so; what has no price in it."""

    nano: int | None
    source: str
    unpriced: tuple[str, ...] = ()


def name_of(prices: PriceTable, model: str, seller: Seller) -> Name | None:
    """The priced model that a name means at a seller; None where nobody has a price for it."""
    if not model:
        return None
    found = prices.name(model, seller.provider)
    return prices.name(model) if found is None and not seller.known else found


def bill(
    prices: PriceTable, seller: Seller, ask: Ask, seen: Seen, used: tuple[int, ...], at: float
) -> PricedAnswer:
    """The bill of an answer that used so much, at an instant in seconds."""
    if seller.free:
        return PricedAnswer(0, LOCAL)
    if seen.told_nano is not None and seller.provider in TELLS_ITS_BILL:
        return PricedAnswer(seen.told_nano, TOLD)
    name = name_of(prices, seen.model, seller) or name_of(prices, ask.model, seller)
    if name is None:
        return PricedAnswer(None, UNPRICED, (f"model {_short(seen.model or ask.model)}", *seen.unpriced))
    variant = ask.variant if seen.variant is None else seen.variant
    row = pricing.row_at(prices.rows(name, variant), at) or fees.at_share(prices, name, variant, at)
    if row is None:
        what = f"{variant} tier of {name.model}" if variant else f"model {name.model} on that day"
        return PricedAnswer(None, UNPRICED, (what, *seen.unpriced))
    missing = list(seen.unpriced)
    more = _by_the_piece(seller, name, row, used, seen, missing) if seen.fees or used[usage.SEARCHES] else 0
    if seen.parts:
        more += sum(_part(prices, seller, part, at, missing) for part in seen.parts)
    if row[2] is None:
        used = (*used[: usage.SEARCHES], 0)
    priced = prices.cost(row, used, seen.media, seen.runs)
    if priced is None or _is_mute(ask, row, seen):
        return PricedAnswer(None, UNPRICED, (f"kinds of tokens of {name.model}", *missing))
    percent = 100 + fees.uplift(name.provider, seller.host, name.model)
    nano = priced + more if percent == 100 else round(Fraction((priced + more) * percent, 100))
    return PricedAnswer(nano, pricing.source_of(row, prices.default_source), tuple(missing))


def _by_the_piece(
    seller: Seller, name: Name, row: list[Any], used: tuple[int, ...], seen: Seen, missing: list[str]
) -> int:
    """Searches, containers and the like; the list's price where it has one."""
    wanted = dict(seen.fees)
    if used[usage.SEARCHES] and row[2] is None:
        wanted["search"] = used[usage.SEARCHES]
    total = 0
    for what, count in wanted.items():
        nano = _file_searches(row, count) if what == "file search" else None
        if nano is None:
            nano = fees.cost_nano(what, name.provider, name.model, count)
        if nano is None and what != "search model":
            missing.append(what)
        total += nano or 0
    return total


def _file_searches(row: list[Any], count: int) -> int | None:
    extras = row[3] if len(row) > 3 else {}
    rate = extras.get("file_search")
    return (
        None
        if rate is None
        else round(Fraction(rate * count, extras.get("per_nano", pricing.FEMTO_PER_NANO)))
    )


def _part(prices: PriceTable, seller: Seller, part: Part, at: float, missing: list[str]) -> int:
    """What another model did within the answer."""
    name = name_of(prices, part.model, seller)
    row = pricing.row_at(prices.rows(name, part.variant), at) if name else None
    nano = None if row is None else pricing.cost_nano(part.usage, row, 0, part.runs)
    if nano is None:
        missing.append(f"model {_short(part.model)}")
        return 0
    return nano


def _is_mute(ask: Ask, row: list[Any], seen: Seen) -> bool:
    """Whether speech was used of a model of OpenAI's that the list knows no price of speech for."""
    if ask.provider != "openai" or not any(kind.endswith("_audio") for kind in seen.media):
        return False
    media = row[3].get("media", {}) if len(row) > 3 else {}
    return not any(kind.endswith("_audio") for kind in media) and "tts" not in (seen.model or ask.model)


def of_service(seller: Seller, ask: Ask, seen: Seen) -> PricedAnswer:
    """The bill of a service that no model's tokens are told of: its published fees, else none is known."""
    costs = [fees.cost_nano(what, seller.provider, ask.model, count) for what, count in seen.fees.items()]
    if not costs or None in costs or seen.unpriced:
        return PricedAnswer(None, UNPRICED, tuple(seen.unpriced) or (ask.operation,))
    return PricedAnswer(sum(cost or 0 for cost in costs), FEES)


def assumed_nano(prices: PriceTable, seller: Seller, ask: Ask, used: tuple[int, ...]) -> int | None:
    """What an answer without a price counts as against budgets: the dearest of its own family; None: no such."""
    name = stand_in(prices, seller, ask.model)
    row = pricing.row_at(prices.rows(name), time.time()) if name else None
    return None if row is None else prices.cost(row, (*used[: usage.SEARCHES], 0), {})


def stand_in(prices: PriceTable, seller: Seller, model: str) -> Name | None:
    """The dearest model of the same maker's same family: never another's row."""
    return name_of(prices, model, seller) or prices.dearest(seller.provider, like=model)


def _short(model: str) -> str:
    return model if len(model) <= LONGEST_NAME else f"{model[:LONGEST_NAME]}…"
