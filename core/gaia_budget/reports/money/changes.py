"""What changed: seven days against the seven before, by project."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.questions import Figures, instant
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.tables import TableRow, table
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

DAYS = 7


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
    """Two stretches of the same length, [before, since) and [since, now], and each project in both."""

    before: int
    since: int
    lines: list[Change]
    total: Change

    def document(self) -> dict[str, Any]:
        """The JSON document of `changes`; every column of `rows` adds up to `total`."""
        return {
            "before": instant(self.before),
            "since": instant(self.since),
            "total": self.total.document(),
            "rows": [one.document() for one in self.lines],
        }


def changes(ledger: Ledger) -> Changes:
    """The last seven days, today among them, against the seven before; what changed most first. Raises LedgerError."""
    today = ledger.zone.local(ledger.now()).date()
    since = ledger.zone.start_of_day(today - timedelta(days=DAYS - 1))
    before = ledger.zone.start_of_day(today - timedelta(days=2 * DAYS - 1))
    old = table(ledger, "module", Asked(before, since))
    new = table(ledger, "module", Asked(since))
    nothing = TableRow("", Figures(), {})
    olds, news = ({one.key: one for one in part.lines} for part in (old, new))
    lines = [Change(name, olds.get(name, nothing), news.get(name, nothing)) for name in {**news, **olds}]
    lines.sort(key=lambda one: (-abs(one.nano), one.name))
    return Changes(before, since, lines, Change("", old.total, new.total))
