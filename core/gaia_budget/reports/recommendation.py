"""The routing table's recommendation with what this machine knows.

That is recorded outcomes, how Claude Code is paid for, and what a running session is at this moment.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_hooks.facts import session_types, snapshot
from gaia_hooks.facts.modules import DEFAULT_ORG
from gaia_hooks.facts.prices import billing, plan
from gaia_hooks.facts.tokens import responses, usage
from gaia_hooks.machine import clock, files, jsonio
from gaia_hooks.session import sessions, state

if TYPE_CHECKING:
    from gaia_budget.routing.answer import Recommendation
    from gaia_budget.routing.asking import Request
    from gaia_budget.routing.learning import TaskVerdict
    from gaia_budget.routing.policy import Policies
    from gaia_hooks.facts.tokens.responses import Response

CLAUDE = "anthropic"
VARIABLE = "CLAUDE_CODE_SESSION_ID"
"""Names the session that this process was started from, by Claude Code's own word; empty outside one."""
TAIL_BYTES = 256 << 10
"""Of the transcript: the newest response stands near its end, below a large tool result at most."""


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
    from gaia_budget.routing import advice, asking, policy

    asked = asking.understand(task)
    held = policies or policy.load()
    running = _look(str(places.home()), session_id or os.environ.get(VARIABLE, ""))
    request = asking.Request(task, module, provider, session_type, context_tokens, current_model, **_plan())
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


class RunningSession(NamedTuple):
    """A session as its hooks and its transcript show it. `model` is empty, `context_tokens` None where none answered.

    `cache_cold`: its prompt cache is known to have expired since the newest response.
    """

    session_id: str
    type: str
    module: str
    model: str
    context_tokens: int | None
    cache_cold: bool


def _look(home: str, name: str) -> RunningSession | None:
    """The session of that id; None where no hook has seen it, or its state cannot be read."""
    if not state.is_session_id(name):
        return None
    try:
        mine = sessions.read(home, name)
    except (OSError, state.NewerState):
        return None
    if mine is None:
        return None
    session_types.choose(mine, snapshot.load(home))
    newest = _newest(mine.transcript)
    if newest is None:
        main = mine.threads.get(state.MAIN)
        newest = main.thread.open if main else None
    context = usage.prompt_tokens(newest.usage) + newest.usage[usage.OUTPUT] if newest else None
    return RunningSession(
        name, mine.type, mine.module, newest.model if newest else "", context, _cold(mine, newest)
    )


def _newest(transcript: str) -> Response | None:
    """The main thread's newest response; a row that is torn or foreign tells nothing."""
    try:
        size = files.size_of(transcript)
        rows = files.read(transcript, max(0, size - TAIL_BYTES), TAIL_BYTES).split(b"\n")
    except OSError:
        return None
    for row in reversed(rows):
        if b'"assistant"' in row:
            try:
                found = responses.response_of(jsonio.loads(row))
            except ValueError:
                continue
            if found is not None and not found.agent_id:
                return found
    return None


def _cold(mine: state.State, newest: Response | None) -> bool:
    expires = mine.shown.get("cache_expires_at")
    answered = clock.parse(newest.timestamp) if newest else None
    return isinstance(expires, int) and expires < clock.now() and (answered or 0) < expires


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
