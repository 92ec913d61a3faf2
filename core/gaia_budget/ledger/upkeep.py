"""What comes with time alone, whoever runs: each `ingest` does it, and so do the server's worker and each app that starts.

Admission needs none of it: what is overdue counts in full against its budget, reserved or assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.ledger import spool

if TYPE_CHECKING:
    from gaia_budget.ledger.ledger import Ledger


def upkeep(ledger: Ledger) -> None:
    """Give the ledger what was kept for it; settle what is overdue. Raises LedgerError, OSError."""
    spool.replay(ledger)
    ledger.expire()
