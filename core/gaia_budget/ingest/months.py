"""What each module has spent this month, for the hooks' snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.snapshot import Months

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings


def months(ledger: Ledger, settings: Settings, counted_to: int) -> Months:
    """Every module with spend this month: (what counts against its cap, everything), in nano-dollars."""
    figures: dict[str, tuple[int, int]] = {}
    for row in ledger.spend(by=("module",), since="month").rows:
        name = row.key[0]
        month = ledger.month(name)
        counts = settings.module(name).counts_claude_code
        figures[name] = (month.spent_nano(counts_claude_code=counts), row.figures.cost_nano)
    return Months(figures, counted_to)
