"""What was spent by one axis, apps and Claude Code apart, with the models of each row: days, weeks, projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.database.measures import Figures
from gaia_budget.ledger.questions import TIMES, Row, Spend
from gaia_budget.ledger.zone import iso
from gaia_budget.reports.asked import Asked, sums
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.ledger import Ledger

APP, CLAUDE_CODE = "app", "claude_code"


class TableRow(NamedTuple):
    """One row. `shares` are nano-dollars by source and model; an event without a model has the model ''."""

    key: str
    figures: Figures
    shares: Mapping[tuple[str, str], int]

    @property
    def apps_nano(self) -> int:
        """What apps spent."""
        return self.of(APP)

    @property
    def claude_code_nano(self) -> int:
        """What Claude Code spent at API prices."""
        return self.of(CLAUDE_CODE)

    @property
    def models(self) -> list[str]:
        """The models that answered, dearest first."""
        spent: dict[str, int] = {}
        for (_, model), nano in self.shares.items():
            if model:
                spent[model] = spent.get(model, 0) + nano
        return sorted(spent, key=lambda model: (-spent[model], model))

    def of(self, source: str) -> int:
        """Nano-dollars of one source."""
        return sum(nano for (one, _), nano in self.shares.items() if one == source)

    def plus(self, other: TableRow) -> TableRow:
        """Both together, under this one's key."""
        return together([self, other])._replace(key=self.key)

    def document(self) -> dict[str, Any]:
        """One of `rows`."""
        return {
            **self.figures.document(),
            "total_tokens": self.figures.total_tokens,
            "apps_usd": usd(self.apps_nano),
            "claude_code_usd": usd(self.claude_code_nano),
            "models": self.models,
        }


class SpendTable(NamedTuple):
    """Rows of one axis: the newest first where it is time, else the dearest; [since, until) in UTC microseconds."""

    axis: str
    since: int | None
    until: int | None
    lines: list[TableRow]
    total: TableRow
    threshold_nano: int | None = None
    """What may count against caps in one row before it stands out, and the rows where it does (see `thresholds`)."""
    passed: frozenset[str] = frozenset()

    def document(self) -> dict[str, Any]:
        """The JSON document of `daily`, `projects`, …; every column of `rows` adds up to `total`."""
        known = self.threshold_nano
        return {
            "since": iso(self.since),
            "until": iso(self.until),
            **({"threshold_usd": None if known is None else usd(known)} if self.axis in TIMES else {}),
            **({} if known is None else {"passed": sorted(self.passed)}),
            "total": self.total.document(),
            "rows": [{"key": one.key, self.axis: one.key, **one.document()} for one in self.lines],
        }

    def percents(self, source: str) -> list[tuple[str, int]]:
        """The share of each row that has a key in what a source spent on these, in whole percent, the largest first."""
        spent = [(one.key, one.of(source)) for one in self.lines if one.key and one.of(source)]
        whole = sum(nano for _, nano in spent)
        return (
            [(key, nano * 100 // whole) for key, nano in sorted(spent, key=lambda one: -one[1])]
            if whole
            else []
        )

    def newest(self, count: int) -> SpendTable:
        """The first rows alone, and a total of these."""
        kept = self.lines[:count]
        return self._replace(lines=kept, total=together(kept))


def table(ledger: Ledger, axis: str, asked: Asked) -> SpendTable:
    """What was spent by an axis. Raises InputError, NotFoundError (see `sums`), LedgerError."""
    answer = sums(ledger, (axis, "source", "model"), asked)
    key = ("table", axis, answer.since, answer.until, frozenset(asked.where.items()))
    return ledger.cache.of(key, lambda: _made(axis, answer))


def _made(axis: str, answer: Spend) -> SpendTable:
    found: dict[str, list[Row]] = {}
    for row in answer.rows:
        found.setdefault(row.key[0], []).append(row)
    lines = [_line(key, rows) for key, rows in found.items()]
    if axis in TIMES:
        lines.sort(key=lambda one: one.key, reverse=True)
    else:
        lines.sort(key=lambda one: (-one.figures.cost_nano, -one.figures.total_tokens, one.key))
    return SpendTable(axis, answer.since, answer.until, lines, together(lines))


def _line(key: str, rows: list[Row]) -> TableRow:
    """One key's sources and models together."""
    shares = {(row.key[1], row.key[2]): row.figures.cost_nano for row in rows}
    return TableRow(key, Figures.sum([row.figures for row in rows]), shares)


def together(lines: list[TableRow]) -> TableRow:
    """The sum of rows."""
    shares: dict[tuple[str, str], int] = {}
    for one in lines:
        for share, nano in one.shares.items():
            shares[share] = shares.get(share, 0) + nano
    return TableRow("", Figures.sum([one.figures for one in lines]), shares)
