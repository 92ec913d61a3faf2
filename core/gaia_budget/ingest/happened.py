"""Takes what the newest calls of apps show about models' work into the recorded outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.errors import ConfigError
from gaia_budget.routing import table, wishes
from gaia_budget.routing.evidence import happened
from gaia_budget.routing.table import TIERS

if TYPE_CHECKING:
    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger import Ledger

LOOK_BACK = 2 * 86_400 * 1_000_000
"""Microseconds of calls that are looked at each time: what was found before is found again, and changes nothing."""
ALREADY_JUDGED = "escalation"


def learn(ledger: Ledger, report: Report) -> None:
    """Record what is new. A routing table that cannot be read is named in the report, and nothing is learnt by it.

    Raises LedgerError.
    """
    since = ledger.now() - LOOK_BACK
    calls = [happened.Call(*row) for row in ledger.calls_of_tasks(since)]
    if not calls:
        return
    try:
        routing = table.load()
    except ConfigError as error:
        report.skip(str(table.file()), 0, str(error))
        return

    def strength(model: str) -> int | None:
        known = wishes.standing_of(model, routing)
        return TIERS.index(known[1]) if known else None

    judged = {
        (one.task, one.model) for one in ledger.outcomes() if one.kind == ALREADY_JUDGED and one.ts >= since
    }
    found = [one for one in happened.outcomes(calls, strength) if (one.task, one.model) not in judged]
    for one in found:
        ledger.record_outcome(
            one.task, one.model, False, module=one.module, kind=one.kind, ts=one.ts, outcome_id=one.outcome_id
        )
