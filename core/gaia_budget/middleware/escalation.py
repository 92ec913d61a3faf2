"""Cheapest viable model first, the next one when its answer is not good enough: recorded, and learnt from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from gaia_budget.middleware import beside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.tasks import Task

Outcome = TypeVar("Outcome")
INSUFFICIENT = "not good enough"
LONGEST_REASON = 200  # it stands in the log


class Escalation(NamedTuple, Generic[Outcome]):
    """The last attempt's outcome, whether it was good enough, the models tried, and what all of it cost.

    `reasons` says of each model that did not suffice what was missing.
    """

    outcome: Outcome
    good_enough: bool
    model: str
    tried: tuple[str, ...]
    reasons: tuple[str, ...]
    cost_nano: int


def escalate(
    accounts: Accounts,
    work: Task,
    attempt: Callable[[str], Outcome],
    good_enough: Callable[[Outcome], bool | str],
    provider: str | None,
) -> Escalation[Outcome]:
    """Try models in rising order. An exception of `attempt`, BudgetExceededError too, ends the search."""
    reasons: list[str] = []
    models = beside.within(lambda: _ladder(accounts, work, provider))
    for model in models:
        work.details = _why(models, reasons)
        outcome = attempt(model)
        missing = _missing(good_enough(outcome))
        beside.within(partial(_record, accounts, work, model, missing))
        if missing is None:
            break
        reasons.append(missing)
    return _told(outcome, models, reasons, work)


async def escalate_async(
    accounts: Accounts,
    work: Task,
    attempt: Callable[[str], Awaitable[Outcome]],
    good_enough: Callable[[Outcome], bool | str],
    provider: str | None,
) -> Escalation[Outcome]:
    """The same for an attempt that is awaited; the ledger is asked beside the event loop."""
    reasons: list[str] = []
    models = await beside.run(lambda: beside.within(lambda: _ladder(accounts, work, provider)))
    for model in models:
        work.details = _why(models, reasons)
        outcome = await attempt(model)
        missing = _missing(good_enough(outcome))
        await beside.run(partial(beside.within, partial(_record, accounts, work, model, missing)))
        if missing is None:
            break
        reasons.append(missing)
    return _told(outcome, models, reasons, work)


def _missing(verdict: bool | str) -> str | None:
    """What an outcome lacks; None when it is good enough."""
    if isinstance(verdict, str):
        return verdict[:LONGEST_REASON] or INSUFFICIENT
    return None if verdict else INSUFFICIENT


def _why(models: list[str], reasons: list[str]) -> str:
    """What the log says of an attempt that follows another."""
    return f"escalated from {models[len(reasons) - 1]}: {reasons[-1]}" if reasons else ""


def _record(accounts: Accounts, work: Task, model: str, missing: str | None) -> None:
    place = accounts.place()
    if not place.scopes:
        return  # without a ledger nothing is learnt
    accounts.books().ledger.record_outcome(
        work.name, model, missing is None, module=place.module, reason=missing or "", kind="escalation"
    )


def _told(outcome: Outcome, models: list[str], reasons: list[str], work: Task) -> Escalation[Outcome]:
    """The result: one more model was tried than did not suffice, unless all of them did not."""
    tried = tuple(models[: len(reasons) + 1])
    return Escalation(outcome, len(reasons) < len(tried), tried[-1], tried, tuple(reasons), work.cost_nano)


def _ladder(accounts: Accounts, work: Task, provider: str | None) -> list[str]:
    """The recommended model, then the dearer allowed ones by rank, as the provider sells them."""
    from gaia_budget import routing
    from gaia_budget.routing.learning import TaskVerdict
    from gaia_budget.routing.vocabulary import recorded_as

    place = accounts.place()
    known = accounts.books().ledger.outcomes(*recorded_as(work.name)) if place.scopes else []
    said = [TaskVerdict(one.ts, one.model, one.ok, one.kind) for one in known]
    told = routing.recommend(work.name, module=place.module, provider=provider, outcomes=said)
    stronger = [one for one in told.alternatives if one.rank > told.model.rank]
    ordered = [told.model, *sorted(stronger, key=lambda one: (one.rank, one.nano))]
    return list(dict.fromkeys(one.sold_as for one in ordered))
