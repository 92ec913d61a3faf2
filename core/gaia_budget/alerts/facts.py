"""What rules are judged by: sums of the ledger and a few small files, each asked for once, and only when needed."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.budgets import Budgets
from gaia_budget.contradictions import in_two_files
from gaia_budget.errors import ConfigError
from gaia_budget.forecast.standing import MonthStatus
from gaia_budget.ledger.zone import HOUR, bucket, month_name
from gaia_budget.model import DOWNGRADED, REFUSED
from gaia_hooks.facts.prices import billing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gaia_budget.alerts.kinds import Span
    from gaia_budget.alerts.metrics import MetricReading
    from gaia_budget.forecast.anomalies import Anomaly
    from gaia_budget.forecast.outlook import Outlook
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.database.measures import Figures
    from gaia_budget.owner import TokenBudget
    from gaia_budget.routing.upkeep.review import Ending
    from gaia_budget.settings.keys import Settings

FAILED = (
    "SELECT module, task, count(*) FROM events WHERE org = ? AND kind = 'failed' AND ts >= ? "
    "AND status NOT IN (?, ?) GROUP BY module, task"
)
"""Calls that were sent and failed: what was refused beforehand is told by its cap."""
Key = tuple[str, ...]


class Window(NamedTuple):
    """A plan's window: percent used, and percent at its reset at the pace so far (None: too early to say)."""

    percent: float
    pace: float | None


class Facts:
    """The figures at one instant. Sums come from the ledger's rollups wherever these can tell."""

    def __init__(self, ledger: Ledger, settings: Settings, ends: Iterable[Outlook] | None = None) -> None:
        self.ledger, self.settings, self.now, self._ends = ledger, settings, ledger.now(), ends
        self._spent: dict[tuple[Key, int, int | None], dict[Key, Figures]] = {}
        self.readings: dict[tuple[object, ...], list[MetricReading]] = {}

    @cached_property
    def budget(self) -> TokenBudget:
        """The owner's budget. Raises ConfigError."""
        from gaia_budget.owner import load_token_budget

        return load_token_budget()

    @property
    def in_two_files(self) -> list[str]:
        """Thresholds that two files name differently; nothing where the budget is broken, which is told anyway."""
        try:
            return in_two_files(self.settings, self.budget)
        except ConfigError:
            return []

    @cached_property
    def months(self) -> dict[str, MonthStatus]:
        """The current month of every module that spent or reserved something in it. Raises ConfigError."""
        found = Budgets(self.ledger).months(self.now)
        return {
            name: MonthStatus(
                month,
                self.budget.module_or_default(name, self.settings).limit_nano,
                self.settings.module(name).counts_claude_code,
            )
            for name, month in found.items()
        }

    @cached_property
    def outlooks(self) -> dict[str, Outlook]:
        """Where each module's month is expected to end. Raises ConfigError."""
        from gaia_budget.forecast.outlook import forecast

        ends = self._ends
        if ends is None:
            ends = forecast(self.ledger, self.settings, self.budget, now=self.now)
        return {one.module: one for one in ends}

    @cached_property
    def together(self) -> Outlook:
        """The month of all modules together."""
        from gaia_budget.forecast.outlook import together

        return together(self.ledger, self.settings, self.now)

    @property
    def month_name(self) -> str:
        """The current month, such as `2026-11`."""
        return month_name(bucket(self.ledger.zone, "month", self.now))

    @property
    def day_name(self) -> str:
        """The current local day, such as `2026-11-23`."""
        return self.ledger.zone.local(self.now).date().isoformat()

    def since(self, span: Span) -> int:
        """Where a window begins, in UTC microseconds: on whole hours, local days or months, which are summed."""
        zone = self.ledger.zone
        if span.unit == "month":
            return zone.start_of_month(bucket(zone, "month", self.now))
        if span.unit == "hour":
            return (self.now // HOUR - span.length + 1) * HOUR
        if span.unit == "week":
            return self.day(zone.local(self.now).weekday())
        return self.day(span.length - 1)

    def day(self, days_ago: int) -> int:
        """Where a local day begins."""
        today = self.ledger.zone.local(self.now).date()
        return self.ledger.zone.start_of_day(today - timedelta(days=days_ago))

    def spent(self, by: Sequence[str], since: int, until: int | None = None) -> dict[Key, Figures]:
        """Sums by axes over [since, until)."""
        place = (tuple(by), since, until)
        if place not in self._spent:
            answer = self.ledger.spend(by, since, until)
            self._spent[place] = {row.key: row.figures for row in answer.rows}
        return self._spent[place]

    def counted(self, since: int) -> dict[str, int]:
        """Nano-dollars that count against each module's cap, by module."""
        found: dict[str, int] = {}
        for (module, source, paid), figures in self.spent(("module", "source", "billing"), since).items():
            if billing.counts(source, paid, self.settings.module(module).counts_claude_code):
                found[module] = found.get(module, 0) + figures.cost_nano
        return found

    def failed(self, since: int) -> dict[Key, int]:
        """Failed calls by module and task."""
        ledger = self.ledger
        rows = ledger.db.ask(lambda ask: list(ask(FAILED, (ledger.org, since, REFUSED, DOWNGRADED))))
        return {(str(module), str(task)): int(count) for module, task, count in rows}

    def plan_window(self, name: str) -> Window | None:
        """A subscription's window as Claude Code last showed it on this machine; None where it has reset since."""
        from gaia_budget import places
        from gaia_hooks.facts import snapshot
        from gaia_hooks.facts.prices import plan

        home = str(places.home())
        kept = plan.read(home)
        window = kept.get(name)
        if not window or (window["resets_at"] or self.now + 1) <= self.now:
            return None
        week = plan.week_of(snapshot.load(home))
        return Window(window["percent"], plan.percent_at_reset(name, window, kept["as_of"], week))

    @cached_property
    def anomalies(self) -> list[Anomaly]:
        """Days out of the ordinary, of yesterday and today."""
        from gaia_budget.forecast.anomalies import anomalies

        return anomalies(self.ledger, since=self.day(1), now=self.now)

    @cached_property
    def ending(self) -> list[tuple[Ending, int]]:
        """Models used this month that end soon, with the days left (0: they have ended). Raises ConfigError."""
        from gaia_budget.prices import families
        from gaia_budget.routing import table
        from gaia_budget.routing.upkeep import review

        today = families.day_of(self.now)
        used = {str(row.key[0]) for row in self.ledger.spend(("model",), since="month").rows}
        return [(one, max(0, (one.on - today).days)) for one in review.ending(table.load(), used, today)]

    @cached_property
    def ages(self) -> dict[str, int]:
        """Days since price and routing files were reviewed: since they were written, or `prices check` was read.

        What it would say today and said then is no news, however old the files are. Raises ConfigError.
        """
        from gaia_budget.prices import families
        from gaia_budget.prices.table import load
        from gaia_budget.routing import table
        from gaia_budget.routing.upkeep import review, reviewed

        today, routing = families.day_of(self.now), table.load()
        found = {"routing table": (today - routing.updated).days}
        if self.budget.file and self.budget.updated:
            found["token budget"] = (today - self.budget.updated).days
        read = reviewed.last()
        if read is None or max(found.values()) <= review.REVIEW_DAYS:
            return found
        since = (today - read.day).days
        if since > review.REVIEW_DAYS:
            now = review.review(self.budget, routing, load(), today=today)
            since = 0 if reviewed.checksum(now) == read.checksum else since
        return {name: min(days, since) for name, days in found.items()}
