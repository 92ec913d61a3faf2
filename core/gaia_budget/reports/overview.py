"""The first screen: today, seven days and the month against the caps, projects, models, plan, what needs somebody."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.alerts.fired import Fired
from gaia_budget.errors import LedgerError
from gaia_budget.forecast.series import known_days
from gaia_budget.forecast.standing import hundredths
from gaia_budget.ledger.database.measures import Figures
from gaia_budget.ledger.zone import bucket, iso
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.books import Books, here
from gaia_budget.reports.money.month import Total, months, total
from gaia_budget.reports.money.tables import SpendTable, TableRow, table
from gaia_budget.reports.money.thresholds import counted
from gaia_budget.reports.seen import ShownByClient
from gaia_hooks.facts.prices import plan
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.alerts.fired import Alert
    from gaia_budget.forecast.month import Projection
    from gaia_budget.forecast.outlook import Outlook
    from gaia_budget.forecast.standing import MonthStatus
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

TREND_DAYS = 14


class Period(NamedTuple):
    """What was spent since an instant: apps, and Claude Code at API prices."""

    name: str
    since: int
    line: TableRow
    counted_nano: int
    """What counts against the caps: apps, and Claude Code where it is paid by the API and a module lets it count."""

    def document(self) -> dict[str, Any]:
        """One of `periods`."""
        return {
            "name": self.name,
            "since": iso(self.since),
            "spent_usd": usd(self.line.figures.cost_nano),
            "counted_usd": usd(self.counted_nano),
            "claude_code_usd": usd(self.line.claude_code_nano),
            "tokens": self.line.figures.total_tokens,
        }


class MonthTotal(NamedTuple):
    """All modules together, in nano-dollars: against the common cap where one is set, else against all added up."""

    limit_nano: int
    spent_nano: int
    counted: Projection

    @property
    def percent(self) -> float | None:
        """Share of the caps, cut to hundredths; None where there is none."""
        return hundredths(self.spent_nano, self.limit_nano) if self.limit_nano else None

    def document(self) -> dict[str, Any]:
        """The key `total`."""
        return {
            "limit_usd": usd(self.limit_nano),
            **self.counted.document(),
            "spent_usd": usd(self.spent_nano),
            "method": self.counted.method,
        }


class ProjectSpend(NamedTuple):
    """A project's month: what it spent, its cap where it has one, and the last days' spend, the oldest first."""

    name: str
    line: TableRow
    month: MonthStatus | None
    trend: Sequence[int]

    def document(self) -> dict[str, Any]:
        """One of `projects`."""
        return {
            "module": self.name,
            **self.line.document(),
            "month": self.month.document() if self.month else None,
            "trend_usd": [usd(nano) for nano in self.trend],
        }


class Overview(NamedTuple):
    """Everything on the first screen, as of `at`; `capped` are the modules that have a cap of their own."""

    at: int
    periods: list[Period]
    total: MonthTotal
    projects: list[ProjectSpend]
    models: SpendTable
    seen: ShownByClient
    alerts: list[Alert]
    noted: list[Alert]
    """Alerts that hold and somebody has taken note of, the newest first."""

    @property
    def empty(self) -> bool:
        """Whether nothing was spent this month, nor in the last seven days."""
        return not any(one.line.figures.events for one in self.periods)

    @property
    def apps_alone(self) -> bool:
        """Whether nothing but apps counts against the caps."""
        return all(one.counted_nano == one.line.apps_nano for one in self.periods)

    def document(self) -> dict[str, Any]:
        """The JSON document of `gaia-budget` alone."""
        from gaia_budget.alerts.telling import document

        return {
            "at": iso(self.at),
            "periods": [one.document() for one in self.periods],
            "total": self.total.document(),
            "apps_alone": self.apps_alone,
            "projects": [one.document() for one in self.projects],
            "models": [{"model": one.key, **one.document()} for one in self.models.lines],
            "plan": self.seen.document()["plan"],
            "attention": [document(one) for one in self.alerts],
            "acknowledged": [document(one) for one in self.noted],
        }


def overview(ledger: Ledger, settings: Settings) -> Overview:
    """The first screen of everything. Raises ConfigError for broken files, LedgerError."""
    at, zone, home = ledger.now(), ledger.zone, str(places.home())
    books = Books(settings, ledger, here(), at)
    today = zone.local(at).date()
    day, week = zone.start_of_day(today), zone.start_of_day(today - timedelta(days=6))
    month = zone.start_of_month(bucket(zone, "month", at))
    standing = {one.month.module: one for one in months(books)}
    capped = {name for name, one in standing.items() if books.budget.module(name) or one.spent_nano > 0}
    spent = {name: table(ledger, "module", Asked(since)) for name, since in
             (("today", day), ("7 days", week), ("month", month))}  # fmt: skip
    return Overview(
        at,
        [Period(name, one.since or 0, one.total, _counted(books, one)) for name, one in spent.items()],
        _total([standing[name] for name in capped], total(books)),
        _projects(ledger, spent["month"], standing, capped),
        table(ledger, "model", Asked(month)),
        ShownByClient(plan.read(home), {}, at, plan.week_of(books.policy)),
        *attention(ledger, settings, [one.outlook for one in standing.values() if one.outlook]),
    )


def attention(
    ledger: Ledger, settings: Settings, ends: list[Outlook] | None = None
) -> tuple[list[Alert], list[Alert]]:
    """The alerts that fire and nobody has taken note of, of several thresholds of one figure the worst; and the noted.

    Judged anew; where the ledger may only be read, as they were last judged. Raises LedgerError.
    """
    from gaia_budget.alerts import rules
    from gaia_budget.alerts.evaluation import evaluate
    from gaia_budget.alerts.telling import loudest

    try:
        judged = evaluate(ledger, settings, ends)
        loud, holding = judged.told_by("terminal"), judged.open
    except LedgerError:
        holding = Fired(ledger).alerts_lately()
        loud = loudest(holding, rules.load().rules, "terminal", {})
    return loud, [one for one in holding if one.state == "acknowledged"]


def _counted(books: Books, spent: SpendTable) -> int:
    return sum(counted(books.ledger, books.settings, spent.axis, Asked(spent.since)).values())


def _total(mine: list[MonthStatus], everything: Total) -> MonthTotal:
    """`mine` are the modules that have a cap of their own, or spent against the default one."""
    common = everything.limit_nano
    caps = sum(one.cap_nano for one in mine) if common is None else common
    return MonthTotal(caps, everything.spent_nano, everything.outlook.counted)


def _projects(
    ledger: Ledger, spent: SpendTable, standing: dict[str, MonthStatus], capped: set[str]
) -> list[ProjectSpend]:
    known = known_days(ledger, ledger.now(), None)
    days = range(known.today - TREND_DAYS + 1, known.today + 1)
    lines = {one.key: one for one in spent.lines}
    names = [*lines, *sorted(capped - set(lines))]
    found = []
    for name in names:
        month, trend = standing[name] if name in capped else None, known.each_day.get(name, {})
        line = lines.get(name) or TableRow(name, Figures(), {})
        found.append(ProjectSpend(name, line, month, [trend.get(day, 0) for day in days]))
    return found
