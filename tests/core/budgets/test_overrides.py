"""Overrides: consumed once, by the module or the task that they are for, until an instant in anybody's time zone."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.budgets import Budgets
from gaia_budget.budgets.limits import Scope
from gaia_budget.errors import BudgetExceededError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.verify import verify
from support.clock import Clock
from support.events import event, ts
from support.racing import race

if TYPE_CHECKING:
    from collections.abc import Callable

DOLLAR = 1_000_000_000
AT = "2026-11-23T12:00"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of every ledger, moved by the test alone."""
    clock = Clock(AT)
    monkeypatch.setattr(Ledger, "now", lambda _: clock.ts)
    return clock


def call(ledger: Ledger, dollars: float, *, task: str = "", cap: float | None = None) -> bool:
    """Whether a call of the module raven (10 dollars a month) is admitted; `cap` is the task's own."""
    month = Budgets(ledger).module_scope("raven", 10 * DOLLAR)._replace(tasks=(task,) if task else ())
    own = [] if cap is None else [Scope(f"task:raven:{task}:{uuid.uuid4().hex}", int(cap * DOLLAR))]
    try:
        Budgets(ledger).reserve([month, *own], int(dollars * DOLLAR), call_id=uuid.uuid4().hex)
    except BudgetExceededError:
        return False
    return True


def used(ledger: Ledger) -> list[int]:
    return [one.used_nano // DOLLAR for one in Budgets(ledger).overrides()]


def test_the_next_call_passes_and_used_up_blocks_again(ledger: Ledger, clock: Clock) -> None:
    assert call(ledger, 10)
    assert not call(ledger, 1)
    Budgets(ledger).add_override("raven", 2 * DOLLAR, "one audit", granted_by="ana")
    assert [call(ledger, 1), call(ledger, 1), call(ledger, 1)] == [True, True, False]
    assert used(ledger) == [2]
    assert Budgets(ledger).active_overrides() == []
    assert verify(ledger) == []


def test_an_override_of_a_task_lifts_its_own_cap_and_the_month_for_it_alone(
    ledger: Ledger, clock: Clock
) -> None:
    assert call(ledger, 9)
    Budgets(ledger).add_override("raven", 6 * DOLLAR, "one deep audit", task="deep_audit")
    assert not call(ledger, 2)
    assert not call(ledger, 2, task="quick_scan")
    assert call(ledger, 7, task="deep_audit", cap=5), (
        "2 beyond its cap and 6 beyond the month: 6 dollars in all"
    )
    assert used(ledger) == [6]
    assert not call(ledger, 1, task="deep_audit")
    assert verify(ledger) == []


def test_an_override_of_the_module_leaves_the_caps_of_tasks_alone(ledger: Ledger, clock: Clock) -> None:
    Budgets(ledger).add_override("raven", 9 * DOLLAR, "a busy month")
    assert not call(ledger, 6, task="deep_audit", cap=5)
    assert used(ledger) == [0]


def test_those_of_the_task_are_used_first(ledger: Ledger, clock: Clock) -> None:
    Budgets(ledger).add_override("raven", 3 * DOLLAR, "any", expires="2026-11-24")
    Budgets(ledger).add_override(
        "raven", 3 * DOLLAR, "one deep audit", task="deep_audit", expires="2026-11-25"
    )
    assert call(ledger, 14, task="deep_audit")
    assert {one.task: one.used_nano // DOLLAR for one in Budgets(ledger).overrides()} == {
        "deep_audit": 3,
        "": 1,
    }


@pytest.mark.parametrize(
    ("zone", "expires", "last"),
    [
        ("Pacific/Auckland", "2026-11-24", "2026-11-24T10:59"),  # UTC+13: the local day ends at 11:00 UTC
        ("America/New_York", "2026-11-24", "2026-11-25T04:59"),
        ("Europe/Berlin", "2026-11-24T18:00", "2026-11-24T16:59"),
        ("Pacific/Auckland", "2026-11-24T18:00-05:00", "2026-11-24T22:59"),
        ("America/New_York", None, "2026-12-01T04:59"),  # the end of the month
    ],
)
def test_it_expires_in_the_zone_in_which_it_was_granted(
    make: Callable[..., Ledger], clock: Clock, zone: str, expires: str | None, last: str
) -> None:
    ledger = make(timezone=zone)
    Budgets(ledger).add_override("raven", 5 * DOLLAR, "why", expires=expires)
    elsewhere = make(timezone=zone, machine="far")
    clock.ts = ts(last)
    assert len(Budgets(elsewhere).active_overrides("raven")) == 1
    assert call(elsewhere, 11)
    clock.advance(60)
    assert Budgets(elsewhere).active_overrides("raven") == []
    assert not call(elsewhere, 11.5)


@pytest.mark.parametrize("processes", [2])
def test_of_processes_that_race_for_the_last_one_a_single_one_has_it(
    url: str, ledger: Ledger, processes: int
) -> None:
    """A month without money and an override for one call and a half."""
    Budgets(ledger).add_override("jseeker", DOLLAR + DOLLAR // 2, "why")
    for turn in range(3):
        task: dict[str, Any] = {"limit": 0, "estimate": DOLLAR, "calls": 1, "round": f"{turn}-"}
        ended = race(url, processes, task)
        assert ended == (1 if turn == 0 else 0, processes - (1 if turn == 0 else 0), [])
    assert used(ledger) == [1]
    assert verify(ledger) == []


def test_what_claude_code_spends_beyond_a_cap_uses_overrides_up(ledger: Ledger, clock: Clock) -> None:
    Budgets(ledger).add_override("raven", 3 * DOLLAR, "why")
    spent = {"module": "raven", "source": "claude_code", "billing": "api"}
    scope = Budgets(ledger).module_scope("raven", 10 * DOLLAR, counts_claude_code=True)
    for number, left in enumerate([3, 2, 0, 0]):
        cost = [10, 1, 4, 1][number] * DOLLAR
        ledger.record([event(f"e{number}", AT, cost_nano=cost, **spent)])
        for _ in range(2):
            Budgets(ledger).cover_overspend(scope)
        assert [one.left_nano // DOLLAR for one in Budgets(ledger).overrides()] == [left]
    assert verify(ledger) == []


def test_what_a_call_drew_and_did_not_use_goes_back_and_serves_no_other_task(ledger: Ledger) -> None:
    """A grant for one task: its call fails, and the others find no room that it has left behind."""
    budgets = Budgets(ledger)
    month = budgets.module_scope("jseeker", 1_000)
    budgets.settle(budgets.reserve([month], 990, call_id="before").reservation_id, 990)
    budgets.add_override("jseeker", 5_000, "an audit", task="big")
    big = month._replace(tasks=("big",))
    for number, (used, left) in enumerate(((0, 5_000), (300, 4_710))):
        held = budgets.reserve([big], 2_500, call_id=f"big-{number}")
        (grant,) = budgets.active_overrides("jseeker")
        assert grant.left_nano == 5_000 - 2_490, "it is drawn while the call is on its way"
        budgets.settle(held.reservation_id, used)
        (grant,) = budgets.active_overrides("jseeker")
        assert grant.left_nano == left
        with pytest.raises(BudgetExceededError):
            budgets.reserve([month], 11, call_id=f"other-{number}")
