"""The month of every module against its cap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.alerts.facts import Facts
from gaia_budget.forecast.standing import MonthStatus

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings


def months(ledger: Ledger, settings: Settings) -> list[MonthStatus]:
    """The month of every module that has a budget or has spent something. Raises ConfigError, LedgerError."""
    facts = Facts(ledger, settings)
    granted = ledger.active_overrides()
    return [
        MonthStatus(
            facts.months[name].month if name in facts.months else ledger.month(name),
            outlook.limit_nano,
            settings.module(name).counts_claude_code,
            outlook,
            sum(one.left_nano for one in granted if one.module == name),
        )
        for name, outlook in sorted(facts.outlooks.items())
    ]
