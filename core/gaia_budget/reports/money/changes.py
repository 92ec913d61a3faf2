"""What changed: a stretch of days against as many days before it, by project."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError
from gaia_budget.ledger.database.measures import Figures
from gaia_budget.ledger.zone import iso
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.tables import TableRow, table
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

DAYS = 7
EARLIEST = date(1, 1, 2)
"""That every zone can tell."""


class Change(NamedTuple):
    """A project before and now."""

    name: str
    before: TableRow
    now: TableRow

    @property
    def nano(self) -> int:
        """How much more it cost, in nano-dollars."""
        return self.now.figures.cost_nano - self.before.figures.cost_nano

    def document(self) -> dict[str, Any]:
        """One of `rows`."""
        return {
            "module": self.name,
            "apps_before_usd": usd(self.before.apps_nano),
            "apps_usd": usd(self.now.apps_nano),
            "claude_code_before_usd": usd(self.before.claude_code_nano),
            "claude_code_usd": usd(self.now.claude_code_nano),
            "change_usd": usd(self.nano),
        }


class Changes(NamedTuple):
    """Two stretches of as many days, [before, since) and [since, until), and each project in both."""

    before: int
    since: int
    until: int
    lines: list[Change]
    total: Change

    def document(self) -> dict[str, Any]:
        """The JSON document of `changes`; every column of `rows` adds up to `total`."""
        return {
            "before": iso(self.before),
            "since": iso(self.since),
            "until": iso(self.until),
            "total": self.total.document(),
            "rows": [one.document() for one in self.lines],
        }


def changes(ledger: Ledger, asked: Asked | None = None) -> Changes:
    """The days that are asked about, today as far as it is over, against as many days before; what changed most first.

    Without a stretch the last seven days. Raises InputError, NotFoundError (see `sums`), LedgerError.
    """
    zone, now = ledger.zone, ledger.now()
    wanted = asked or Asked()
    start, end = ledger.instant(wanted.since), ledger.instant(wanted.until, end=True)
    last = zone.local(now if end is None else min(now, end - 1)).date()
    first = last - timedelta(days=DAYS - 1) if start is None else zone.local(start).date()
    if first > last:
        raise InputError("nothing has changed in a stretch that has not begun", slug="not-valid")
    since, until = zone.start_of_day(first), zone.start_of_day(last + timedelta(days=1))
    days = min(last - first + timedelta(days=1), first - EARLIEST)
    before = zone.start_of_day(first - days)
    old = table(ledger, "module", wanted._replace(since=before, until=since))
    new = table(ledger, "module", wanted._replace(since=since, until=until))
    nothing = TableRow("", Figures(), {})
    olds, news = ({one.key: one for one in part.lines} for part in (old, new))
    lines = [Change(name, olds.get(name, nothing), news.get(name, nothing)) for name in {**news, **olds}]
    lines.sort(key=lambda one: (-abs(one.nano), one.name))
    return Changes(before, since, until, lines, Change("", old.total, new.total))
