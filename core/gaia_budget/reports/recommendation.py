"""The routing table's recommendation with what this machine knows: recorded outcomes, how Claude Code is paid for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_hooks.facts.modules import DEFAULT_ORG

if TYPE_CHECKING:
    from gaia_budget.reports.sessions.running_session import RunningSession
    from gaia_budget.routing.advice import Request
    from gaia_budget.routing.answer import Recommendation
    from gaia_budget.routing.learning import TaskVerdict
    from gaia_budget.routing.policy import Policies

CLAUDE = "anthropic"


def recommend(
    task: str,
    *,
    module: str | None = None,
    provider: str | None = None,
    session_type: str | None = None,
    context_tokens: int | None = None,
    current_model: str | None = None,
    session_id: str | None = None,
    policies: Policies | None = None,
    with_outcomes: bool = True,
) -> Recommendation:
    """The cheapest viable model for a task, as `recommend` and the MCP server give it. The text is not kept.

    Inside a session (`session_id`, else the one that started this process) what is not named is the session's own:
    type, module, running model, context and cache; who names a module or a provider asks about calls of an app, not
    about the conversation. `policies` stand in for those in force, and without `with_outcomes` the ledger is not
    asked: for whoever has to answer although these cannot be read. Raises InputError, NotFoundError, ConfigError,
    and LedgerError where the outcomes cannot be read.
    """
    from gaia_budget.reports.sessions import running_session
    from gaia_budget.routing import advice, policy

    asked = advice.understand(task)
    held = policies or policy.load()
    running = running_session.look(str(places.home()), session_id or running_session.session_id())
    request = advice.Request(task, module, provider, session_type, context_tokens, current_model, **_plan())
    if running is not None and not _about_an_app(module, provider, running, held):
        request = _in_session(request, running)
    return advice.recommend(
        request,
        policies=held,
        outcomes=_recorded(asked.name) if asked.name and with_outcomes else (),
    )


def _about_an_app(
    module: str | None, provider: str | None, running: RunningSession, policies: Policies
) -> bool:
    """Whether the question is about calls of an app's own: of another module, or of another maker's models."""
    if provider is not None:
        return provider.strip().lower() != CLAUDE
    if module is None:
        return False
    return policies.module(module).name != running.module or policies.module(module).provider not in (
        "",
        CLAUDE,
    )


def _in_session(request: Request, running: RunningSession) -> Request:
    """The question with what the session is, where the asker did not say otherwise."""
    from gaia_budget.routing.levers import CLIENT_SETTINGS

    return request._replace(
        module=request.module or running.module,
        session_type=request.session_type or running.type or None,
        context_tokens=running.context_tokens if request.context_tokens is None else request.context_tokens,
        current_model=request.current_model or running.model or None,
        in_session=True,
        cache_cold=running.cache_cold,
        client={name: os.environ[name] for name in CLIENT_SETTINGS if os.environ.get(name)},
    )


def _recorded(task: str) -> list[TaskVerdict]:
    """What the ledger knows of a task. Raises LedgerError."""
    from gaia_budget.ledger import outcomes
    from gaia_budget.routing import vocabulary
    from gaia_budget.routing.learning import TaskVerdict

    names = vocabulary.recorded_as(task)
    url = str(places.configured("db") or f"sqlite:///{(places.home() / 'ledger.db').as_posix()}")
    org = str(places.configured("org") or DEFAULT_ORG)
    return [TaskVerdict(one.ts, one.model, one.ok, one.kind) for one in outcomes.looked_up(url, org, *names)]


def _plan() -> dict[str, Any]:
    """How Claude Code is paid for, and whether a plan's windows still have room at the present pace."""
    from gaia_hooks.facts import snapshot
    from gaia_hooks.facts.prices import billing, plan
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
