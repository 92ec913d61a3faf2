"""What a guard decides by and books into: limits and prices in force, ledger, caches, notices."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from gaia_budget import places
from gaia_budget.errors import ConfigError, InputError, LedgerError
from gaia_budget.middleware import deferred, policy, tasks
from gaia_budget.middleware.books.booking import Bookings
from gaia_budget.middleware.books.journal import UNWRITABLE
from gaia_budget.middleware.books.late import WaitingCalls
from gaia_budget.middleware.books.settlement import NOT_PRICED
from gaia_budget.middleware.caching.prompt_cache import PromptCache
from gaia_budget.middleware.caching.response_cache import ResponseCache, key_of
from gaia_budget.middleware.passage import BookedUnder
from gaia_hooks.facts.prices.money import usd
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.budgets.limits import Scope
    from gaia_budget.errors import GaiaBudgetError
    from gaia_budget.middleware.books.bill import Seller
    from gaia_budget.middleware.books.journal import Settlement
    from gaia_budget.middleware.call import Call
    from gaia_budget.middleware.passage import Answer
    from gaia_budget.middleware.policy import Policy, Rules
    from gaia_budget.middleware.tasks import Task
    from gaia_budget.middleware.wire import Ask

log = logging.getLogger("gaia_budget")
NOTICES = 100
QUARTER, HOUR = 900 * clock.MICRO, 3600 * clock.MICRO
MOST_TURNED = 500
"""Calls an hour that are booked as refused or moved: an app may ask again and again, and each one is a row."""
_known: WeakSet[Accounts] = WeakSet()


class Accounts:
    """The accounts of one guard. Safe for threads, event loops and forked processes; made without reading a thing.

    `cache`: None keeps answers of calls that are not sampled, True keeps every answer, False none.
    """

    def __init__(
        self,
        module: str,
        session_id: str,
        session_cap_nano: int | None,
        cache: bool | ResponseCache | None,
        prompt_caching: bool,
        unbounded_output_tokens: int,
    ) -> None:
        self.module = module
        self.session_id = session_id or uuid.uuid4().hex
        self.unbounded_output_tokens = unbounded_output_tokens
        self.notices: deque[str] = deque(maxlen=NOTICES)
        self.prompt_cache = PromptCache(prompt_caching, self.notice)
        self.saved_nano = self.hits = 0
        self._named_session = session_id  # a made-up one would be nobody's session in reports
        self._session_cap = session_cap_nano
        self._cache = None if isinstance(cache, ResponseCache) else cache
        self._answers = cache if isinstance(cache, ResponseCache) else None
        self._policy: Policy | None = None
        self._books: Bookings | None = None
        self._waiting = WaitingCalls(self.notice_once)
        self._forked_from: list[Bookings] = []
        self._lock = threading.RLock()
        self._noticed: set[str] = set()
        self._turned = (0, 0)  # the hour, and how many of it did not go as asked
        self._months: dict[str, tuple[int, Rules, Scope]] = {}
        self.no_usage_asked: set[str] = set()
        _known.add(self)

    def renew_locks(self) -> None:
        """In a process that was forked, where nobody lets go what another thread of its parent's held."""
        self._lock = threading.RLock()
        self.prompt_cache.renew_lock()
        self._waiting.renew_lock()
        if self._answers is not None:
            self._answers.renew_lock()

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
                    self._policy = self._read_again(self._policy)
                found = self._policy
        return found

    def _read_again(self, held: Policy | None) -> Policy:
        """The policy as the files say now; a file that is broken while the app runs changes nothing but is named."""
        try:
            return policy.load()
        except ConfigError as problem:
            if held is None:
                raise
            self.notice_once(str(problem), f"{problem}. What was read before holds until it is mended")
            held.keep()
            return held

    def books(self) -> Bookings:
        """Ledger, logs and journal of this process."""
        found = self._books
        if found is None or found.pid != os.getpid():
            with self._lock:
                if self._books is None or self._books.pid != os.getpid():
                    if self._books is not None:
                        self._forked_from.append(self._books)  # its connections are the parent's: let them be
                    self._books = Bookings(self.policy().settings)
                found = self._books
        return found

    def close(self) -> None:
        """Book what is late and close the ledger; it is opened again when it is needed."""
        with self._lock:
            held = self._books
            if held is not None and held.pid == os.getpid():
                self._waiting.give_to(self.books)
                held.close()
                if held.has_open_calls:
                    return  # whose journal stays ours: nobody else may settle them meanwhile
            self._books = None

    def place(self) -> BookedUnder:
        """Where a call of the running context is booked, and the budgets that it counts against."""
        held, task = self.policy(), tasks.current(self)
        chain = tuple(task.chain()) if task else ()
        module = next((one.caller for one in chain if one.caller), self.module) if chain else self.module
        if module not in self._noticed:
            self._noticed.add(module)
            policy.notice_of_default(held, module)
        settings = held.settings
        return BookedUnder(
            module,
            task,
            self._named_session,
            (task.correlation_id if task else "") or self.session_id,
            settings.org,
            settings.user,
            settings.machine,
            self._scopes(held, module, chain),
        )

    def _scopes(self, held: Policy, module: str, chain: tuple[Task, ...]) -> tuple[Scope, ...]:
        """The budgets of a call; none where it goes through without the ledger."""
        if self._waiting.goes_on and not self._is_capped(module, chain):
            return ()
        try:
            month = self._month_of(held, module)
        except (LedgerError, InputError) as problem:
            self._go_on_without(problem, module, chain)
            return ()
        self._waiting.give_to(self.books)
        if not chain and self._session_cap is None:
            return (month,)
        scope = type(month)  # importing the ledger is for the first call
        scopes = [month._replace(tasks=tuple(one.name for one in chain))]
        if self._session_cap is not None:
            scopes.append(scope(f"session:{self.session_id}", self._session_cap))
        capped = ((one, one.cap_nano) for one in chain)
        return (
            *scopes,
            *(
                scope(f"task:{module}:{one.name}:{one.task_id}", cap)
                for one, cap in capped
                if cap is not None
            ),
        )

    def _is_capped(self, module: str, chain: Iterable[Task]) -> bool:
        """Whether somebody has set a cap for a call: then nothing is sent that cannot be held to it."""
        chosen = self._session_cap is not None or self.policy().rules(module).chosen
        return chosen or any(one.cap_nano is not None for one in chain)

    def _go_on_without(self, problem: GaiaBudgetError, module: str, chain: Iterable[Task]) -> None:
        """Let calls wait for the ledger; raises the problem where a cap holds."""
        if problem.slug == UNWRITABLE:
            raise problem
        if self._is_capped(module, chain):
            words = (
                f"{problem}. Nothing was sent: a cap is set for {module}, and nobody knows what is left of it"
            )
            kind = type(problem) if isinstance(problem, LedgerError) else InputError
            raise kind(words, slug=problem.slug) from None
        self._waiting.begin(problem, module, self.policy().rules(module).limit_nano)

    def hold(self, place: BookedUnder, worst: Settlement) -> BookedUnder:
        """Hold the worst case of a call; returns where it is booked: without budgets where the ledger is gone.

        Raises BudgetExceededError, LedgerError.
        """
        if place.scopes:
            try:
                self.books().hold(place.scopes, worst)
            except LedgerError as problem:
                self._go_on_without(problem, place.module, place.task.chain() if place.task else ())
            else:
                return place
        self._waiting.hold(worst, self.policy().rules(place.module).limit_nano)
        return place._replace(scopes=())

    def _month_of(self, held: Policy, module: str) -> Scope:
        """The budget of a module's month; looked up again when it may be another one."""
        budgets, rules = self.books().budgets, held.rules(module)
        quarter = clock.now() // QUARTER  # months begin at a quarter of an hour in every zone
        known = self._months.get(module)
        if known is None or known[:2] != (quarter, rules):
            scope = budgets.module_scope(
                module, rules.limit_nano, counts_claude_code=rules.counts_claude_code
            )
            known = self._months[module] = (quarter, rules, scope)
        return known[2]

    def key_of(self, ask: Ask, request: Any, task: Task | None) -> str:
        """The key under which an answer to this request is kept; empty where none is."""
        wanted = task.cache if task is not None and task.cache is not None else self._cache
        if wanted is False or ask.stateful or (ask.varies and not wanted):
            return ""
        return key_of(ask, request)

    def defer(self, call: Call) -> None:
        """Keep what is held for an answer that comes later; without the ledger it is booked at that."""
        attempt = call.attempt
        if not attempt.place.scopes:
            self.settle(call, attempt.worst())
            return
        deferred.keep(
            self,
            attempt.call_id,
            attempt.ask.provider,
            attempt.seen.later,
            attempt.place,
            attempt.task,
            attempt.ask.model,
        )

    def give_up(self, call: Call) -> None:
        """Add nothing any more to requests of a shape that its provider refuses with our marks."""
        host = call.attempt.seller.host
        if call.hides_usage:
            self.no_usage_asked.add(host)
        if call.marked:
            self.prompt_cache.give_up(call.attempt.ask)
        what = "stream_options" if call.hides_usage else "cache marks"
        self.notice_once(
            f"{host} {what}",
            f"{host} refuses {what} that the guard added ({call.attempt.ask.model}): such requests go as they are",
        )

    def settle(self, call: Call, settlement: Settlement) -> None:
        """Book a call, and say what of it had to be estimated before that is seen anywhere; never raises."""
        self._tell(call, settlement)
        if call.attempt.place.scopes:
            self.books().settle(settlement)
        else:
            self._waiting.settle(settlement)
        if call.attempt.place.task is not None:
            call.attempt.place.task.add(settlement.actual_nano)
        self.prompt_cache.learn(call, settlement.event)

    def _tell(self, call: Call, settlement: Settlement) -> None:
        """Say once of each kind what could not be priced, and what was estimated."""
        attempt = call.attempt
        if attempt.notice:
            self.notice_once(attempt.notice, attempt.notice)
        if NOT_PRICED in settlement.details:
            told = settlement.details.split("; ")
            missing = (one.removeprefix(NOT_PRICED) for one in told if one.startswith(NOT_PRICED))
            self.tell_unpriced(missing, attempt.seller)

    def tell_unpriced(self, missing: Iterable[str], seller: Seller) -> None:
        """Say once of each thing that nobody has a price for it."""
        for what in missing:
            text = f"{NOT_PRICED}{what}"
            self.notice_once(text, f"{text}, at {seller.host or seller.provider}: prices.toml may name it")

    def book_hit(self, call: Call, kept: Answer) -> None:
        """Book an answer that cost nothing, and what it saved."""
        call.attempt.details = (
            f"saved {usd(kept.cost_nano)} USD" if kept.cost_nano is not None else "saved an unpriced call"
        )
        with self._lock:
            self.hits += 1
            self.saved_nano += kept.cost_nano or 0
        call.book_hit(kept)

    def turned(self, call: Call, status: str) -> None:
        """Book that a call does not go as it was asked for; of those that are repeated without end, the first ones."""
        if not call.attempt.place.scopes:
            return
        hour = clock.now() // HOUR
        with self._lock:
            before = self._turned[1] if self._turned[0] == hour else 0
            self._turned = (hour, before + 1)
        if before < MOST_TURNED:
            self.books().note(call.attempt.turned(status))

    def notice(self, text: str) -> None:
        """Tell the human (log `gaia_budget`) and the calling code (`notices`)."""
        self.notices.append(text)
        log.warning("%s: %s", self.module, text)

    def notice_once(self, kind: str, text: str) -> None:
        """The same, once of each kind."""
        if kind not in self._noticed:
            self._noticed.add(kind)
            self.notice(text)


def _after_fork() -> None:
    for accounts in list(_known):
        accounts.renew_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
