"""Reserve, settle, expire, lease and override: no interleaving spends more than was allowed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from gaia_budget.budgets import Budgets
from gaia_budget.budgets.held import LeaseReport
from gaia_budget.budgets.limits import Scope
from gaia_budget.errors import BudgetExceededError, InputError, NotFoundError
from gaia_budget.ledger.verify import verify
from support.clock import Clock
from support.events import event

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

DOLLAR = 1_000_000_000
AT = "2026-11-23T12:00"


@pytest.fixture
def clock(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The ledger's clock, moved by the test alone."""
    clock = Clock(AT)
    monkeypatch.setattr(type(ledger), "now", lambda _: clock.ts)
    return clock


def month(ledger: Ledger, limit: float = 10) -> Scope:
    return Budgets(ledger).module_scope("jseeker", int(limit * DOLLAR))


def held(ledger: Ledger) -> tuple[int, int, int]:
    """Spent, reserved and lifted in the module's month."""
    found = Budgets(ledger).month("jseeker")
    return found.spent_nano(), found.reserved_nano, found.override_nano


def test_a_call_that_fits_is_held_and_then_settled_at_what_it_cost(ledger: Ledger, clock: Clock) -> None:
    made = Budgets(ledger).reserve([month(ledger)], 3 * DOLLAR, call_id="c1")
    assert held(ledger) == (0, 3 * DOLLAR, 0)

    Budgets(ledger).settle(made.reservation_id, 2 * DOLLAR, event("e1", AT, cost_nano=2 * DOLLAR))
    assert held(ledger) == (2 * DOLLAR, 0, 0)
    assert verify(ledger) == []


def test_a_call_that_does_not_fit_is_refused_with_the_way_out_and_holds_nothing(
    ledger: Ledger, clock: Clock
) -> None:
    task = Scope("task:jseeker:jd_parse:7", 5 * DOLLAR)
    Budgets(ledger).reserve([month(ledger, 10), task], 4 * DOLLAR, call_id="c1")

    with pytest.raises(BudgetExceededError) as refusal:
        Budgets(ledger).reserve([month(ledger, 10), task], 4 * DOLLAR, call_id="c2")

    assert (refusal.value.spent_nano, refusal.value.reserved_nano) == (0, 4 * DOLLAR)
    assert held(ledger) == (0, 4 * DOLLAR, 0)
    with pytest.raises(BudgetExceededError, match=r"It starts anew on 2026-12-01.*override add jseeker"):
        Budgets(ledger).reserve([month(ledger, 4)], 1, call_id="c3")


def test_exactly_the_limit_fits_and_one_nano_dollar_more_does_not(ledger: Ledger, clock: Clock) -> None:
    Budgets(ledger).reserve([month(ledger)], 10 * DOLLAR, call_id="c1")
    with pytest.raises(BudgetExceededError):
        Budgets(ledger).reserve([month(ledger)], 1, call_id="c2")


def test_asking_again_for_the_same_call_holds_once(ledger: Ledger, clock: Clock) -> None:
    first = Budgets(ledger).reserve([month(ledger)], DOLLAR, call_id="c1")
    assert Budgets(ledger).reserve([month(ledger)], DOLLAR, call_id="c1") == first
    assert held(ledger)[1] == DOLLAR
    with pytest.raises(InputError, match="call_id"):
        Budgets(ledger).reserve([month(ledger)], 2 * DOLLAR, call_id="c1")


def test_settling_twice_charges_once(ledger: Ledger, clock: Clock) -> None:
    Budgets(ledger).reserve([month(ledger)], DOLLAR, call_id="c1")
    for _ in range(2):
        Budgets(ledger).settle("c1", 7, event("e", AT, cost_nano=7))
    assert held(ledger) == (7, 0, 0)
    with pytest.raises(NotFoundError):
        Budgets(ledger).settle("c9", 1)


def test_an_event_that_a_log_told_first_is_not_charged_again(ledger: Ledger, clock: Clock) -> None:
    Budgets(ledger).reserve([month(ledger)], DOLLAR, call_id="c1")
    ledger.record([event("e", AT, cost_nano=7)])
    Budgets(ledger).settle("c1", 7, event("e", AT, cost_nano=7))
    assert held(ledger) == (7, 0, 0)


