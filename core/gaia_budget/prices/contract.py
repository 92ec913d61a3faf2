"""What an organisation pays for what Claude Code uses: `modelPricing` of its managed settings, read as the client does.

    {"modelPricing": {"multiplier": 0.85, "overrides": {"claude-opus-5-5":
        {"input": 3.2, "output": 16, "cacheRead": 0.16, "cacheWrite": 4}}}}

A row of `overrides` (USD per million tokens) is charged as it is written, for both lifetimes of the cache, without
surcharges for speed or place; the multiplier scales every price. Only the files of the machine's administrator
count, for the client as for us: what a user or a program of theirs can write must not make spend look smaller.
What a server or a device management hands the client lies in no such file and is not seen.
"""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.prices.flatten import flat_row
from gaia_hooks.facts.prices import pricing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = "modelPricing"
KINDS = ("input", "output", "cacheRead", "cacheWrite")
MOST_PER_MILLION, MOST_TIMES = 10_000, 10
PER_SEARCH = Decimal("0.01")
PER_MILLION = Decimal(10) ** 6


class Contract(NamedTuple):
    """`rows` by model in lower case (form: `gaia_hooks.facts.prices.pricing`); `ignored` says what is no price."""

    multiplier: Fraction = Fraction(1)
    rows: Mapping[str, list[Any]] = {}
    ignored: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        """Whether it changes any price."""
        return self.multiplier != 1 or bool(self.rows)


def load() -> Contract:
    """The contract of this machine; what cannot be a price is left out and named, as Claude Code does."""
    multiplier, rows, ignored, told = Fraction(1), dict[str, list[Any]](), list[str](), []
    for file in places.managed_settings():
        try:
            found = json.loads(file.read_bytes().decode("utf-8-sig"), parse_float=Decimal)[KEY]
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            continue  # no such file, or nothing in it: what is broken, the client refuses by itself
        told.append(file)
        if not isinstance(found, dict):
            ignored.append(f"{file}: {KEY} is no object")
            continue
        if "multiplier" in found:
            times = _amount(found["multiplier"], MOST_TIMES)
            if times:
                multiplier = Fraction(times)
            else:
                ignored.append(f"{file}: {KEY}.multiplier is no number above 0 and up to {MOST_TIMES}")
        overrides = found.get("overrides", {})
        for model, rates in overrides.items() if isinstance(overrides, dict) else ():
            row = _row(rates)
            if row is None:
                ignored.append(f"{file}: {KEY}.overrides.{model} needs {', '.join(KINDS)} in USD per million")
            else:
                rows[model.strip().lower()] = row
    return Contract(multiplier, rows, tuple(ignored), tuple(told))


def _row(rates: Any) -> list[Any] | None:
    amounts = [
        _amount(rates.get(kind) if isinstance(rates, dict) else None, MOST_PER_MILLION) for kind in KINDS
    ]
    if None in amounts:
        return None
    fresh, output, read, write = (amount / PER_MILLION for amount in amounts if amount is not None)
    row = flat_row(0, [[-1, fresh, output, read, write, write]], PER_SEARCH, source=pricing.CONTRACT)
    row[3]["flat"] = True
    return row


def _amount(value: Any, most: int) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value) if 0 <= value <= most else None
