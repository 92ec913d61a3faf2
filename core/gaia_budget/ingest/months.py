"""What each module has spent this month, and what overrides add to its cap, for the hooks' snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget import alerts, snapshot
from gaia_budget.budgets import Budgets
from gaia_budget.errors import ConfigError
from gaia_budget.snapshot import Months

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings


def months(ledger: Ledger, settings: Settings, counted_to: int) -> Months:
    """Every module with spend this month: (what counts against its cap, everything), in nano-dollars."""
    figures: dict[str, tuple[int, int]] = {}
    for row in ledger.spend(by=("module",), since="month").rows:
        name = row.key[0]
        month = Budgets(ledger).month(name)
        counts = settings.module(name).counts_claude_code
        figures[name] = (month.spent_nano(counts_claude_code=counts), row.figures.cost_nano)
    return Months(figures, counted_to)


def lifts(ledger: Ledger) -> dict[str, list[list[int]]]:
    """What overrides add to each module's month, as [until when (microseconds), nano-dollars].

    Those of one task do not count here: Claude Code's calls have none.
    """
    found: dict[str, list[list[int]]] = {}
    for name, month in Budgets(ledger).months().items():
        if month.override_nano:
            found.setdefault(name, []).append([month.end_ts, month.override_nano])
    for override in Budgets(ledger).active_overrides():
        if not override.task:
            found.setdefault(override.module, []).append([override.expires_ts, override.left_nano])
    return found


def cover_overspend(ledger: Ledger, settings: Settings) -> None:
    """Use overrides up by what Claude Code has spent beyond a cap that it counts against: it asks nobody before."""
    from gaia_budget.owner import load_token_budget

    granted = {override.module for override in Budgets(ledger).active_overrides()}
    counted = [name for name in granted if settings.module(name).counts_claude_code]
    if not counted:
        return
    try:
        budget = load_token_budget()
    except ConfigError:
        return  # without limits nothing is beyond them; the broken file is told elsewhere
    for name in sorted(counted):
        limit = budget.module_or_default(name, settings).limit_nano
        Budgets(ledger).cover_overspend(Budgets(ledger).module_scope(name, limit, counts_claude_code=True))


def tell_hooks(ledger: Ledger, settings: Settings) -> None:
    """Let hooks know at once of an override that was granted or revoked, and of an alert that was taken note of."""
    state = alerts.evaluate(ledger, settings)
    snapshot.write(settings, lifts=lifts(ledger), alerts=state.for_hooks())
