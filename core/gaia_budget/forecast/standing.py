"""A module's month against its cap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_hooks.facts.money import usd

if TYPE_CHECKING:
    from gaia_budget.forecast.outlook import Outlook
    from gaia_budget.ledger.months import MonthSpend


class MonthStatus(NamedTuple):
    """A module's month against its cap, in nano-dollars; `outlook` tells where it ends, where somebody asked.

    `override_left_nano` is granted on top and not drawn yet.
    """

    month: MonthSpend
    limit_nano: int
    counts_claude_code: bool
    outlook: Outlook | None = None
    override_left_nano: int = 0

    @property
    def spent_nano(self) -> int:
        """What counts against the cap."""
        return self.month.spent_nano(counts_claude_code=self.counts_claude_code)

    @property
    def percent(self) -> float:
        """Share of the cap, cut to hundredths."""
        return hundredths(self.spent_nano, self.limit_nano + self.month.override_nano)

    def document(self) -> dict[str, Any]:
        """The key `month` of `status --json`."""
        month = self.month
        return {
            "module": month.module,
            "month": month.name,
            "limit_usd": usd(self.limit_nano),
            "override_usd": usd(month.override_nano),
            "override_left_usd": usd(self.override_left_nano),
            "spent_usd": usd(self.spent_nano),
            "reserved_usd": usd(month.reserved_nano),
            "app_usd": usd(month.app_nano),
            "claude_code_usd": usd(month.claude_code_nano),
            "plan_equivalent_usd": usd(month.plan_equivalent_nano),
            "percent": self.percent,
            "resets_on": month.resets_on,
            "projected_usd": self._projected(),
            "exhausted_on": self.outlook.exhausted_on if self.outlook else None,
        }

    def _projected(self) -> str | None:
        projected = self.outlook.counted.projected_nano if self.outlook else None
        return None if projected is None else usd(projected)


def hundredths(part: int, whole: int) -> float:
    """A percentage cut, not rounded, to two decimals; anything of nothing is 100 %."""
    if whole <= 0:
        return 100.0 if part > 0 else 0.0
    return part * 10_000 // whole / 100
