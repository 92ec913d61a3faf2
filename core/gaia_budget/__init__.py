"""GAIA Token Budget: exact counting, dated prices, budgets that hold.

`from gaia_budget import BudgetGuard, BudgetExceededError, APICost, get_session_costs, get_total_session_cost`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gaia_budget.errors import BudgetExceededError, GaiaBudgetError
    from gaia_budget.middleware.books.costs import APICost, get_session_costs, get_total_session_cost
    from gaia_budget.middleware.guard import BudgetGuard

__all__ = [
    "APICost",
    "BudgetExceededError",
    "BudgetGuard",
    "GaiaBudgetError",
    "get_session_costs",
    "get_total_session_cost",
]

_HOMES = {
    "APICost": "middleware.books.costs",
    "BudgetExceededError": "errors",
    "BudgetGuard": "middleware.guard",
    "GaiaBudgetError": "errors",
    "get_session_costs": "middleware.books.costs",
    "get_total_session_cost": "middleware.books.costs",
}


def __getattr__(name: str) -> object:
    """Load a public name at its first use: importing the package does nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
