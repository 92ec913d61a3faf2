"""Calls of apps that did not go as they were asked for: refused by a limit, or moved to a cheaper model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.questions import COLUMNS
from gaia_budget.ledger.zone import NO_END, iso
from gaia_budget.model import DOWNGRADED, REFUSED
from gaia_budget.reports.asked import Asked, module_named, session_named, sums
from gaia_budget.reports.money.tables import APP

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

TURNED = (
    "SELECT module, sum(CASE WHEN status = ? THEN 1 ELSE 0 END), sum(CASE WHEN status = ? THEN 1 ELSE 0 END) "
    "FROM events WHERE org = ? AND kind = 'failed' AND status IN (?, ?) AND ts >= ? AND ts < ? {} GROUP BY module"
)


class Refusals(NamedTuple):
    """A project's calls that were refused or moved, and all that were answered or refused."""

    module: str
    refused: int
    downgraded: int
    calls: int

    def document(self) -> dict[str, Any]:
        """One of `rows`, and the key `total`."""
        return self._asdict()


class RefusedCalls(NamedTuple):
    """The projects whose apps made calls, the most refused first; [since, until) in UTC microseconds."""

    since: int | None
    until: int | None
    lines: list[Refusals]

    @property
    def total(self) -> Refusals:
        """All of them together."""
        columns = list(zip(*self.lines, strict=True))[1:] or [(0,)] * 3
        return Refusals("", *map(sum, columns))

    def document(self) -> dict[str, Any]:
        """The JSON document of `refused`."""
        return {
            "since": iso(self.since),
            "until": iso(self.until),
            "total": self.total.document(),
            "rows": [{"key": one.module, **one.document()} for one in self.lines],
        }


def refused(ledger: Ledger, asked: Asked) -> RefusedCalls:
    """Of apps alone, by project. Raises InputError, NotFoundError (see `sums`), LedgerError."""
    answered = sums(ledger, ("module",), asked._replace(where={**asked.where, "source": APP}))
    found = {row.key[0]: [0, 0, row.figures.responses] for row in answered.rows}
    where = {
        COLUMNS[axis]: _named(ledger, axis, value) for axis, value in asked.where.items() if axis != "source"
    }
    more = "".join(f'AND "{column}" = ? ' for column in where)
    since = 0 if answered.since is None else answered.since
    until = NO_END if answered.until is None else answered.until
    values = [REFUSED, DOWNGRADED, ledger.org, REFUSED, DOWNGRADED, since, until, *where.values()]
    for module, stopped, moved in ledger.db.ask(lambda ask: list(ask(TURNED.format(more), values))):
        one = found.setdefault(str(module), [0, 0, 0])
        one[:] = [int(stopped), int(moved), one[2] + int(stopped)]
    lines = [Refusals(module, *counts) for module, counts in found.items() if any(counts)]
    return RefusedCalls(
        answered.since,
        answered.until,
        sorted(lines, key=lambda one: (-one.refused, -one.downgraded, one.module)),
    )


def _named(ledger: Ledger, axis: str, value: str) -> str:
    found = {"module": module_named, "session": session_named}.get(axis)
    return found(ledger, value) if found else value
