"""A module's month against its cap, with its two kinds of money apart: what counts, and what Claude Code used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.owner import THRESHOLDS
from gaia_hooks.facts import names, severity
from gaia_hooks.facts.prices.money import usd, usd_short

if TYPE_CHECKING:
    from gaia_budget.budgets.months import MonthSpend
    from gaia_budget.forecast.outlook import Outlook


class MonthStatus(NamedTuple):
    """A module's month against its cap, in nano-dollars; `outlook` tells where it ends, where somebody asked.

    `override_left_nano` is granted on top and not drawn yet. `thresholds` are the percents that warn and are critical.
    """

    month: MonthSpend
    limit_nano: int
    counts_claude_code: bool
    outlook: Outlook | None = None
    override_left_nano: int = 0
    thresholds: tuple[float, float] = THRESHOLDS

    @property
    def spent_nano(self) -> int:
        """What counts against the cap."""
        return self.month.spent_nano(counts_claude_code=self.counts_claude_code)

    @property
    def cap_nano(self) -> int:
        """The cap, and what overrides have added to it."""
        return self.limit_nano + self.month.override_nano

    @property
    def percent(self) -> float:
        """Share of the cap, cut to hundredths."""
        return hundredths(self.spent_nano, self.cap_nano)

    @property
    def used_nano(self) -> int:
        """Everything that the module's calls are known to have cost at API prices, counted or not, whoever pays."""
        month = self.month
        return month.app_nano + month.claude_code_nano + month.plan_equivalent_nano

    @property
    def beside_nano(self) -> int:
        """What Claude Code used at API prices and does not count against the cap."""
        counted = self.month.claude_code_nano if self.counts_claude_code else 0
        return self.month.claude_code_nano + self.month.plan_equivalent_nano - counted

    def says(self) -> str:
        """One sentence for people: what counts, of how much, and beside it what Claude Code used."""
        month = self.month
        granted = month.override_nano + self.override_left_nano
        added = f" and {usd_short(granted)} by override" if granted else ""
        text = (
            f"{names.said(month.module)}: {usd_short(self.spent_nano)} of {usd_short(self.limit_nano)}{added} counted "
            "this month "
            f"({self.percent:g} %); it starts anew on {month.resets_on}"
        )
        if self.beside_nano:
            why = "not billed" if self.beside_nano == month.plan_equivalent_nano else "not counted"
            text += f"; Claude Code used {usd_short(self.beside_nano)} at API prices, {why}"
        return text

    @property
    def doubt(self) -> str:
        """What has to be said where nobody knows how Claude Code is paid for, although it counts; else empty."""
        if not self.counts_claude_code or not self.month.unknown_billing_nano:
            return ""
        return (
            f"{usd_short(self.month.unknown_billing_nano)} of it are Claude Code's, and nobody has said how that is "
            "paid: it counts. `gaia-budget pay plan` or `gaia-budget pay api` says it"
        )

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
            "used_usd": usd(self.used_nano),
            "counts_claude_code": self.counts_claude_code,
            "reserved_usd": usd(month.reserved_nano),
            "app_usd": usd(month.app_nano),
            "claude_code_usd": usd(month.claude_code_nano),
            "unknown_billing_usd": usd(month.unknown_billing_nano),
            "plan_equivalent_usd": usd(month.plan_equivalent_nano),
            "percent": self.percent,
            "resets_on": month.resets_on,
            "projected_usd": self.outlook.counted.document()["projected_usd"] if self.outlook else None,
            "exhausted_on": self.outlook.exhausted_on if self.outlook else None,
        }


def severity_of(percent: float, thresholds: tuple[float, float] = THRESHOLDS) -> str:
    """How bad a percentage of a limit is: `warning`, `critical`, or empty where it is fine."""
    warns, critical = thresholds
    if percent >= critical:
        return severity.CRITICAL
    return severity.WARNING if percent >= warns else ""


def hundredths(part: int, whole: int) -> float:
    """A percentage cut, not rounded, to two decimals; anything of nothing is 100 %."""
    if whole <= 0:
        return 100.0 if part > 0 else 0.0
    return part * 10_000 // whole / 100
