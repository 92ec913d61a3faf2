"""Prices: what a response cost, by provider, model, date, tier and variant, and who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from gaia_budget.prices.table import Priced

__all__ = ["price"]


def price(
    model: str,
    usage: tuple[int, ...],
    at: datetime | float | None = None,
    provider: str = "",
    variant: str = "",
) -> Priced:
    """What a usage cost, by the price table in force (see `gaia_budget.prices.table.PriceTable.price`).

    Who prices many responses holds on to `gaia_budget.prices.table.load()` instead.
    """
    from gaia_budget.prices import table

    return table.load().price(model, usage, at, provider, variant)
