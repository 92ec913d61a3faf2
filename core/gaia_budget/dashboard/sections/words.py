"""How the pages write instants, lengths, changes and states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.reports import shown

if TYPE_CHECKING:
    from gaia_budget.ledger.zone import Zone


def when(zone: Zone, ts: int) -> str:
    """An instant as people write it."""
    local = zone.local(ts)
    return f"{local.day} {local:%b}, {local:%H:%M}"


def signed(nano: int) -> str:
    """A change with its sign."""
    return f"+{shown.money(nano)}" if nano > 0 else shown.money(nano) if nano else "–"


def state(percent: float, warning: float = 80, critical: float = 95) -> tuple[str, str, str]:
    """The class, sign and word of a percentage of a limit."""
    if percent >= critical:
        return "crit", "■", "critical"
    return ("warn", "▲", "warning") if percent >= warning else ("", "●", "fine")
