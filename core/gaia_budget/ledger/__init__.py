"""The ledger: what was spent, and the budgets that decide what may be."""

from gaia_budget.ledger.ledger import Bookmark, Ledger
from gaia_budget.ledger.record import Recorded

__all__ = ["Bookmark", "Ledger", "Recorded"]