def test_a_call_without_a_price_is_charged_at_what_it_is_assumed_to_cost(
    ledger: Ledger, clock: Clock
) -> None:
    Budgets(ledger).reserve([month(ledger)], 5 * DOLLAR, call_id="c1")
    Budgets(ledger).settle("c1", 4 * DOLLAR, event("e", AT, cost_nano=None))
    assert held(ledger) == (4 * DOLLAR, 0, 0)
    assert ledger.spend(()).total.unpriced_responses == 1
    assert verify(ledger) == []


def test_an_overdue_call_counts_in_full_until_its_event_comes(ledger: Ledger, clock: Clock) -> None:
    Budgets(ledger).reserve([month(ledger)], 3 * DOLLAR, call_id="c1", ttl_s=60)
    clock.advance(61)

    assert Budgets(ledger).expire() == 1
    assert Budgets(ledger).expire() == 0
    assert held(ledger) == (3 * DOLLAR, 0, 0)

    Budgets(ledger).settle("c1", DOLLAR, event("e", AT, cost_nano=DOLLAR))
    assert held(ledger) == (DOLLAR, 0, 0)
    assert verify(ledger) == []


def test_a_call_over_midnight_counts_in_the_month_that_admitted_it(ledger: Ledger, clock: Clock) -> None:
    clock.set("2026-11-30T23:59")
    Budgets(ledger).reserve([month(ledger)], DOLLAR, call_id="c1")
    clock.set("2026-12-01T00:01")
    Budgets(ledger).settle("c1", 9, event("e", "2026-12-01T00:01", cost_nano=9))

    assert Budgets(ledger).month("jseeker", "2026-11-30").app_nano == 9
    assert Budgets(ledger).month("jseeker").app_nano == 0
    Budgets(ledger).reserve([month(ledger, 1)], DOLLAR, call_id="c2")


def test_a_budget_chosen_just_before_midnight_books_in_its_own_month(ledger: Ledger, clock: Clock) -> None:
    clock.set("2026-11-30T23:59")
    november = month(ledger, 1)
    clock.set("2026-12-01T00:01")
    Budgets(ledger).reserve([november], DOLLAR, call_id="c1")
    Budgets(ledger).settle("c1", 9, event("e", "2026-12-01T00:01", cost_nano=9))
    lease = Budgets(ledger).lease(november, 9)
    Budgets(ledger).report(lease.lease_id, LeaseReport(9, [event("f", "2026-12-01T00:02", cost_nano=9)]))

    assert (
        Budgets(ledger).month("jseeker", "2026-11-30").app_nano,
        Budgets(ledger).month("jseeker").app_nano,
    ) == (18, 0)


def test_claude_code_joins_the_cap_only_where_the_setting_says_so(ledger: Ledger, clock: Clock) -> None:
    ledger.record([event("cc", AT, source="claude_code", billing="api", cost_nano=9 * DOLLAR)])
    ledger.record([event("plan", AT, source="claude_code", billing="plan", cost_nano=9 * DOLLAR)])

    Budgets(ledger).reserve([month(ledger)], 2 * DOLLAR, call_id="c1")
    with pytest.raises(BudgetExceededError):
        joined = Budgets(ledger).module_scope("jseeker", 10 * DOLLAR, counts_claude_code=True)
        Budgets(ledger).reserve([joined], 2 * DOLLAR, call_id="c2")


