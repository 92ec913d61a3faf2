"""Where each module's month ends, and where all of them together end; days that cost more than is usual, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.forecast.anomalies import anomalies as found_in
from gaia_budget.forecast.outlook import Outlook
from gaia_budget.forecast.outlook import forecast as outlooks
from gaia_budget.reports.money.month import Total, total
from gaia_budget.reports.money.plan import PlanWindow, plan_windows

if TYPE_CHECKING:
    from gaia_budget.forecast.anomalies import Anomaly
    from gaia_budget.ledger.zone import When
    from gaia_budget.reports.books import Books


class Forecast(NamedTuple):
    """The months, the dearest projection first; all modules together; and the plan's windows by name."""

    modules: list[Outlook]
    total: Total
    plan: dict[str, PlanWindow | None]

    def document(self) -> dict[str, Any]:
        """The JSON document of `forecast`."""
        return {
            "modules": [one.document() for one in self.modules],
            "total": self.total.document(),
            "plan": {name: one.document() if one else None for name, one in self.plan.items()},
        }


def forecast(books: Books, module: str | None = None) -> Forecast:
    """Of one module or of all. Raises NotFoundError, ConfigError, LedgerError."""
    wanted = books.module(module) if module else None
    found = outlooks(books.ledger, books.settings, books.budget, wanted, books.now)
    return Forecast(found, total(books), plan_windows(books.ledger, books.now))


def anomalies(books: Books, module: str | None = None, since: When = None) -> list[Anomaly]:
    """The days since then (default: 14 days) that are out of the ordinary. Raises NotFoundError, InputError."""
    return found_in(books.ledger, books.module(module) if module else None, since, books.now)
