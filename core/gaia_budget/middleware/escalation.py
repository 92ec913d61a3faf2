"""Cheapest viable model first, the next one when its answer is not good enough: recorded, and learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from gaia_budget.middleware.guard import BudgetGuard

Outcome = TypeVar("Outcome")
INSUFFICIENT = "not good enough"


class Escalation(NamedTuple, Generic[Outcome]):
    """The last attempt's outcome, whether it was good enough, the models tried, and what all of it cost."""

    outcome: Outcome
    good_enough: bool
    model: str
    tried: tuple[str, ...]
    cost_nano: int


def escalate(
    guard: BudgetGuard,
    task: str,
    attempt: Callable[[str], Outcome],
    good_enough: Callable[[Outcome], bool],
    provider: str | None,
    cap_usd: str | Decimal | int | None,
) -> Escalation[Outcome]:
    """Try models in rising order. An exception of `attempt`, BudgetExceededError too, ends the search."""
    tried: list[str] = []
    ledger = guard.books().ledger
    with guard.task(task, cap_usd=cap_usd) as work:
        for model in _ladder(guard, task, provider):
            tried.append(model)
            outcome = attempt(model)
            sufficed = bool(good_enough(outcome))
            reason = "" if sufficed else INSUFFICIENT
            ledger.record_outcome(task, model, sufficed, module=guard.module, reason=reason)
            if sufficed:
                break
    return Escalation(outcome, sufficed, model, tuple(tried), work.cost_nano)


def _ladder(guard: BudgetGuard, task: str, provider: str | None) -> list[str]:
    """The recommended model, then the dearer allowed ones by rank, as the provider sells them."""
    from gaia_budget import routing
    from gaia_budget.routing.learning import Outcome as Learnt

    said = [Learnt(one.ts, one.model, one.ok) for one in guard.books().ledger.outcomes(task)]
    told = routing.recommend(task, module=guard.module, provider=provider, outcomes=said)
    stronger = [one for one in told.alternatives if one.rank > told.model.rank]
    ordered = [told.model, *sorted(stronger, key=lambda one: (one.rank, one.nano))]
    return list(dict.fromkeys(one.sold_as for one in ordered))