def test_an_override_lifts_the_month_by_what_is_missing_and_each_dollar_once(
    ledger: Ledger, clock: Clock
) -> None:
    made = Budgets(ledger).add_override("jseeker", 5 * DOLLAR, "quarterly report", granted_by="ana")
    Budgets(ledger).reserve([month(ledger)], 8 * DOLLAR, call_id="c1")
    Budgets(ledger).reserve([month(ledger)], 4 * DOLLAR, call_id="c2")

    assert held(ledger) == (0, 12 * DOLLAR, 2 * DOLLAR)
    assert [found.used_nano for found in Budgets(ledger).overrides()] == [2 * DOLLAR]
    with pytest.raises(BudgetExceededError):
        Budgets(ledger).reserve([month(ledger)], 4 * DOLLAR, call_id="c3")
    Budgets(ledger).revoke_override(made.override_id)
    with pytest.raises(BudgetExceededError):
        Budgets(ledger).reserve([month(ledger)], DOLLAR, call_id="c4")
    assert verify(ledger) == []


def test_an_override_lapses_and_helps_no_other_module(ledger: Ledger, clock: Clock) -> None:
    Budgets(ledger).add_override("via", 5 * DOLLAR, "one-off")
    Budgets(ledger).add_override("jseeker", 5 * DOLLAR, "one-off", expires="2026-11-24")
    clock.set("2026-11-25T12:00")
    with pytest.raises(BudgetExceededError):
        Budgets(ledger).reserve([month(ledger)], 11 * DOLLAR, call_id="c1")


@pytest.mark.parametrize(
    ("module", "amount", "reason", "expires"),
    [("", 1, "r", None), ("m", 0, "r", None), ("m", 1, " ", None), ("m", 1, "r", "2026-11-01")],
)
def test_an_override_that_grants_nothing_is_refused(
    ledger: Ledger, clock: Clock, module: str, amount: int, reason: str, expires: str | None
) -> None:
    with pytest.raises(InputError):
        Budgets(ledger).add_override(module, amount, reason, expires=expires)


def test_a_lease_is_spent_locally_reported_and_the_rest_returned(ledger: Ledger, clock: Clock) -> None:
    lease = Budgets(ledger).lease(month(ledger, 100), 2 * DOLLAR)
    assert held(ledger) == (0, 2 * DOLLAR, 0)

    told = LeaseReport(DOLLAR, [event("e1", AT, cost_nano=DOLLAR)])
    Budgets(ledger).report(lease.lease_id, told)
    Budgets(ledger).report(lease.lease_id, told)
    assert held(ledger) == (DOLLAR, DOLLAR, 0)

    Budgets(ledger).report(lease.lease_id, LeaseReport(DOLLAR, returned=True))
    assert held(ledger) == (DOLLAR, 0, 0)
    assert verify(ledger) == []


def test_leases_shrink_near_the_cap_but_give_what_a_call_needs(ledger: Ledger, clock: Clock) -> None:
    first = Budgets(ledger).lease(month(ledger, 16), 4 * DOLLAR)
    assert first.granted_nano == DOLLAR
    tight = Budgets(ledger).lease(month(ledger, 16), 4 * DOLLAR, need_nano=14 * DOLLAR)
    assert tight.granted_nano == 14 * DOLLAR
    with pytest.raises(BudgetExceededError):
        Budgets(ledger).lease(month(ledger, 16), 4 * DOLLAR, need_nano=2 * DOLLAR)


def test_a_lost_holder_strands_its_lease_and_may_still_report(ledger: Ledger, clock: Clock) -> None:
    lease = Budgets(ledger).lease(month(ledger, 100), 2 * DOLLAR, ttl_s=60)
    clock.advance(61)
    Budgets(ledger).expire()
    assert held(ledger) == (2 * DOLLAR, 0, 0)

    told = LeaseReport(DOLLAR, [event("e1", AT, cost_nano=DOLLAR)], returned=True)
    Budgets(ledger).report(lease.lease_id, told)
    Budgets(ledger).report(lease.lease_id, told)
    assert held(ledger) == (DOLLAR, 0, 0)
    assert verify(ledger) == []


def test_threads_that_race_for_the_last_dollars_never_overspend(ledger: Ledger) -> None:
    admitted: list[str] = []

    def work(name: str) -> None:
        for number in range(5):
            try:
                admitted.append(
                    Budgets(ledger)
                    .reserve([month(ledger, 3.5)], DOLLAR, call_id=f"{name}-{number}")
                    .reservation_id
                )
            except BudgetExceededError:
                return

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 3
