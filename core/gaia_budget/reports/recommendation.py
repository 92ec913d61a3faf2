"""The routing table's recommendation with what this machine knows: recorded outcomes, how Claude Code is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_budget.model import DEFAULT_ORG

if TYPE_CHECKING:
    from gaia_budget.routing.answer import Recommendation
    from gaia_budget.routing.learning import Outcome
    from gaia_budget.routing.policy import Policies


def recommend(
    task: str,
    *,
    module: str | None = None,
    provider: str | None = None,
    session_type: str | None = None,
    context_tokens: int | None = None,
    current_model: str | None = None,
    policies: Policies | None = None,
    with_outcomes: bool = True,
) -> Recommendation:
    """The cheapest viable model for a task, as `recommend` and the MCP server give it. The text is not kept.

    `policies` stand in for those in force, and without `with_outcomes` the ledger is not asked: for whoever has to
    answer although these cannot be read. Raises InputError, NotFoundError, ConfigError, and LedgerError where the
    outcomes cannot be read.
    """
    from gaia_budget.routing import advice, policy

    asked = advice.understand(task)
    request = advice.Request(task, module, provider, session_type, context_tokens, current_model, **_plan())
    return advice.recommend(
        request,
        policies=policies or policy.load(),
        outcomes=_recorded(asked.name) if asked.name and with_outcomes else (),
    )


def _recorded(task: str) -> list[Outcome]:
    """What the ledger knows of a task. Raises LedgerError."""
    from gaia_budget.ledger import outcomes
    from gaia_budget.routing import vocabulary
    from gaia_budget.routing.learning import Outcome

    names = vocabulary.recorded_as(task)
    url = str(places.configured("db") or f"sqlite:///{(places.home() / 'ledger.db').as_posix()}")
    org = str(places.configured("org") or DEFAULT_ORG)
    return [Outcome(one.ts, one.model, one.ok) for one in outcomes.looked_up(url, org, *names)]


def _plan() -> dict[str, Any]:
    """How Claude Code is paid for, and whether a plan's windows still have room at the present pace."""
    from gaia_hooks.facts import billing, plan, snapshot
    from gaia_hooks.machine import clock

    chosen = places.configured("claude_code_billing") or places.configured("billing") or billing.AUTO
    home = str(places.home())
    kept, week = plan.read(home), plan.week_of(snapshot.load(home))
    windows = {name: kept[name] for name in plan.LENGTHS if name in kept}
    full = [
        name
        for name, one in windows.items()
        if plan.reached_at(name, one, kept["as_of"], week) or one["percent"] >= 100
    ]
    return {
        "billing": billing.resolved(str(chosen), kept, clock.now()),
        "plan_has_room": not full if windows else None,
    }
