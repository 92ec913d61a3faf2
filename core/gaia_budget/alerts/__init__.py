"""Alerts: rules as data, judged by the ledger's sums, each fired once, recorded, and told where the rule says.

`evaluate` judges and writes down, `send` tells the channels outside this program; `ingest` calls both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.alerts import rules
from gaia_budget.alerts.channels import send
from gaia_budget.alerts.evaluation import Evaluated, evaluate
from gaia_budget.alerts.facts import Facts
from gaia_budget.alerts.fired import Fired
from gaia_budget.ledger.zone import iso

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings

__all__ = ["Evaluated", "evaluate", "problems", "send", "stuck"]


def problems(ledger: Ledger, settings: Settings) -> list[str]:
    """What keeps alerts from being judged or told, in words; nothing is judged for it. Raises LedgerError."""
    wrong = [str(error) for error in rules.load().problems]
    return [*wrong, *Facts(ledger, settings).in_two_files, *stuck(ledger)]


def stuck(ledger: Ledger) -> list[str]:
    """Channels that could not send something, in words."""
    return [
        f"{one.waiting} alerts wait for {one.channel} since {iso(one.since_ts)}: {one.problem}"
        for one in Fired(ledger).stuck_deliveries()
    ]
