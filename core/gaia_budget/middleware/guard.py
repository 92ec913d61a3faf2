"""The guard: one per module of the ecosystem, around the clients of that module's code."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_budget.middleware import clients, escalation, policy, tasks
from gaia_budget.middleware.answers import ResponseCache, key_of
from gaia_budget.middleware.booking import Books
from gaia_budget.middleware.prompt_cache import PromptCache
from gaia_hooks import clock
from gaia_hooks.money import NANO, usd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gaia_budget.ledger.budgets import Scope
    from gaia_budget.middleware.call import Answer, Call, Place
    from gaia_budget.middleware.escalation import Escalation
    from gaia_budget.middleware.journal import Settlement
    from gaia_budget.middleware.policy import Policy, Rules
    from gaia_budget.middleware.prompt_cache import TaskCaching
    from gaia_budget.middleware.tasks import Task
    from gaia_budget.middleware.wire import Ask

log = logging.getLogger("gaia_budget")
Client = TypeVar("Client")
Outcome = TypeVar("Outcome")
UNBOUNDED_OUTPUT_TOKENS = 128_000
"""Assumed for a request that sets no limit of its own: no current model answers with more."""
FREE = ("count_tokens", "countTokens", "/moderations", "/files", "/uploads", "/cancel", ":computeTokens")
NOTICES = 100
QUARTER = 900 * clock.MICRO


class BudgetGuard:
    """Counts, caps and logs every call that the module's code makes through a wrapped client.

    `module` is the module's id in registry.json. `session_id` names the session that
    its calls belong to (without one they share a correlation id alone), `session_cap_usd` caps them together. `cache`:
    None keeps answers of calls that are not sampled (temperature 0), True keeps every answer, False none.
    `unbounded_output_tokens` are reserved for a call that sets no limit to its output. Making a guard reads and
    opens nothing; a guard may be shared by threads, event loops and forked processes.
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
            raise InputError("a guard needs the module's id, as in registry.json")
        self.module = module.strip().lower()
        self._named_session = session_id or ""  # a made-up one would be nobody's session in reports
        self.session_id = session_id or uuid.uuid4().hex
        self.unbounded_output_tokens = unbounded_output_tokens
        self.notices: deque[str] = deque(maxlen=NOTICES)
        self.prompt_cache = PromptCache(prompt_caching, self.notice)
        self._session_cap = None if session_cap_usd is None else nano_of(session_cap_usd)
        self._cache = None if isinstance(cache, ResponseCache) else cache
        self._answers = cache if isinstance(cache, ResponseCache) else None
        self._policy: Policy | None = None
        self._books: Books | None = None
        self._forked_from: list[Books] = []
        self._lock = threading.RLock()
        self._noticed: set[str] = set()
        self._months: dict[str, tuple[int, Rules, Scope]] = {}
        self._saved_nano = self._hits = 0

    def wrap(self, client: Client) -> Client:
        """Put the guard under a client of `anthropic`, `openai` or `google.genai`, and return that same client.

        Its type, its methods and its exceptions stay; calls that would go over a limit raise BudgetExceededError
        before anything is sent. Wrapping it again with the same guard changes nothing. Raises InputError for
        other clients, or for one that another guard has.
        """
        wrapped: Client = clients.wrap(client, self)
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
        """
        cap = None if cap_usd is None else nano_of(cap_usd)
        return tasks.Task(
            self,
            name,
            caller=caller.strip().lower(),
            cap_nano=cap,
            correlation_id=correlation_id,
            cache=cache,
        )

    def escalate(
        self,
        task: str,
        *,
        attempt: Callable[[str], Outcome],
        good_enough: Callable[[Outcome], bool],
        provider: str | None = None,
        cap_usd: str | Decimal | int | None = None,
    ) -> Escalation[Outcome]:
        """Try the cheapest viable model, then the next dearer allowed one, until an answer is good enough.

        `attempt(model)` makes the call and returns its outcome. What sufficed and what did not is recorded, and
        the recommendation learns from it. Raises BudgetExceededError when the budget ends the search first.
        """
        return escalation.escalate(self, task, attempt, good_enough, provider, cap_usd)

    @property
    def saved_usd(self) -> str:
        """What answers from the response cache would have cost, as an exact decimal string in USD."""
        with self._lock:
            return usd(self._saved_nano)

    @property
    def cache_hits(self) -> int:
        """How many calls the response cache has answered."""
        with self._lock:
            return self._hits

    def prompt_caching(self) -> list[TaskCaching]:
        """The share of prompt tokens that the providers' caches served, by task, with what stands in the way."""
        return self.prompt_cache.report()

    def close(self) -> None:
        """Book what is late and close the ledger; the guard opens it again when it is needed."""
        with self._lock:
            if self._books is not None and self._books.pid == os.getpid():
                self._books.close()
            self._books = None

    @property
    def desk(self) -> BudgetGuard:
        """Where calls are settled."""
        return self

    @property
    def answers(self) -> ResponseCache:
        """The answers that are kept."""
        if self._answers is None:
            with self._lock:
                if self._answers is None:
                    self._answers = ResponseCache(places.home() / "cache" / "answers", notice=self.notice)
        return self._answers

    def policy(self) -> Policy:
        """Limits and prices in force."""
        found = self._policy
        if found is None or not found.fresh:
            with self._lock:
                if self._policy is None or not self._policy.fresh:
                    self._policy = policy.load()
                found = self._policy
        return found

    def books(self) -> Books:
        """Ledger, logs and journal of this process."""
        found = self._books
        if found is None or found.pid != os.getpid():
            with self._lock:
                if self._books is None or self._books.pid != os.getpid():
                    if self._books is not None:
                        self._forked_from.append(self._books)  # its connections are the parent's: let them be
                    self._books = Books(self.policy().settings)
                found = self._books
        return found

    def place(self) -> Place:
        """Where a call of the running context is booked, and the budgets that it counts against."""
        from gaia_budget.middleware.call import Place

        held, task = self.policy(), tasks.current(self)
        module = (
            next((one.caller for one in task.chain() if one.caller), self.module) if task else self.module
        )
        if module not in self._noticed:
            self._noticed.add(module)
            policy.notice_of_default(held, module)
        settings = held.settings
        return Place(
            module,
            task,
            self._named_session,
            (task.correlation_id if task else "") or self.session_id,
            settings.org,
            settings.user,
            settings.machine,
            tuple(self._scopes(held, module, task)),
        )

    def _scopes(self, held: Policy, module: str, task: Task | None) -> Sequence[Scope]:
        from gaia_budget.ledger.budgets import Scope

        names = tuple(one.name for one in task.chain()) if task else ()
        scopes = [self._month_of(held, module)._replace(tasks=names)]
        if self._session_cap is not None:
            scopes.append(Scope(f"session:{self.session_id}", self._session_cap))
        capped = ((one, one.cap_nano) for one in (task.chain() if task else ()))
        return scopes + [
            Scope(f"task:{module}:{one.name}:{one.task_id}", cap) for one, cap in capped if cap is not None
        ]

    def _month_of(self, held: Policy, module: str) -> Scope:
        """The budget of a module's month; looked up again when it may be another one."""
        ledger, rules = self.books().ledger, held.rules(module)
        quarter = clock.now() // QUARTER  # months begin at a quarter of an hour in every zone
        known = self._months.get(module)
        if known is None or known[:2] != (quarter, rules):
            scope = ledger.module_scope(module, rules.limit_nano, counts_claude_code=rules.counts_claude_code)
            known = self._months[module] = (quarter, rules, scope)
        return known[2]

    def key_of(self, ask: Ask, request: Any, task: Task | None) -> str:
        """The key under which an answer to this request is kept; empty where none is."""
        wanted = task.cache if task is not None and task.cache is not None else self._cache
        if wanted is False or ask.stateful or (ask.varies and not wanted):
            return ""
        return key_of(ask, request)

    def settle(self, call: Call, settlement: Settlement) -> None:
        """Book a call; never raises."""
        self.books().settle(settlement)
        if call.place.task is not None:
            call.place.task.add(settlement.actual_nano)
        self.prompt_cache.learn(call, settlement.event)

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer for the same request; never raises."""
        self.answers.put(key, answer)

    def book_hit(self, call: Call, kept: Answer) -> None:
        """Book an answer that cost nothing, and what it saved."""
        call.details = (
            f"saved {usd(kept.cost_nano)} USD" if kept.cost_nano is not None else "saved an unpriced call"
        )
        with self._lock:
            self._hits += 1
            self._saved_nano += kept.cost_nano or 0
        call.book_hit(kept)

    def notice(self, text: str) -> None:
        """Tell the human (log `gaia_budget`) and the calling code (`notices`)."""
        self.notices.append(text)
        log.warning("%s: %s", self.module, text)

    def notice_uncounted(self, provider: str, method: str, path: str) -> None:
        """Say once of each kind of request that may cost money, but whose cost the answer does not tell."""
        if method != "POST" or any(part in path for part in FREE):
            return
        kind = f"{provider} {path.rsplit('/', 1)[-1]}"
        if kind not in self._noticed:
            self._noticed.add(kind)
            self.notice(f"calls of {provider} to {path} are not counted: their answers carry no token usage")


def nano_of(amount: str | Decimal | int) -> int:
    """An amount in USD as nano-dollars. Raises InputError; floats are refused, for they are not exact."""
    if isinstance(amount, float):
        raise InputError(f"give the amount {amount!r} as text or Decimal: binary fractions are not exact")
    try:
        nano = Decimal(amount) * NANO
    except ArithmeticError:
        raise InputError(f"{amount!r} is not an amount of USD; write it like '2.50'") from None
    if not nano.is_finite() or nano < 0:
        raise InputError(f"{amount!r} is not an amount of USD; write it like '2.50'")
    return int(nano.to_integral_value())
