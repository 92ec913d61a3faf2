"""Money that is held: limits, reservations, leases and overrides, composed over a ledger."""

from gaia_budget.budgets.budgets import Budgets

__all__ = ["Budgets"]
