"""What was spent per day: by modules, read once for a state of the ledger and split once into what counts; and how a
user's week is spread over its days (a weekend ahead is no working week)."""

from __future__ import annotations

from functools import cached_property, reduce
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.budgets.months import months
from gaia_budget.forecast.rate import LONGEST, fit
from gaia_budget.ledger.zone import bucket
from gaia_hooks.facts.prices import billing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.budgets.months import MonthSpend
    from gaia_budget.ledger.database.connection import Ask
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.settings.keys import Settings

DAILY = (
    "SELECT module, bucket, source, billing, sum(cost_nano) FROM rollups "
    "WHERE org = ? AND grain = 'day' AND bucket >= ? AND bucket <= ? {} GROUP BY module, bucket, source, billing"
)
Sums = dict[tuple[int, str, str], int]
"""Nano-dollars by day, source and billing."""


class Amounts(NamedTuple):
    """Nano-dollars of the days that are over, the oldest first, and of today so far."""

    past: tuple[int, ...]
    today: int

    def plus(self, other: Amounts) -> Amounts:
        return Amounts(tuple(map(add, self.past, other.past)), self.today + other.today)


class Known:
    """What one state of the ledger says of modules: read once, and split once into what counts and what does not."""

    def __init__(self, series: dict[str, Sums], months: dict[str, MonthSpend], today: int) -> None:
        self.series, self.months, self.today = series, months, today
        self._split: dict[tuple[str, bool], tuple[Amounts | None, Amounts | None]] = {}
        self._together: dict[frozenset[str], tuple[int, Amounts | None, Amounts | None]] = {}

    def split(self, module: str, counts: bool) -> tuple[Amounts | None, Amounts | None]:
        """A module's days that count against its cap, and Claude Code's that do not; None where there are none."""
        found = self._split.get((module, counts))
        if found is None:
            found = self._split[module, counts] = self._made(self.series.get(module, {}), counts)
        return found

    @cached_property
    def each_day(self) -> dict[str, dict[int, int]]:
        """Everything that each module spent, by day."""
        found: dict[str, dict[int, int]] = {}
        for module, sums in self.series.items():
            days = found[module] = {}
            for (day, _, _), nano in sums.items():
                days[day] = days.get(day, 0) + nano
        return found

    def together(self, settings: Settings) -> tuple[int, Amounts | None, Amounts | None]:
        """What counts of all months, and the days of all modules."""
        names = {*self.series, *self.months}
        counting = frozenset(name for name in names if settings.module(name).counts_claude_code)
        found = self._together.get(counting)
        if found is None:
            total = sum(
                one.spent_nano(counts_claude_code=name in counting) for name, one in self.months.items()
            )
            parts = [self.split(name, name in counting) for name in self.series]
            counted, others = (_added(kind) for kind in (list(zip(*parts, strict=True)) or [(), ()]))
            found = self._together[counting] = (total, counted, others)
        return found

    def _made(self, sums: Sums, counts: bool) -> tuple[Amounts | None, Amounts | None]:
        counted: dict[int, int] = {}
        others: dict[int, int] = {}
        for (day, source, paid), nano in sums.items():
            against = billing.counts(source, paid, counts)
            if against or source == billing.CLAUDE_CODE:
                chosen = counted if against else others
                chosen[day] = chosen.get(day, 0) + nano
        return self._amounts(counted), self._amounts(others)

    def _amounts(self, days: dict[int, int]) -> Amounts | None:
        if not days:
            return None
        past = tuple([days.get(day, 0) for day in range(self.today - LONGEST, self.today)])
        return Amounts(past, days.get(self.today, 0))


def _added(parts: Iterable[Amounts | None]) -> Amounts | None:
    """All together; None of nothing."""
    there = [one for one in parts if one is not None]
    return reduce(Amounts.plus, there) if there else None


def known_days(ledger: Ledger, at: int, module: str | None) -> Known:
    today, month = bucket(ledger.zone, "day", at), bucket(ledger.zone, "month", at)

    def read(ask: Ask) -> Known:
        values: list[Any] = [ledger.org, today - LONGEST, today, *([module] if module is not None else [])]
        series: dict[str, Sums] = {}
        for name, day, source, paid, nano in ask(DAILY.format("AND module = ?" if module else ""), values):
            series.setdefault(name, {})[day, source, paid] = int(nano)
        return Known(series, months(ask, ledger.zone, ledger.org, month, module), today)

    return ledger.cache.of(("days of modules", today, month, module), lambda: ledger.db.ask(read))


BY_DAY = (
    "SELECT bucket, sum(cost_nano) FROM rollups WHERE org = ? AND grain = 'day' AND bucket >= ? AND bucket < ? "
    "AND source = 'claude_code' GROUP BY bucket"
)
LEAST_WEEK, WEEK_DAYS = 0.1, 14
"""The least that a weekday is thought to bring, and the days of data from which on weekdays are told apart."""


def working_week(ledger: Ledger) -> list[float]:
    """Each weekday's share of a mean day of Claude Code work, Monday first; empty where too little is known."""
    today = bucket(ledger.zone, "day", ledger.now())
    rows = ledger.db.ask(lambda ask: list(ask(BY_DAY, (ledger.org, today - LONGEST, today))))
    days = {int(day): float(nano) for day, nano in rows}
    first = min(days, default=today)
    if today - first < WEEK_DAYS:
        return []
    found = fit([days.get(day, 0.0) for day in range(first, today)], first).profile
    return [round(max(LEAST_WEEK, share), 3) for share in found]
