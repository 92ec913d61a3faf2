"""The ledger: what was spent, and the budgets that decide what may be.

`gaia_budget.ledger.reading` answers without the database library; the rest is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gaia_budget.ledger.bookmarks import Bookmark
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.ledger.record import Recorded

__all__ = ["Bookmark", "Ledger", "Recorded"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gaia_budget.ledger import bookmarks, ledger, record

    return {"Bookmark": bookmarks.Bookmark, "Ledger": ledger.Ledger, "Recorded": record.Recorded}[name]
