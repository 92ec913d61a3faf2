"""Which tasks use which models: dollars of each task by model. What uses no model, such as a browser, stays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.database.measures import Figures
from gaia_budget.reports.asked import Asked, sums
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.ledger import Ledger


class TaskSpend(NamedTuple):
    """A task of a project, and nano-dollars by model."""

    module: str
    name: str
    figures: Figures
    by_model: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        """One of `rows`."""
        return {
            "module": self.module,
            "task": self.name,
            **self.figures.document(),
            "by_model": {model: usd(nano) for model, nano in self.by_model.items()},
        }


class Tasks(NamedTuple):
    """Tasks and models, the dearest first; every row adds up to its cost, every model's column to its total."""

    tasks: list[TaskSpend]
    models: dict[str, int]

    @property
    def cost_nano(self) -> int:
        """Nano-dollars of all tasks."""
        return sum(self.models.values())

    def document(self) -> dict[str, Any]:
        """The JSON document of `tasks`."""
        total = {
            "cost_usd": usd(self.cost_nano),
            "by_model": {name: usd(nano) for name, nano in self.models.items()},
        }
        return {"total": total, "rows": [one.document() for one in self.tasks]}


def tasks(ledger: Ledger, asked: Asked) -> Tasks:
    """Which tasks use which models. Raises InputError, NotFoundError (see `sums`), LedgerError."""
    found: dict[tuple[str, str], tuple[Figures, dict[str, int]]] = {}
    models: dict[str, int] = {}
    for row in sums(ledger, ("module", "task", "model"), asked).rows:
        module, task, model = row.key
        if not model:
            continue
        nano = row.figures.cost_nano
        before, by_model = found.get((module, task), (Figures(), {}))
        found[module, task] = (before.plus(row.figures), by_model | {model: nano})
        models[model] = models.get(model, 0) + nano
    lines = [
        TaskSpend(module, task, figures, by_model) for (module, task), (figures, by_model) in found.items()
    ]
    lines.sort(key=lambda one: (-one.figures.cost_nano, one.module, one.name))
    return Tasks(lines, dict(sorted(models.items(), key=lambda item: (-item[1], item[0]))))
