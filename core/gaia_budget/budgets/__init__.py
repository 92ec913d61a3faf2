"""Money that is held: limits, reservations, leases and overrides, composed over a ledger."""

from gaia_budget.budgets.budgets import Budgets
from gaia_budget.budgets.leases import LeaseReport
from gaia_budget.budgets.limits import Scope

__all__ = ["Budgets", "LeaseReport", "Scope"]
