"""What can be set for one module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gaia_budget.checked import Keyed, Wrong, key
from gaia_budget.checked.readers import flag, maybe, number, one_of, text, within

if TYPE_CHECKING:
    from decimal import Decimal

OnExceeded = Literal["warn", "block", "downgrade"]
USD = within(number, over=0)
PERCENT = within(number, over=0, most=100)


class ModuleSettings(Keyed):
    """What is set for one module, under `[modules.<id>]`."""

    on_exceeded: OnExceeded = key(
        one_of(OnExceeded), "warn", "what Claude Code hooks do when the module's month is used up"
    )
    counts_claude_code: bool = key(
        flag,
        False,
        "Claude Code spend counts against the monthly cap, unless a plan pays for it; without it the "
        "top-level counts_claude_code holds",
    )
    session_type: str | None = key(
        maybe(text), None, "the type of its sessions: one of token_budget.json, or of ours"
    )
    alert_threshold_pct: Decimal | None = key(
        maybe(PERCENT), None, "percent of its month that warns; wins over token_budget.json"
    )
    critical_threshold_pct: Decimal | None = key(
        maybe(PERCENT), None, "percent of its month that is critical; wins over token_budget.json"
    )
    daily_threshold_usd: Decimal | None = key(
        maybe(USD), None, "dollars against its cap in one day from which an alert fires; nothing stops"
    )
    weekly_threshold_usd: Decimal | None = key(
        maybe(USD), None, "dollars against its cap in one week, Monday first, likewise"
    )

    def completed(self) -> None:
        """Refuse thresholds the wrong way round."""
        warning, critical = self.alert_threshold_pct, self.critical_threshold_pct
        if warning is not None and critical is not None and critical < warning:
            raise Wrong("critical_threshold_pct must not be below alert_threshold_pct")
