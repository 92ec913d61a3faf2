"""Tables by time beside what a day, a week or a month may cost before it stands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget import owner
from gaia_budget.ledger.questions import TIMES
from gaia_budget.reports.asked import sums
from gaia_budget.reports.money.tables import table
from gaia_hooks.facts.prices import billing

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.asked import Asked
    from gaia_budget.reports.money.tables import SpendTable
    from gaia_budget.settings.keys import Settings

COMPARABLE: tuple[dict[str, Any], ...] = ({}, {"source": "app"})
"""What an answer may be narrowed to beside a module: a threshold is for what counts against caps, of every model."""


def measured(ledger: Ledger, settings: Settings, axis: str, asked: Asked) -> SpendTable:
    """The table by an axis, with its threshold where it is one of time and there is one.

    Raises InputError, NotFoundError (see `sums`), LedgerError, ConfigError for a broken file of the owner's.
    """
    found = table(ledger, axis, asked)
    threshold = threshold_nano(settings, axis, asked) if axis in TIMES else None
    if threshold is None:
        return found
    passed = frozenset(
        key for key, nano in counted(ledger, settings, axis, asked).items() if nano >= threshold
    )
    return found._replace(threshold_nano=threshold, passed=passed)


def counted(ledger: Ledger, settings: Settings, axis: str, asked: Asked) -> dict[str, int]:
    """Nano-dollars that count against caps, by an axis. Raises InputError, NotFoundError (see `sums`), LedgerError."""
    found: dict[str, int] = {}
    for row in sums(ledger, (axis, "module", "source", "billing"), asked).rows:
        key, module, source, paid = row.key
        if billing.counts(source, paid, settings.module(module).counts_claude_code):
            found[key] = found.get(key, 0) + row.figures.cost_nano
    return found


def threshold_nano(settings: Settings, axis: str, asked: Asked) -> int | None:
    """Nano-dollars that one row is compared with; None where there is none. A month's is the cap, without overrides.

    Raises ConfigError.
    """
    where = dict(asked.where)
    module = where.pop("module", "")
    if where not in COMPARABLE:
        return None
    if axis != "month":
        return settings.threshold_nano(axis, module)
    if not module:
        return settings.total_limit_nano
    return owner.load_token_budget().module_or_default(module, settings).limit_nano
