"""What the page is narrowed to, and the links that keep it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from gaia_budget.errors import InputError, NotFoundError
from gaia_budget.reports.asked import Asked, module_named
from gaia_budget.reports.money.tables import table

if TYPE_CHECKING:
    from gaia_budget.dashboard.answers import Given
    from gaia_budget.ledger import Ledger

PERIODS = {
    "month": "This month",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "today": "Today",
    "yesterday": "Yesterday",
    "last-month": "Last month",
}
GRAINS = {"day": "By day", "week": "By week", "month": "By month"}


class Filters(NamedTuple):
    """The period with its instants (UTC microseconds), and names that answers are narrowed by."""

    period: str
    since: int
    until: int | None
    project: str
    model: str
    grain: str
    projects: list[str]
    models: list[str]

    @property
    def asked(self) -> Asked:
        """The same as the reports take it."""
        named = {"module": self.project, "model": self.model}
        return Asked(self.since, self.until, {axis: value for axis, value in named.items() if value})

    @property
    def periods(self) -> list[tuple[str, str]]:
        """What can be chosen, with its words."""
        return list(PERIODS.items())

    @property
    def grains(self) -> list[tuple[str, str]]:
        """By what trends can be drawn."""
        return list(GRAINS.items())

    @property
    def says(self) -> str:
        """The same in words."""
        parts = [PERIODS.get(self.period, ""), self.project, self.model]
        return ", ".join(part for part in parts if part)

    def link(self, **changed: str) -> str:
        """The query of this page with something changed."""
        kept = {
            "period": self.period,
            "project": self.project,
            "model": self.model,
            "by": self.grain,
        } | changed
        usual = {"period": "month", "by": "day"}
        return "?" + urlencode(
            {key: value for key, value in kept.items() if value and usual.get(key) != value}
        )

    def csv(self, name: str, **more: Any) -> str:
        """The address of a report's CSV, narrowed as the page is; [since, until) as the endpoint takes it."""
        from gaia_budget.ledger.questions import instant

        given = {
            "since": instant(self.since),
            "until": instant(self.until),
            "project": self.project,
            "model": self.model,
        }
        given |= {"format": "csv", **more}
        return f"/api/v1/{name}?" + urlencode({key: value for key, value in given.items() if value})


def chosen(ledger: Ledger, given: Given) -> Filters:
    """Read the page's query. Raises InputError, NotFoundError for what is not known."""
    unknown = [name for name in given if name not in ("period", "project", "model", "by")]
    period, grain = given.get("period") or "month", given.get("by") or "day"
    if unknown or period not in PERIODS or grain not in GRAINS:
        wrong = unknown[0] if unknown else period if period not in PERIODS else grain
        raise InputError(
            f"the page does not know {wrong[:40]!r}. Valid: period={'|'.join(PERIODS)}, by={'|'.join(GRAINS)}, "
            "project=…, model=…",
            slug="not-valid",
        )
    since, until = _stretch(ledger, period)
    found = named(ledger, since, until, given.get("project") or "")
    model = given.get("model") or ""
    if model and model not in found.models:
        raise NotFoundError("model", model, found.models)
    return found._replace(period=period, model=model, grain=grain)


def named(ledger: Ledger, since: int, until: int | None, project: str) -> Filters:
    """A stretch of time, of one project or of all. Raises NotFoundError for a project that is not there."""
    return Filters(
        "",
        since,
        until,
        module_named(ledger, project) if project else "",
        "",
        "day",
        [one.key for one in table(ledger, "module", Asked()).lines],
        [one.key for one in table(ledger, "model", Asked()).lines],
    )


def _stretch(ledger: Ledger, period: str) -> tuple[int, int | None]:
    zone = ledger.zone
    today = zone.local(ledger.now()).date()
    first = today.replace(day=1)
    if period == "last-month":
        before = (first - timedelta(days=1)).replace(day=1)
        return zone.start_of_day(before), zone.start_of_day(first)
    if period == "yesterday":
        return zone.start_of_day(today - timedelta(days=1)), zone.start_of_day(today)
    starts = {
        "today": today,
        "month": first,
        "7d": today - timedelta(days=6),
        "30d": today - timedelta(days=29),
    }
    return zone.start_of_day(starts[period]), None
