"""The ledger: events in, sums out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gaia_budget.ledger.bookmarks import Bookmark
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.ledger.record import Recorded

__all__ = ["Bookmark", "Ledger", "Recorded"]

_HOMES = {"Bookmark": "bookmarks", "Ledger": "ledger", "Recorded": "record"}


def __getattr__(name: str) -> object:
    """Load a name at its first use: a recommendation asks for outcomes alone, and is asked for often."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
