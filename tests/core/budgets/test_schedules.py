"""Lease, reserve, settle, expire, override and the month's end as a state machine: three processes in every order.

Each step is one transaction, so an order of steps is all that processes can make of each other. All 4,200 orders of
the three scripts are walked through in the model, with a wait that ends within the month and one that does not;
`GAIA_TEST_SCHEDULES=100000` replays as many schedules (orders with amounts drawn anew) on each database (`-k sqlite`,
`-k postgresql`: minutes, and a third of an hour, where TMPDIR lies in memory).
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from gaia_budget.budgets import Budgets
from gaia_budget.budgets.held import LeaseReport
from gaia_budget.errors import BudgetExceededError
from gaia_budget.ledger.verify import verify
from gaia_budget.model import Event
from support.events import ts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gaia_budget.budgets.limits import Scope
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.verify import Problem

COUNT = int(os.environ.get("GAIA_TEST_SCHEDULES", "90"))
TOGETHER = 30  # schedules beside each other, whose months are read at once after every step
OF_ONE_ORG = 3_000  # each step reads the month out of all that its organisation has ever held
LIMIT, GRANT, TTL_SECONDS = 10, 4, 1
HOLDER, LATE, GRANTED = "holder", "late", "granted"
SCRIPTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (HOLDER, ("lease", "report", "return")),
    (LATE, ("reserve", "wait", "expire", "settle")),  # a holder that was gone, and came back
    (GRANTED, ("grant", "reserve", "settle")),
)
MONTHS = (0, 1)


@dataclass
class Model:
    """What two months must hold: an admitted call at its estimate until it is settled, then at what it cost.

    It stays with the month that admitted it. What is granted lapses with its month.
    """

    drawn: dict[str, tuple[int, int]]
    far: bool
    month: int = 0
    granted: dict[int, int] = field(default_factory=lambda: dict.fromkeys(MONTHS, 0))
    held: dict[str, tuple[int, int]] = field(default_factory=dict)

    def used(self, month: int) -> int:
        return sum(amount for of, amount in self.held.values() if of == month)

    def step(self, name: str, step: str) -> bool:
        """Whether the step is admitted."""
        estimate, cost = self.drawn[name]
        if step == "grant":
            self.granted[self.month] += GRANT
        elif step == "wait":
            self.month += self.far
        elif step in ("reserve", "lease"):
            if self.used(self.month) + estimate > LIMIT + self.granted[self.month]:
                return False
            self.held[name] = (self.month, estimate)
        elif step in ("settle", "return") and name in self.held:
            self.held[name] = (self.held[name][0], cost)
        return True


@cache
def orders() -> tuple[tuple[tuple[str, str], ...], ...]:
    """Every order of the three scripts' steps, each script's own kept."""

    def merged(left: tuple[tuple[str, tuple[str, ...]], ...]) -> list[tuple[tuple[str, str], ...]]:
        if not any(steps for _, steps in left):
            return [()]
        found = []
        for place, (name, steps) in enumerate(left):
            if steps:
                rest = (*left[:place], (name, steps[1:]), *left[place + 1 :])
                found += [((name, steps[0]), *later) for later in merged(rest)]
        return found

    return tuple(merged(SCRIPTS))


def model(number: int, *, far: bool) -> Model:
    """What each process asks for, and what it spends: never more."""
    dice = random.Random(number)
    drawn = {name: dice.randrange(1, LIMIT + 3) for name, _ in SCRIPTS}
    return Model({name: (amount, dice.randrange(amount + 1)) for name, amount in drawn.items()}, far)


def test_the_model_never_overspends_in_any_order_and_every_step_can_be_refused() -> None:
    assert len(orders()) == 4200
    refused = set()
    for number, order in enumerate(orders()):
        for far in (False, True):
            one = model(number, far=far)
            for name, step in order:
                if not one.step(name, step):
                    refused.add((name, far))
                assert all(one.used(month) <= LIMIT + one.granted[month] for month in MONTHS)
    assert refused == {(name, far) for name, _ in SCRIPTS for far in (False, True)}


class Schedule:
    """One order of the three scripts with its amounts, replayed on a ledger step by step beside the model."""

    def __init__(self, number: int, began: int) -> None:
        self.module, self.order = f"m{number}", orders()[number * 97 % len(orders())]
        self.model, self.now = model(number, far=(number + number // len(orders())) % 2 == 0), began

    def step(self, place: int, budgets: Budgets, later: int) -> None:
        name, step = self.order[place]
        estimate, cost = self.model.drawn[name]
        known, call = name in self.model.held, f"{self.module}-{name}"
        admitted = self.model.step(name, step)
        if step == "grant":
            budgets.add_override(self.module, GRANT, "why")
        elif step in ("reserve", "lease"):
            assert self.asked(budgets, name, call, estimate) == admitted, (
                self.module,
                self.order,
                self.model,
            )
        elif step == "wait":
            self.now = later if self.model.far else self.now + 2 * TTL_SECONDS * 1_000_000
        elif step == "expire":
            budgets.expire()
        elif known and step == "settle":
            budgets.settle(call, cost, self.paid(budgets, call, cost))
        elif known:
            before, spent = (0, cost // 2) if step == "report" else (cost // 2, cost)
            told = [self.paid(budgets, f"{call}-{step}", spent - before)]
            budgets.report(call, LeaseReport(spent, told, step == "return"), ttl_s=TTL_SECONDS)

    def asked(self, budgets: Budgets, name: str, call: str, estimate: int) -> bool:
        """Whether the ledger gives what a process asks for."""
        scope: Scope = budgets.module_scope(self.module, LIMIT)
        try:
            if name == HOLDER:
                budgets.lease(scope, estimate, need_nano=estimate, ttl_s=TTL_SECONDS, lease_id=call)
            else:
                ttl_s = TTL_SECONDS if name == LATE else 86_400
                budgets.reserve([scope], estimate, call_id=call, ttl_s=ttl_s)
        except BudgetExceededError:
            return False
        return True

    def paid(self, budgets: Budgets, event_id: str, cost: int) -> Event:
        return Event(event_id=event_id, ts=self.now, module=self.module, source="app", billing="api",
                     org=budgets.ledger.org, cost_nano=cost, input_tokens=1)  # fmt: skip


def months(number: int) -> Iterator[int]:
    """The second day of two months that no other group of an organisation has."""
    for month in (number * 2, number * 2 + 1):
        yield ts(f"{2026 + month // 12}-{month % 12 + 1:02}-02T00:00")


def replay(numbers: range, ledger: Ledger) -> list[Problem]:
    """Walk these schedules through a ledger, each step beside the model; what is unsound in the ledger after it."""
    budgets = Budgets(ledger)
    for first in range(numbers.start, numbers.stop, TOGETHER):
        instants = tuple(months((first - numbers.start) // TOGETHER))
        group = [
            Schedule(number, instants[0]) for number in range(first, min(first + TOGETHER, numbers.stop))
        ]
        for place in range(len(orders()[0])):
            for one in group:
                ledger.now = lambda one=one: one.now  # type: ignore[misc, method-assign]
                one.step(place, budgets, instants[1])
            for month in MONTHS:
                told = budgets.months(instants[month])
                for one in group:
                    spend = told.get(one.module)
                    used = spend.spent_nano() + spend.reserved_nano if spend else 0
                    assert used == one.model.used(month), (one.module, month, one.order, one.model)
    return verify(ledger)


def test_the_ledger_does_what_the_model_says_in_any_order(make: Callable[..., Ledger]) -> None:
    for first in range(0, COUNT, OF_ONE_ORG):
        with make(org=f"org {first}") as ledger:
            assert replay(range(first, min(first + OF_ONE_ORG, COUNT)), ledger) == []
