"""Days that cost more than is usual, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.forecast.anomalies import anomalies as found_in

if TYPE_CHECKING:
    from gaia_budget.forecast.anomalies import Anomaly
    from gaia_budget.ledger.zone import When
    from gaia_budget.reports.books import Books


def anomalies(books: Books, module: str | None = None, since: When = None) -> list[Anomaly]:
    """The days since then (default: 14 days) that are out of the ordinary. Raises NotFoundError, InputError."""
    return found_in(books.ledger, books.module(module) if module else None, since, books.now)
