"""How the pages write instants, lengths, changes and states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.forecast.standing import severity_of
from gaia_budget.owner import THRESHOLDS
from gaia_budget.reports import shown
from gaia_hooks.facts.severity import CRITICAL, WARNING

if TYPE_CHECKING:
    from gaia_budget.ledger.zone import Zone


def when(zone: Zone, ts: int) -> str:
    """An instant as people write it."""
    local = zone.local(ts)
    return f"{local.day} {local:%b}, {local:%H:%M}"


def signed(nano: int) -> str:
    """A change with its sign."""
    return f"+{shown.money(nano)}" if nano > 0 else shown.money(nano) if nano else "–"


KINDS = {CRITICAL: ("crit", "■", "critical"), WARNING: ("warn", "▲", "warning"), "": ("", "●", "fine")}
"""The class, sign and word of how bad something is."""


def state(percent: float, thresholds: tuple[float, float] = THRESHOLDS) -> tuple[str, str, str]:
    """The class, sign and word of a percentage of a limit."""
    return KINDS[severity_of(percent, thresholds)]
