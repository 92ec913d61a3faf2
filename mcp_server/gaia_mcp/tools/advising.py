"""Which model to use for a task: the recommendation of `gaia-budget recommend`, in few tokens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gaia_budget.errors import ConfigError, LedgerError
from gaia_mcp import running
from gaia_mcp.tools import answers

if TYPE_CHECKING:
    from gaia_budget.routing.answer import Recommendation

MOST_ALTERNATIVES = 3


def advice(task: str, module: str, provider: str) -> answers.RecommendAnswer:
    """The cheapest viable model. The task's text is classified and not kept. Raises InputError, ConfigError."""
    found, notes = _found(task, module or None, provider or None)
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
        levers=[f"{one['lever']}: {one['how']}" for one in said["levers"]] or None,
        warnings=said["warnings"] or None,
        notes=notes or None,
    )


def _found(task: str, module: str | None, provider: str | None) -> tuple[Recommendation, list[str]]:
    """The recommendation, and what it does without because it cannot be read."""
    from gaia_budget.reports import recommendation
    from gaia_budget.routing import policy

    notes = []
    try:
        policies = policy.load()
    except ConfigError as error:
        policies = policy.built_in()
        notes.append(f"what the module allows is not known: {error}")
    ask = partial(
        recommendation.recommend,
        task,
        module=module,
        provider=provider,
        session_id=running.session_id(),
        policies=policies,
    )
    try:
        return ask(), notes
    except LedgerError as error:
        return ask(with_outcomes=False), [*notes, f"recorded outcomes are not known: {error}"]
