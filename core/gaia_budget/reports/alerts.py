"""What fires now, judged anew; what has fired before; and what keeps alerts from being judged or told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.alerts import evaluation, telling
from gaia_budget.alerts.fired import Fired
from gaia_budget.ledger.zone import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.alerts.fired import Alert
    from gaia_budget.budgets.overrides import Override
    from gaia_budget.reports.books import Books


class Alerts(NamedTuple):
    """Alerts, the newest first; `present` says how the figure of each that holds stands now, by alert id."""

    alerts: list[Alert]
    present: Mapping[str, str]
    problems: list[str]
    overrides: list[Override]
    as_of: int

    def document(self) -> dict[str, Any]:
        """The JSON document of `alerts`, without the overrides."""
        return {
            "as_of": iso(self.as_of),
            "alerts": [telling.document(one, self.present.get(one.alert_id)) for one in self.alerts],
            "problems": self.problems,
        }


def alerts(books: Books, *, every: bool = False) -> Alerts:
    """The alerts that hold; with `every` those that are over, too. Raises LedgerError."""
    state = evaluation.evaluate(books.ledger, books.settings)
    found = Fired(books.ledger).alerts() if every else state.open
    problems = [*state.problems, *evaluation.stuck(books.ledger)]
    return Alerts(found, state.present, problems, books.overrides, books.now)
