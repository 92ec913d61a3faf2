"""What comes with time alone: each `ingest` does it, and with it the server's worker and the start of a session.

Admission needs none of it: what is overdue counts in full against its budget, reserved or assumed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gaia_budget.errors import GaiaBudgetError
from gaia_budget.ledger import spool

if TYPE_CHECKING:
    from gaia_budget.ledger.ledger import Ledger

log = logging.getLogger(__name__)


def upkeep(ledger: Ledger) -> None:
    """Give the ledger what was kept for it; settle what is overdue. Raises LedgerError."""
    try:
        spool.replay(ledger)
    except (GaiaBudgetError, OSError) as error:  # it stays in its file: the next time, perhaps
        log.warning("what %s holds is told later: %s", spool.NAME, error)
    ledger.expire()
