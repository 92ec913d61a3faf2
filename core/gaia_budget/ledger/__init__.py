"""The ledger: events in, sums out."""

from gaia_budget.ledger.bookmarks import Bookmark
from gaia_budget.ledger.ledger import Ledger
from gaia_budget.ledger.record import Recorded

__all__ = ["Bookmark", "Ledger", "Recorded"]
