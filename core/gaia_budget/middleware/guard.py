"""The guard: one per module of the ecosystem, around the clients of that module's code."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from gaia_budget.errors import InputError
from gaia_budget.middleware import beside, tasks
from gaia_budget.middleware.accounts import Accounts
from gaia_budget.middleware.transport import clients
from gaia_hooks.facts.prices.money import NANO, usd

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Awaitable, Callable

    from gaia_budget.middleware.caching.prompt_cache import TaskCaching
    from gaia_budget.middleware.caching.response_cache import ResponseCache
    from gaia_budget.middleware.tasks import Task

Client = TypeVar("Client")
Outcome = TypeVar("Outcome")
UNBOUNDED_OUTPUT_TOKENS = 128_000
"""Assumed for a request that sets no limit of its own: no current model answers with more."""
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


class BudgetGuard:
    """Counts, caps and logs every call that the module's code makes through a wrapped client.

    `module` is the module's id in registry.json. `session_id` names the session that its calls belong to (without
    one they share a correlation id alone), `session_cap_usd` caps them together. `cache`: None keeps answers of
    calls that are not sampled (temperature 0), True keeps every answer, False none. `unbounded_output_tokens` are
    reserved for a call that sets no limit to its output. Making a guard reads and opens nothing; a guard may be
    shared by threads, event loops and forked processes.
    """

    def __init__(
        self,
        module: str,
        *,
        session_id: str | None = None,
        session_cap_usd: str | Decimal | int | None = None,
        cache: bool | ResponseCache | None = None,
        prompt_caching: bool = True,
        unbounded_output_tokens: int = UNBOUNDED_OUTPUT_TOKENS,
    ) -> None:
        if not module.strip():
            raise InputError("a guard needs the module's id, as in registry.json", slug="guard-needs-module")
        cap = None if session_cap_usd is None else nano_of(session_cap_usd)
        self._accounts = Accounts(
            module.strip().lower(), session_id or "", cap, cache, prompt_caching, unbounded_output_tokens
        )

    def wrap(self, client: Client) -> Client:
        """Put the guard under a client of `anthropic`, `openai` or `google.genai`, and return that same client.

        Its type, its methods and its exceptions stay; calls that would go over a limit raise BudgetExceededError
        before anything is sent. Wrapping it again with the same guard changes nothing. Raises InputError for
        other clients, or for one that another guard has.
        """
        wrapped: Client = clients.wrap(client, self._accounts)
        return wrapped

    def task(
        self,
        name: str,
        *,
        caller: str = "",
        cap_usd: str | Decimal | int | None = None,
        correlation_id: str = "",
        cache: bool | None = None,
    ) -> Task:
        """A piece of work: `with guard.task("jd_parse"): client.messages.create(...)`. Tasks nest.

        `caller` is the module that a library's call is booked to, `cap_usd` a limit of this task alone (those of
        the tasks around it hold as well), `cache` overrides the guard's. Its `cost_nano` is what it cost so far.
        However the name is spelled, it is the one that `recommend` and `outcome` have for the task.
        """
        from gaia_budget.routing.vocabulary import task_name

        return tasks.Task(
            self._accounts,
            task_name(name),
            caller=caller.strip().lower(),
            cap_nano=None if cap_usd is None else nano_of(cap_usd),
            correlation_id=correlation_id,
            cache=cache,
        )

    def escalate(
        self,
        task: str,
        *,
        attempt: Callable[[str], Outcome],
        good_enough: Callable[[Outcome], bool | str],
        provider: str | None = None,
        cap_usd: str | Decimal | int | None = None,
    ) -> Escalation[Outcome]:
        """Try the cheapest viable model, then the next dearer allowed one, until an answer is good enough.

        `attempt(model)` makes the call and returns its outcome; `good_enough(outcome)` says True, or False, or in
        a few words what is missing. What sufficed, what did not and why is recorded, and the recommendation
        learns from it. Raises BudgetExceededError when the budget ends the search first.
        """
        with self.task(task, cap_usd=cap_usd) as work:
            reasons: list[str] = []
            models = beside.within(lambda: _ladder(self._accounts, work, provider))
            for model in models:
                work.details = _why(models, reasons)
                outcome = attempt(model)
                missing = _missing(good_enough(outcome))
                beside.within(partial(_record, self._accounts, work, model, missing))
                if missing is None:
                    break
                reasons.append(missing)
            return _told(outcome, models, reasons, work)

    async def escalate_async(
        self,
        task: str,
        *,
        attempt: Callable[[str], Awaitable[Outcome]],
        good_enough: Callable[[Outcome], bool | str],
        provider: str | None = None,
        cap_usd: str | Decimal | int | None = None,
    ) -> Escalation[Outcome]:
        """The same for asynchronous clients: `attempt(model)` is awaited, the ledger asked beside the event loop."""
        with self.task(task, cap_usd=cap_usd) as work:
            reasons: list[str] = []
            models = await beside.run(lambda: beside.within(lambda: _ladder(self._accounts, work, provider)))
            for model in models:
                work.details = _why(models, reasons)
                outcome = await attempt(model)
                missing = _missing(good_enough(outcome))
                await beside.run(
                    partial(beside.within, partial(_record, self._accounts, work, model, missing))
                )
                if missing is None:
                    break
                reasons.append(missing)
            return _told(outcome, models, reasons, work)

    @property
    def module(self) -> str:
        """The module's id."""
        return self._accounts.module

    @property
    def session_id(self) -> str:
        """What its calls share: the session's name, else a made-up correlation id."""
        return self._accounts.session_id

    @property
    def notices(self) -> deque[str]:
        """The latest notices: downgrades, calls that cannot be priced, caches that cannot be written."""
        return self._accounts.notices

    @property
    def saved_usd(self) -> str:
        """What answers from the response cache would have cost, as an exact decimal string in USD."""
        return usd(self._accounts.saved_nano)

    @property
    def cache_hits(self) -> int:
        """How many calls the response cache has answered."""
        return self._accounts.hits

    def prompt_caching(self) -> list[TaskCaching]:
        """The share of prompt tokens that the providers' caches served, by task, with what stands in the way."""
        return beside.within(self._accounts.prompt_cache.report)

    def close(self) -> None:
        """Book what is late and close the ledger; the guard opens it again when it is needed."""
        beside.within(self._accounts.close)


def nano_of(amount: str | Decimal | int) -> int:
    """An amount in USD as nano-dollars. Raises InputError; floats are refused, for they are not exact."""
    if isinstance(amount, float):
        raise InputError(
            f"give the amount {amount!r} as text or Decimal: binary fractions are not exact", slug="not-valid"
        )
    try:
        nano = Decimal(amount) * NANO
    except ArithmeticError:
        nano = Decimal("NaN")
    if not nano.is_finite() or nano < 0:
        raise InputError(f"{amount!r} is not an amount of USD; write it like '2.50'", slug="not-valid")
    return int(nano.to_integral_value())


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
