"""Routing: which model a task should go to, and what recorded outcomes have taught about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.routing.answer import Recommendation
    from gaia_budget.routing.learning import TaskVerdict

__all__ = ["recommend"]


def recommend(
    task: str,
    *,
    module: str | None = None,
    provider: str | None = None,
    session_type: str | None = None,
    context_tokens: int | None = None,
    current_model: str | None = None,
    billing: str = "unknown",
    plan_has_room: bool | None = None,
    outcomes: Iterable[TaskVerdict] = (),
) -> Recommendation:
    """The cheapest viable model for a task, by the policies, prices and routing table in force.

    `outcomes` are what the ledger has recorded for this task. See `gaia_budget.routing.advice`.
    """
    from gaia_budget.routing import advice, asking, policy

    request = asking.Request(
        task, module, provider, session_type, context_tokens, current_model, billing, plan_has_room
    )
    return advice.recommend(request, policies=policy.load(), outcomes=outcomes)
