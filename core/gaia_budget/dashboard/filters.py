"""What the page is narrowed to, and the links that keep it."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 (a field of a NamedTuple)
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from gaia_budget.errors import InputError, NotFoundError
from gaia_budget.reports.asked import Asked, module_named, nearest
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
PEOPLE_DAYS = 30
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
    user: str = ""
    machine: str = ""
    users: Sequence[str] = ()
    """Of a ledger that several share: who spent something lately, and where."""
    machines: Sequence[str] = ()

    @property
    def asked(self) -> Asked:
        """The same as the reports take it."""
        return Asked(self.since, self.until, {("module" if name == "project" else name): value
                                              for name, value in self.names.items()})  # fmt: skip

    @property
    def names(self) -> dict[str, str]:
        """What is narrowed to, by the names that the endpoint has for it."""
        named = {"project": self.project, "model": self.model, "user": self.user, "machine": self.machine}
        return {name: value for name, value in named.items() if value}

    @property
    def of_this_machine(self) -> Asked:
        """The same for what only this machine's transcripts tell: they know neither models nor users."""
        return Asked(self.since, self.until, {"module": self.project} if self.project else {})

    @property
    def of_sessions(self) -> Asked:
        """The same as sessions are asked for: each is shown whole, with all of its models."""
        asked = self.asked
        return asked._replace(where={axis: value for axis, value in asked.where.items() if axis != "model"})

    @property
    def periods(self) -> list[tuple[str, str]]:
        """What can be chosen, with its words."""
        return list(PERIODS.items())

    @property
    def grains(self) -> list[tuple[str, str]]:
        """By what trends can be drawn."""
        return list(GRAINS.items())

    @property
    def period_says(self) -> str:
        """The period and the project in words."""
        return ", ".join(part for part in (PERIODS.get(self.period, ""), self.project) if part)

    @property
    def says(self) -> str:
        """The same in words."""
        return ", ".join(part for part in (PERIODS.get(self.period, ""), *self.names.values()) if part)

    def link(self, **changed: str) -> str:
        """The query of this page with something changed."""
        kept = {"period": self.period, "by": self.grain, **self.names} | changed
        usual = {"period": "month", "by": "day"}
        return "?" + urlencode(
            {key: value for key, value in kept.items() if value and usual.get(key) != value}
        )

    def csv(self, name: str, **more: Any) -> str:
        """The address of a report's CSV, narrowed as the page is; [since, until) as the endpoint takes it."""
        from gaia_budget.ledger.zone import iso

        given = {
            "since": iso(self.since),
            "until": iso(self.until),
            **self.names,
        }
        given |= {"format": "csv", **more}
        return f"/api/v1/{name}?" + urlencode({key: value for key, value in given.items() if value})


def chosen(ledger: Ledger, given: Given) -> Filters:
    """Read the page's query. Raises InputError, NotFoundError for what is not known."""
    unknown = [name for name in given if name not in ("period", "project", "model", "user", "machine", "by")]
    period, grain = given.get("period") or "month", given.get("by") or "day"
    if unknown or period not in PERIODS or grain not in GRAINS:
        wrong = unknown[0] if unknown else period if period not in PERIODS else grain
        raise InputError(
            f"the page does not know {wrong[:40]!r}. Valid: period={'|'.join(PERIODS)}, by={'|'.join(GRAINS)}, "
            "project=…, model=…, user=…, machine=…",
            slug="not-valid",
        )
    since, until = _stretch(ledger, period)
    found = named(ledger, since, until, given.get("project") or "")
    users, machines = _people(ledger)
    found = found._replace(period=period, grain=grain, users=users, machines=machines)
    return found._replace(
        model=_known("model", given, found.models),
        user=_known("user", given, users),
        machine=_known("machine", given, machines),
    )


def _known(axis: str, given: Given, names: Sequence[str]) -> str:
    """What is given for an axis; empty where nothing is. Raises NotFoundError with the nearest."""
    value = given.get(axis) or ""
    if value and value not in names:
        raise NotFoundError(axis, value, nearest(value, names) or list(names[:5]))
    return value


def _people(ledger: Ledger) -> tuple[list[str], list[str]]:
    """The users and machines of a shared ledger that spent something in thirty days, by name."""
    if not ledger.db.shared:
        return [], []
    today = ledger.zone.local(ledger.now()).date()
    rows = ledger.spend(
        ("user", "machine"), ledger.zone.start_of_day(today - timedelta(days=PEOPLE_DAYS))
    ).rows
    users, machines = (sorted({row.key[place] for row in rows} - {""}) for place in (0, 1))
    return users, machines


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
