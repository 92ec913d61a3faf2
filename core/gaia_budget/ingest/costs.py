"""The price of what is taken in: one look-up per model, integer arithmetic per response."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

from gaia_budget.prices import table
from gaia_hooks.facts.prices import pricing
from gaia_hooks.machine import clock


class Cost(NamedTuple):
    """Nano-dollars and who named the price; None and "unpriced" where no price is known."""

    nano: int | None
    source: str
    provider: str


class Costs:
    """Prices by model, variant and instant: the prices in force, and list prices."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, bool], tuple[list[Any], str]] = {}

    @cached_property
    def _of_claude_code(self) -> table.PriceTable:
        return table.load(claude_code=True)

    @cached_property
    def _of_apps(self) -> table.PriceTable:
        return table.load()

    def of(
        self,
        model: str,
        variant: str,
        usage: tuple[int, ...],
        ts: int,
        provider: str = "",
        runs: tuple[tuple[int, ...], ...] = (),
        *,
        app: bool = False,
    ) -> Cost:
        """What a response cost at an instant (microseconds), by the prices in force (`runs`: see `pricing`).

        An app's is not priced by the contract that Claude Code's settings tell of.
        """
        in_force = self._of_apps if app else self._of_claude_code
        row, provider = self._row(model, variant, ts, provider, app)
        cost = pricing.cost_nano(usage, row, runs=runs)
        if cost is None:
            return Cost(None, table.UNPRICED, provider)
        return Cost(cost, pricing.source_of(row, in_force.default_source), provider)

    def row(self, model: str, variant: str, ts: int) -> list[Any] | None:
        """The price row of a model of Claude Code's at an instant (see `pricing`); None where none is known."""
        return self._row(model, variant, ts, "", False)[0]

    def _row(
        self, model: str, variant: str, ts: int, provider: str, app: bool
    ) -> tuple[list[Any] | None, str]:
        in_force = self._of_apps if app else self._of_claude_code
        found = self._rows.get((model, variant, app))
        if found is None:
            name = in_force.name(model, provider)
            found = (in_force.rows(name, variant), name.provider) if name else ([], provider)
            self._rows[model, variant, app] = found
        rows, provider = found
        return pricing.row_at(rows, ts / clock.MICRO), provider

    def key(self, model: str) -> str:
        """What all names of one model have in common; of an unknown one, the name without `[1m]`."""
        name = self._of_claude_code.name(model)
        return name.model if name else model.partition("[")[0]
