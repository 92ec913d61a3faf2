"""One calendar month of a module, or of all: what was spent, and what is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ledger.charges import module_scope
from gaia_budget.ledger.zone import Zone, first_of, month_name
from gaia_hooks.facts.prices import billing

if TYPE_CHECKING:
    from gaia_budget.ledger.database.connection import Ask

SPENT = (
    "SELECT module, source, billing, sum(cost_nano) FROM rollups "
    "WHERE org = ? AND grain = 'month' AND bucket = ? {} GROUP BY module, source, billing"
)
HELD = "SELECT scope, assumed_nano, reserved_nano, override_nano FROM budgets WHERE org = ? AND scope {} ?"


class MonthSpend(NamedTuple):
    """A module's month in nano-dollars; what of it counts against a cap says `gaia_hooks.facts.prices.billing`.

    `app_nano` is spend of apps, `claude_code_nano` Claude Code spend that counts where the module's setting says so,
    `unknown_billing_nano` the part of it of which nobody knows how it is billed, `plan_equivalent_nano` plan usage
    at API prices, which is not billed.
    """

    module: str
    name: str
    start_ts: int
    end_ts: int
    resets_on: str
    app_nano: int
    claude_code_nano: int
    unknown_billing_nano: int
    plan_equivalent_nano: int
    assumed_nano: int
    reserved_nano: int
    override_nano: int

    def spent_nano(self, *, counts_claude_code: bool = False) -> int:
        """What counts against the cap; with Claude Code's spend where the module's setting says so."""
        return self.app_nano + self.assumed_nano + (self.claude_code_nano if counts_claude_code else 0)


def months(ask: Ask, zone: Zone, org: str, number: int, module: str | None = None) -> dict[str, MonthSpend]:
    """The month (`year * 12 + month - 1`) of each module that spent something in it, or of one."""
    if module is None:
        spent = ask(SPENT.format(""), (org, number))
        held = ask(HELD.format("LIKE"), (org, f"module:%:{month_name(number)}"))
        costs: dict[str, dict[tuple[str, str], int]] = {}
    else:
        spent = ask(SPENT.format("AND module = ?"), (org, number, module))
        held = ask(HELD.format("="), (org, module_scope(module, number)))
        costs = {module: {}}
    for name, source, paid, nano in spent:
        costs.setdefault(name, {})[source, paid] = int(nano)
    amounts = {name: tuple(rest) for name, *rest in held}
    for name in amounts:
        costs.setdefault(name.split(":", 1)[1].rsplit(":", 1)[0], {})
    return {
        name: _month(zone, name, number, cost, amounts.get(module_scope(name, number), (0, 0, 0)))
        for name, cost in costs.items()
    }


def _month(
    zone: Zone, module: str, number: int, cost: dict[tuple[str, str], int], held: tuple[int, ...]
) -> MonthSpend:
    return MonthSpend(
        module,
        month_name(number),
        zone.start_of_month(number),
        zone.start_of_month(number + 1),
        first_of(number + 1).isoformat(),
        _countable(cost, billing.APP),
        _countable(cost, billing.CLAUDE_CODE),
        cost.get((billing.CLAUDE_CODE, billing.UNKNOWN), 0),
        sum(nano for (_, paid), nano in cost.items() if paid == billing.PLAN),
        *held,
    )


def _countable(cost: dict[tuple[str, str], int], source: str) -> int:
    return sum(nano for (of, paid), nano in cost.items() if of == source and billing.counts(of, paid, True))
