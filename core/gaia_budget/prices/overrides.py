"""Prices that the user or the owner names: `prices.toml` in the state folder, `pricing_snapshot` of the owner.

prices.toml holds contract prices and models that no list has, in USD per million tokens:

    [[price]]
    model = "claude-opus-5-5"     # as the API names it; `provider` where two sell the same name
    from = 2026-10-01             # optional: the list price holds before
    input = 3.2
    output = 16
    cache_read = 0.16             # what is left out is charged as input (reasoning as output)
    cache_write_5m = 4
    cache_write_1h = 6.4
    web_search = 0.01             # one search
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.errors import ConfigError
from gaia_budget.prices import families, flatten
from gaia_hooks.facts.prices import pricing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OVERRIDE, SNAPSHOT = "override", "snapshot"
RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")
KEYS = ("model", "provider", "from", *RATES, "web_search", "request")
REQUIRED = ("model", "input", "output")
PER_MILLION = Decimal(10) ** 6


class OwnPrice(NamedTuple):
    """One price of the user's; `row` is in the form of `gaia_hooks.facts.prices.pricing`."""

    model: str
    provider: str
    row: list[Any]


def file() -> Path:
    """Where the user's prices lie. It may not exist."""
    return places.home() / "prices.toml"


def load() -> list[OwnPrice]:
    """The user's prices in the order of time. Raises ConfigError with the entry, the key and the valid keys."""
    from gaia_budget.configfile import read_toml

    source = file()
    table = read_toml(source, parse_float=Decimal)
    unknown = sorted(set(table) - {"price"})
    if unknown:
        raise ConfigError(source, "is not a known key", key=unknown[0], choices=["price"])
    entries = table.get("price", [])
    if not isinstance(entries, list):
        raise ConfigError(source, "must be written [[price]]", key="price")
    made = [_override(entry, source, f"price {number}") for number, entry in enumerate(entries, 1)]
    return sorted(made, key=lambda one: int(one.row[0]))


def snapshot_rows(prices: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """The owner's snapshot as {provider: {family or model: row}}; `prices` as in `gaia_budget.owner`.

    A kind of token that the snapshot has no price for is charged as input, since nothing else is written.
    """
    made: dict[str, dict[str, list[Any]]] = {}
    for provider, entries in prices.items():
        for name, price in entries.items():
            read = price.input_per_1m if price.cache_read_per_1m is None else price.cache_read_per_1m
            amounts = (price.input_per_1m, price.output_per_1m, read, price.input_per_1m, price.input_per_1m)
            tier = [-1, *(Decimal(amount) / PER_MILLION for amount in amounts)]
            made.setdefault(provider.lower(), {})[name.lower()] = flatten.flat_row(
                0, [tier], None, source=SNAPSHOT
            )
    return made


def snapshot_row(rows: Mapping[str, Mapping[str, list[Any]]], model: str, provider: str) -> list[Any] | None:
    """The snapshot's row of a model: by its id, else by its family; None where the snapshot has none."""
    entries = rows.get(provider, {})
    return entries.get(model.lower()) or entries.get(families.family_of(model) or "")


def in_variant(row: list[Any], standard: list[Any], listed: list[Any]) -> list[list[Any]]:
    """A row of the user's for a tier of service, such as batch or flex.

    Where the list sells that tier, each rate moves as the list's does from `standard` to `listed`, by its dates.
    """
    if not listed or not standard:
        return [row]
    dates = sorted({row[0], *(one[0] for one in (*standard, *listed) if one[0] > row[0])})
    return [_moved(row, at, pricing.row_at(standard, at), pricing.row_at(listed, at)) for at in dates]


def _moved(row: list[Any], at: int, usual: list[Any] | None, special: list[Any] | None) -> list[Any]:
    if usual is None or special is None:
        return [at, *row[1:]]
    rates, text, other = row[1][0], usual[1][0], special[1][0]
    moved: list[Any] = []
    for own, old, new in zip(rates[1:6], text[1:6], other[1:6], strict=True):
        moved.append(own if not old or new is None else Fraction(own * new, old))
    moved += [moved[1] if rates[6] == rates[2] else rates[6]] if len(rates) > 6 else []
    finer = lcm(*(Fraction(rate).denominator for rate in moved))
    extras = {**(row[3] if len(row) > 3 else {})}
    extras["per_nano"] = extras.get("per_nano", pricing.FEMTO_PER_NANO) * finer
    if "request" in extras:
        extras["request"] *= finer
    search = None if row[2] is None else row[2] * finer
    return [at, [[-1, *(int(rate * finer) for rate in moved)]], search, extras]


def _override(entry: Any, source: Path, place: str) -> OwnPrice:
    if not isinstance(entry, dict):
        raise ConfigError(source, "must be a table", key=place)
    wrong = sorted(set(entry) - set(KEYS))
    if wrong:
        raise ConfigError(source, "is not a known key", key=f"{place}.{wrong[0]}", choices=KEYS)
    missing = [key for key in REQUIRED if key not in entry]
    if missing:
        raise ConfigError(source, "is missing", key=f"{place}.{missing[0]}")
    for key in ("model", "provider"):
        if key in entry and not (isinstance(entry[key], str) and entry[key].strip()):
            raise ConfigError(source, "must be a name in quotes", key=f"{place}.{key}")
    amounts = {key: _amount(entry[key], source, f"{place}.{key}") for key in entry if key not in KEYS[:3]}
    tier: list[Any] = [
        -1,
        *(amounts.get(key, amounts["input"]) / PER_MILLION for key in RATES[:5] if key != "output"),
    ]
    tier.insert(2, amounts["output"] / PER_MILLION)
    if "reasoning" in amounts:
        tier.append(amounts["reasoning"] / PER_MILLION)
    start = _day(entry.get("from"), source, f"{place}.from")
    row = flatten.flat_row(start, [tier], amounts.get("web_search"), amounts.get("request"), OVERRIDE)
    return OwnPrice(str(entry["model"]).strip(), str(entry.get("provider", "")).strip(), row)


def _amount(value: Any, source: Path, key: str) -> Decimal:
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ConfigError(
            source, f"{value!r} is not an amount of USD", key=key, cure="Write a number such as 2.5"
        )
    return amount


def _day(value: Any, source: Path, key: str) -> int:
    if value is None:
        return 0
    from gaia_budget.configfile import day

    return int(datetime.combine(day(value, source, key), time(), UTC).timestamp())
