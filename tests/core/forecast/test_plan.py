"""A plan's windows: when they are full at this pace, and who used how much of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget import places, snapshot
from gaia_budget.forecast.series import working_week
from gaia_budget.reports.money.plan import PlanWindow, plan_windows, shares
from gaia_budget.settings.keys import Settings
from gaia_hooks.facts.prices import plan
from support.events import event, ts

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

DOLLAR = 10**9
HOUR, DAY = 3600 * 10**6, 86_400 * 10**6
MONDAY = ts("2026-11-16T00:00")
WORKING = (1.4,) * 5 + (0.0, 0.0)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's days are those of UTC: the pace follows the machine's clock."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()


def window(percent: float, resets_at: int) -> dict[str, Any]:
    return {"percent": percent, "resets_at": resets_at}


def test_a_weekend_ahead_is_no_working_week() -> None:
    resets = MONDAY + 7 * DAY + 9 * HOUR  # began on Monday at 9
    thursday = MONDAY + 4 * DAY  # as Thursday ends: 3.6 of 5 working days are done

    even = plan.reached_at("seven_day", window(70, resets), thursday)
    aware = plan.reached_at("seven_day", window(70, resets), thursday, WORKING)

    assert even is not None
    assert even < MONDAY + 6 * DAY
    assert aware is None or aware >= MONDAY + 7 * DAY
    assert plan.percent_at_reset("seven_day", window(70, resets), thursday, WORKING) == pytest.approx(
        70 * (1 + (1 + 0.375) / 3.625)
    )


@given(
    percent=st.integers(1, 100),
    passed=st.integers(5, 99),
    days=st.lists(st.floats(0.1, 3), min_size=7, max_size=7),
)
def test_a_window_is_full_where_its_pace_fills_it(percent: int, passed: int, days: list[float]) -> None:
    resets = MONDAY + 9 * DAY
    as_of = resets - 7 * DAY + 7 * DAY * passed // 100

    reached = plan.reached_at("seven_day", window(percent, resets), as_of, days)
    at_reset = plan.percent_at_reset("seven_day", window(percent, resets), as_of, days)

    assert at_reset is not None
    assert at_reset >= percent
    if reached is None:
        assert at_reset < 100.01
    else:
        assert as_of <= reached <= resets
        assert at_reset > 99.99


def test_marks_tell_how_a_window_filled_and_begin_anew_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    home = str(places.ensure_home())
    for number, percent in enumerate([1, 2, 6, 7, 12, 12, 3]):
        resets = 100_000 if percent >= number else 100_000 + 5 * 3600
        plan.keep(home, {"five_hour": {"used_percentage": percent, "resets_at": resets}}, number)

    assert plan.read(home)["marks"]["five_hour"] == [[6, 3]]
    plan.keep(home, {"five_hour": {"used_percentage": 9, "resets_at": 118_003}}, 9)
    assert plan.read(home)["marks"]["five_hour"] == [[6, 3], [9, 9]]


@given(
    percent=st.floats(0, 100),
    nano=st.dictionaries(st.sampled_from("abc"), st.integers(0, 10**12)),
    stretches=st.lists(st.tuples(st.floats(0, 50), st.integers(0, 10**12)), max_size=8),
)
def test_shares_add_up_to_the_percent_and_lie_in_their_bands(
    percent: float, nano: dict[str, int], stretches: list[tuple[float, int]]
) -> None:
    found = shares(percent, nano, stretches)

    assert all(0 <= one.low <= one.percent * 1.000001 <= 100.0001 for one in found)
    if found:
        assert sum(one.percent for one in found) == pytest.approx(percent)


def test_what_others_used_is_in_the_band_as_soon_as_the_marks_show_it() -> None:
    alone = [(10.0, 10 * DOLLAR)] * 3
    with_others = [(10.0, 10 * DOLLAR), (10.0, 5 * DOLLAR), (10.0, 5 * DOLLAR), (10.0, 0)]

    [mine] = shares(30, {"a": 30 * DOLLAR}, alone)
    assert mine.low == pytest.approx(27)
    [mine] = shares(40, {"a": 20 * DOLLAR}, with_others)
    assert (mine.percent, mine.low) == (40, pytest.approx(18))
    for too_few in ([], alone[:2]):
        [mine] = shares(20, {"a": 20 * DOLLAR}, too_few)
        assert mine.low == 0


def use(at: int, dollars: int, **facts: Any) -> Any:
    from msgspec.structs import replace

    chosen = {"source": "claude_code", "billing": "plan"} | facts
    return replace(event(f"{at}{facts}", cost_nano=dollars * DOLLAR, **chosen), ts=at)


def seen(ledger: Ledger, now: int) -> PlanWindow:
    found = plan_windows(ledger, now)["five_hour"]
    assert found is not None
    return found


def test_a_window_is_shared_among_projects_and_subagents(ledger: Ledger) -> None:
    resets = MONDAY + 10 * HOUR
    home = str(places.ensure_home())
    for hour, percent in ((6, 20), (7, 60)):
        limits = {"five_hour": {"used_percentage": percent, "resets_at": resets // 10**6}}
        plan.keep(home, limits, MONDAY + hour * HOUR)
    ledger.record([
        use(MONDAY, 50, module="before"),
        use(MONDAY + 5 * HOUR + HOUR // 2, 10, module="via"),
        use(MONDAY + 6 * HOUR + HOUR // 2, 5, module="jseeker", agent_id="a1", agent_type="Explore"),
        use(MONDAY + 6 * HOUR + HOUR // 2, 9, module="raven", billing="api"),
    ])  # fmt: skip

    found = seen(ledger, MONDAY + 7 * HOUR)

    assert [(one.name, one.percent) for one in found.projects] == [("via", 40), ("jseeker", 20)]
    assert [(one.name, one.percent) for one in found.agents] == [("main", 40), ("Explore", 20)]
    assert found.projects[0].low == 0
    assert found.reached_at == MONDAY + 7 * HOUR + 4 * HOUR // 3
    assert found.document()["projects"][0] == {
        "module": "via", "percent": 40.0, "low_percent": 0.0, "high_percent": 40.0,
    }  # fmt: skip


def test_windows_that_are_over_or_were_never_seen_are_none(ledger: Ledger) -> None:
    assert plan_windows(ledger, MONDAY) == {"five_hour": None, "seven_day": None}
    limits = {"five_hour": {"used_percentage": 50, "resets_at": MONDAY // 10**6}}
    plan.keep(str(places.ensure_home()), limits, MONDAY - HOUR)

    assert plan_windows(ledger, MONDAY + 1)["five_hour"] is None
    assert seen(ledger, MONDAY - HOUR).projects == []


def test_the_week_of_the_ledger_sets_the_pace_of_the_weekly_window(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = MONDAY + 4 * DAY
    monkeypatch.setattr(ledger, "now", lambda: at)
    assert working_week(ledger) == []
    days = [
        day for day in range(1, 57) if day % 7 not in (1, 2)
    ]  # the 56 days before that Monday, without weekends
    ledger.record([use(MONDAY - day * DAY + HOUR, 3) for day in days])
    limits = {"seven_day": {"used_percentage": 70, "resets_at": (MONDAY + 7 * DAY) // 10**6}}
    plan.keep(str(places.ensure_home()), limits, at)
    assert reached(ledger, at) is not None

    snapshot.write(Settings(), week=working_week(ledger))

    assert reached(ledger, at) is None


def reached(ledger: Ledger, at: int) -> int | None:
    found = plan_windows(ledger, at)["seven_day"]
    assert found is not None
    return found.reached_at


def test_a_window_of_hours_does_not_follow_the_week() -> None:
    resets = MONDAY + 2 * HOUR  # began on Sunday evening
    half = resets - 5 * HOUR // 2

    assert plan.reached_at("five_hour", window(60, resets), half, WORKING) == half + 5 * HOUR // 3
    assert plan.percent_at_reset("five_hour", window(60, resets), half, WORKING) == 120


def test_a_week_that_is_broken_or_not_known_is_even() -> None:
    for week in ([], [1.0], None, "week"):
        assert plan.week_of({"week": week}) == plan.EVEN_WEEK
    assert plan.week_of({}) == plan.EVEN_WEEK
    assert plan.week_of({"week": [2, 1, 1, 1, 1, 0.5, 0.5]})[0] == 2
