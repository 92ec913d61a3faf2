"""Which model to use for a task: the recommendation of `gaia-budget recommend`, in few tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.errors import ConfigError, LedgerError
from gaia_mcp import answers, known

if TYPE_CHECKING:
    from gaia_budget.routing.learning import Outcome

MOST_ALTERNATIVES = 3


def advice(task: str, module: str, provider: str) -> answers.RecommendAnswer:
    """The cheapest viable model. The task's text is classified and not kept. Raises InputError, ConfigError."""
    from gaia_budget import routing
    from gaia_budget.routing import advice as understanding

    notes: list[str] = []
    asked = understanding.understand(task)
    outcomes = _recorded(asked.task.name, notes) if asked.task else []
    found = routing.recommend(
        task, module=module or None, provider=provider or None, outcomes=outcomes, billing=_billing(notes)
    )
    said = found.document()
    price = said["price"]
    return answers.RecommendAnswer(
        model=said["model"],
        alias=said["alias"],
        tier=said["tier"],
        reason=said["reason"],
        how=said["how"],
        input_usd_per_million=price["input_per_1m"] if price else None,
        output_usd_per_million=price["output_per_1m"] if price else None,
        estimated_cost_usd=said["estimated_cost_usd"],
        alternatives=[one["model"] for one in said["alternatives"]][:MOST_ALTERNATIVES] or None,
        escalate_to=said["escalate_to"],
        warnings=said["warnings"] or None,
        notes=notes or None,
    )


def _recorded(task: str, notes: list[str]) -> list[Outcome]:
    from gaia_budget.ledger.reading import recorded_outcomes
    from gaia_budget.routing.learning import Outcome

    try:
        chosen = known.settings.get()
        file = known.embedded(chosen)
        if file is not None:
            return [Outcome(*row) for row in recorded_outcomes(file, chosen.org, task)]
        return [Outcome(one.ts, one.model, one.ok) for one in known.server(chosen).outcomes(task)]
    except (ConfigError, LedgerError) as error:
        notes.append(f"recorded outcomes are not known: {error}")
        return []


def _billing(notes: list[str]) -> str:
    try:
        return known.settings.get().billing
    except ConfigError as error:
        notes.append(str(error))
        return "unknown"
