"""Reserve, settle, expire and override as a state machine: three processes in every order, model and ledger alike.

Each step is one transaction, so an order of steps is all that processes can make of each other. All 1,260 orders of
the three scripts are walked through in the model; `GAIA_TEST_SCHEDULES=100000` replays as many schedules (orders with
amounts drawn anew) on each database.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from gaia_budget.budgets import Budgets
from gaia_budget.errors import BudgetExceededError
from gaia_budget.ledger.verify import verify
from gaia_budget.model import Event
from support.events import ts

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.ledger import Ledger

COUNT = int(os.environ.get("GAIA_TEST_SCHEDULES", "90"))
TOGETHER = 30  # schedules beside each other, whose months are read at once after every step
LIMIT, TTL_SECONDS = 10, 1
PLAIN, LATE, GRANTED = "plain", "late", "granted"
SCRIPTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (PLAIN, ("reserve", "settle")),
    (LATE, ("reserve", "wait", "expire", "settle")),  # a holder that was gone, and came back
    (GRANTED, ("grant", "reserve", "settle")),
)


@dataclass
class Model:
    """What a month must hold: each admitted call at its estimate until it is settled, then at what it cost."""

    granted: int = 0
    held: dict[str, int] = field(default_factory=dict)

    @property
    def used(self) -> int:
        return sum(self.held.values())

    def admits(self, amount: int) -> bool:
        return self.used + amount <= LIMIT + self.granted


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


def amounts(dice: random.Random) -> dict[str, tuple[int, int]]:
    """What each process reserves, and what its call costs: never more."""
    drawn = {name: dice.randrange(1, LIMIT + 3) for name, _ in SCRIPTS}
    return {name: (amount, dice.randrange(amount + 1)) for name, amount in drawn.items()}


def test_the_model_never_overspends_in_any_order_and_every_step_can_be_refused() -> None:
    assert len(orders()) == 1260
    refused = set()
    for number, order in enumerate(orders()):
        model, drawn = Model(), amounts(random.Random(number))
        for name, step in order:
            estimate, cost = drawn[name]
            if step == "grant":
                model.granted += 4
            elif step == "reserve" and model.admits(estimate):
                model.held[name] = estimate
            elif step == "reserve":
                refused.add(name)
            elif step == "settle" and name in model.held:
                model.held[name] = cost
            assert model.used <= LIMIT + model.granted
    assert refused == {PLAIN, LATE, GRANTED}


class Schedule:
    """One order of the three scripts with its amounts, replayed on a ledger step by step beside the model."""

    def __init__(self, number: int) -> None:
        self.module, self.model = f"m{number}", Model()
        self.order, self.drawn = orders()[number * 97 % len(orders())], amounts(random.Random(number))

    def step(self, place: int, budgets: Budgets, clock: Clock) -> None:
        name, step = self.order[place]
        estimate, cost = self.drawn[name]
        call, model = f"{self.module}-{name}", self.model
        if step == "grant":
            budgets.add_override(self.module, 4, "why", expires=clock.instant + 3_600_000_000)
            model.granted += 4
        elif step == "reserve":
            ttl_s = TTL_SECONDS if name == LATE else 86_400 * 30
            admitted = True
            try:
                budgets.reserve(
                    [budgets.module_scope(self.module, LIMIT)], estimate, call_id=call, ttl_s=ttl_s
                )
            except BudgetExceededError:
                admitted = False
            assert admitted == model.admits(estimate), (self.module, self.order, self.drawn)
            if admitted:
                model.held[name] = estimate
        elif step == "wait":
            clock.instant += 2 * TTL_SECONDS * 1_000_000
        elif step == "expire":
            budgets.expire()
        elif name in model.held:
            paid = Event(event_id=call, ts=clock.instant, module=self.module, source="app", billing="api",
                         org=budgets.ledger.org, cost_nano=cost, input_tokens=1)  # fmt: skip
            budgets.settle(call, cost, paid)
            model.held[name] = cost


@dataclass
class Clock:
    """The ledger's clock: each group of schedules has a month of its own."""

    instant: int = 0

    def to_month(self, number: int) -> None:
        self.instant = ts(f"{2026 + number // 12}-{number % 12 + 1:02}-02T00:00")


def test_the_ledger_does_what_the_model_says_in_any_order(make: Callable[..., Ledger]) -> None:
    ledger, clock = make(), Clock()
    ledger.now = lambda: clock.instant  # type: ignore[method-assign]
    budgets = Budgets(ledger)
    for first in range(0, COUNT, TOGETHER):
        clock.to_month(first // TOGETHER)
        group = [Schedule(number) for number in range(first, min(first + TOGETHER, COUNT))]
        for place in range(len(orders()[0])):
            for one in group:
                one.step(place, budgets, clock)
            months = budgets.months()
            for one in group:
                month = months.get(one.module)
                used = month.spent_nano() + month.reserved_nano if month else 0
                assert used == one.model.used, (one.module, one.order, one.drawn)
    assert verify(ledger) == []
