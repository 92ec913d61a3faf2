"""The calendar month of a module, of every module, and of all together, against their caps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.budgets import Budgets
from gaia_budget.forecast.outlook import Outlook, forecast, together
from gaia_budget.forecast.standing import MonthStatus, hundredths
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from gaia_budget.budgets.months import MonthSpend
    from gaia_budget.reports.books import Books


class Total(NamedTuple):
    """All modules together: the same money that counts for each of them. `limit_nano` is None without a common cap."""

    limit_nano: int | None
    spent_nano: int
    used_nano: int
    claude_code_nano: int
    outlook: Outlook

    @property
    def percent(self) -> float | None:
        """Share of the common cap, cut to hundredths."""
        return None if self.limit_nano is None else hundredths(self.spent_nano, self.limit_nano)

    def document(self) -> dict[str, Any]:
        """The key `total` of `forecast --json` and of the overview."""
        ends = self.outlook.document()
        return {
            "limit_usd": None if self.limit_nano is None else usd(self.limit_nano),
            "spent_usd": usd(self.spent_nano),
            "used_usd": usd(self.used_nano),
            "claude_code_usd": usd(self.claude_code_nano),
            "percent": self.percent,
            **{key: ends[key] for key in ("projected_usd", "low_usd", "high_usd", "exhausted_on", "method")},
        }


def month(books: Books, module: str) -> MonthStatus:
    """A module's month, with where it ends. Raises ConfigError, LedgerError."""
    ends = next(iter(forecast(books.ledger, books.settings, books.budget, module, books.now)), None)
    return month_so_far(books, module)._replace(outlook=ends)


def month_so_far(books: Books, module: str) -> MonthStatus:
    """The same without where it ends, which takes longer than all the rest. Raises ConfigError, LedgerError."""
    return _status(books, Budgets(books.ledger).month(module, books.now), None)


def months(books: Books) -> list[MonthStatus]:
    """The month of every module that has a budget or has spent something lately. Raises ConfigError, LedgerError."""
    ledger = books.ledger
    spent = Budgets(ledger).months(books.now)
    found = {one.module: one for one in forecast(ledger, books.settings, books.budget, None, books.now)}
    return [
        _status(books, spent.get(name) or Budgets(ledger).month(name, books.now), found.get(name))
        for name in sorted({*found, *spent})
    ]


def total(books: Books) -> Total:
    """All modules together. Raises LedgerError."""
    counts = books.counts_claude_code
    spent = Budgets(books.ledger).months(books.now).values()
    states = [MonthStatus(one, 0, counts(one.module)) for one in spent]
    return Total(
        books.settings.total_limit_nano,
        sum(one.spent_nano for one in states),
        sum(one.used_nano for one in states),
        sum(one.month.claude_code_nano + one.month.plan_equivalent_nano for one in states),
        together(books.ledger, books.settings, books.now),
    )


def _status(books: Books, spent: MonthSpend, ends: Outlook | None) -> MonthStatus:
    name = spent.module
    left = sum(one.left_nano for one in books.overrides if one.module == name)
    held = books.budget.module_or_default(name, books.settings)
    thresholds = float(held.alert_threshold_pct), float(held.critical_threshold_pct)
    return MonthStatus(spent, held.limit_nano, books.counts_claude_code(name), ends, left, thresholds)
