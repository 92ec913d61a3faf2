"""A changed answer to how Claude Code is paid for: what the open month holds of unknown billing follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gaia_budget.ledger.zone import bucket
from gaia_budget.model import Event
from gaia_hooks.facts.prices import billing

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

PAGE = 10_000
ANY = (
    "SELECT 1 FROM rollups WHERE org = ? AND grain = 'month' AND bucket = ? AND source = 'claude_code' "
    "AND billing = 'unknown' AND events > 0 LIMIT 1"
)
FIELDS = Event.__struct_fields__
OPEN = (
    "SELECT " + ", ".join(f'"{name}"' for name in FIELDS) + " FROM events WHERE org = ? AND ts >= ? "  # noqa: S608
    f"AND source = 'claude_code' AND billing = 'unknown' AND (machine = ? OR ?) ORDER BY ts LIMIT {PAGE}"
)


def rebill(ledger: Ledger, settings: Settings) -> int:
    """Book what this machine's Claude Code spent this month, and nobody knew how, as it is paid for; how many events.

    What was known when it was booked stays as it was: an answer holds from then on. Raises LedgerError.
    """
    if settings.billing == billing.UNKNOWN:
        return 0
    month = bucket(ledger.zone, "month", ledger.now())
    if not ledger.db.ask(lambda ask: list(ask(ANY, (ledger.org, month)))):
        return 0
    values = (ledger.org, ledger.zone.start_of_month(month), ledger.machine, not ledger.db.shared)
    changed = 0
    while True:
        rows = ledger.db.ask(lambda ask: list(ask(OPEN, values)))
        found = [Event(**dict(zip(FIELDS, row, strict=True))) for row in rows]
        paid = [msgspec.structs.replace(event, billing=settings.billing) for event in found]
        ledger.record(paid, priced_before=True)
        changed += len(found)
        if len(found) < PAGE:
            return changed
