"""Which model to use for a task: the recommendation of `gaia-budget recommend`, in few tokens."""

from __future__ import annotations

from gaia_budget.errors import LedgerError
from gaia_mcp import answers

MOST_ALTERNATIVES = 3


def advice(task: str, module: str, provider: str) -> answers.RecommendAnswer:
    """The cheapest viable model. The task's text is classified and not kept. Raises InputError, ConfigError."""
    from gaia_budget import routing
    from gaia_budget.ledger import recommending

    notes = None
    try:
        found = recommending.recommend(task, module=module or None, provider=provider or None)
    except LedgerError as error:  # without the outcomes the table still answers
        notes = [f"recorded outcomes are not known: {error}"]
        found = routing.recommend(task, module=module or None, provider=provider or None)
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
        notes=notes,
    )
