"""Where a month ends: what must hold for every series, and what people would expect of plain ones."""

from __future__ import annotations

import statistics
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_budget.forecast.days import weekday
from gaia_budget.forecast.month import Days, Projection, project
from gaia_budget.ledger.zone import day_name
from support.spend_series import KINDS, spend_month

DOLLAR = 10**9


def day(text: str) -> int:
    """Days since 1970-01-01."""
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


NOVEMBER = (day("2026-11-01"), day("2026-12-01"))


def after(dollars: list[float], *, first: str = "2026-11-01", today: float = 0, left: float = 1.0) -> Days:
    """Whole days of so many dollars from a day on, then today."""
    return Days(day(first), [round(amount * DOLLAR) for amount in dollars], round(today * DOLLAR), left)


def projected(found: Projection) -> int:
    assert found.projected_nano is not None
    return found.projected_nano


amounts = st.lists(st.sampled_from([0, 0, 1, 10**3, 10**6]) | st.integers(0, 10**12), max_size=70)


@settings(max_examples=150)
@given(
    nano=amounts,
    today=st.integers(0, 10**12),
    left=st.floats(0, 1),
    first=st.integers(day("2027-12-20"), day("2028-03-05")),
    limit=st.none() | st.sampled_from([0, 1]) | st.integers(0, 10**14),
    beside=st.integers(0, 10**10),
    more=st.integers(0, 10**12),
)
def test_what_holds_for_every_series(
    nano: list[int], today: int, left: float, first: int, limit: int | None, beside: int, more: int
) -> None:
    days = Days(first, nano, today, left)
    at = date.fromordinal(days.today + date(1970, 1, 1).toordinal())
    month = (
        days.today - at.day + 1,
        (day("2028-01-01") if at.month == 12 else day(f"{at.year}-{at.month + 1:02}-01")),
    )

    found = project(days, month, limit, beside)

    in_month = [amount for place, amount in enumerate(nano, first) if place >= month[0]]
    assert found.spent_nano == sum(in_month) + today + beside
    if found.projected_nano is not None and found.low_nano is not None and found.high_nano is not None:
        assert found.spent_nano <= found.low_nano <= found.projected_nano <= found.high_nano
    reached = limit is not None and found.spent_nano >= limit
    if found.exhausted_on is None:
        assert not reached
    else:
        assert month[0] <= found.exhausted_on < month[1]
        assert found.exhausted_on <= days.today if reached else found.exhausted_on >= days.today
        assert (found.earliest or 0) <= found.exhausted_on <= (found.latest or month[1])
    assert project(days, month, limit, beside) == found
    grown = project(days._replace(today_nano=today + more), month, limit, beside)
    if found.projected_nano is not None:
        assert projected(grown) == found.projected_nano + more
        if found.exhausted_on is not None:
            assert grown.exhausted_on is not None
            assert grown.exhausted_on <= found.exhausted_on


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (after([]), "no data yet"),
        (after([0] * 20), "no data yet"),
        (after([0] * 20, today=3), "too early: 0 whole days"),
        (after([4]), "too early: 1 whole day of data"),
        (after([0] * 9 + [4, 4]), "too early: 2 whole days of data"),
    ],
)
def test_too_little_data_is_no_projection_and_says_so(days: Days, says: str) -> None:
    found = project(days, NOVEMBER, 100 * DOLLAR)

    assert found.method.startswith(says)
    assert (found.projected_nano, found.low_nano, found.high_nano, found.exhausted_on) == (None,) * 4
    assert not found.known


def test_a_steady_month_goes_on_as_it_was() -> None:
    found = project(after([2] * 10), NOVEMBER, 50 * DOLLAR)

    assert projected(found) == pytest.approx(60 * DOLLAR, rel=0.001)
    assert day_name(found.exhausted_on or 0) == "2026-11-25"
    assert found.method == "the level of 10 days, by weekday"


@pytest.mark.parametrize(
    ("month", "length"), [("2026-02", 28), ("2028-02", 29), ("2026-11", 30), ("2026-12", 31)]
)
def test_a_month_has_as_many_days_as_its_calendar(month: str, length: int) -> None:
    start = day(f"{month}-01")
    found = project(after([3] * 10, first=f"{month}-01"), (start, start + length), None)

    assert projected(found) == pytest.approx(3 * length * DOLLAR, rel=0.001)
    assert (found.exhausted_on, found.earliest, found.latest) == (None, None, None)


def test_what_is_left_of_today_counts_for_its_share() -> None:
    days = after([2] * 29, today=1.5, left=0.25)

    assert projected(project(days, NOVEMBER, None)) == pytest.approx(60 * DOLLAR, rel=0.001)


def test_weekends_are_not_projected_as_working_days() -> None:
    first = day("2026-10-01")
    week = [0.0 if weekday(one) >= 5 else 10.0 for one in range(first, day("2026-11-28"))]
    found = project(
        after(week, first="2026-10-01"), NOVEMBER, None
    )  # Saturday 28, Sunday 29 and Monday 30 to come

    assert 208 * DOLLAR <= projected(found) <= 213 * DOLLAR


def test_a_one_off_day_is_spent_and_not_projected() -> None:
    found = project(after([2, 2.2, 1.9, 2, 80, 2.1, 1.8, 2, 2.2, 2]), NOVEMBER, None)

    assert projected(found) == pytest.approx((98.2 + 20 * 2) * DOLLAR, rel=0.02)
    assert found.method.endswith("without 2026-11-05 as one-off")


def test_a_new_level_is_no_one_off_and_is_what_goes_on() -> None:
    history = [1, 1.2, 0.9, 1.1] * 12 + [5, 5.5, 4.6, 5.2, 5, 4.9, 5.3, 5.1]
    found = project(after(history, first="2026-09-21"), NOVEMBER, None)  # 8 days at 5, today is the 16th

    assert projected(found) == pytest.approx(found.spent_nano + 15 * 5 * DOLLAR, rel=0.08)
    assert "the level since 2026-11-08" in found.method


def test_growth_goes_on_and_slows_down() -> None:
    history = [1.02**place for place in range(60)]
    found = project(after(history, first="2026-09-17"), NOVEMBER, None)  # today is the 16th
    straight = found.spent_nano + 15 * round(history[-1] * DOLLAR)
    undamped = found.spent_nano + round(sum(1.02**place for place in range(60, 75)) * DOLLAR)

    assert straight < projected(found) < undamped
    assert "growing" in found.method


def test_a_month_that_is_over_ends_where_it_ended() -> None:
    found = project(after([2] * 40), NOVEMBER, 50 * DOLLAR)

    assert found.projected_nano == found.low_nano == found.high_nano == found.spent_nano == 60 * DOLLAR
    assert day_name(found.exhausted_on or 0) == "2026-11-25"


@pytest.mark.parametrize(
    ("limit", "on"),
    [(0, "2026-11-01"), (2, "2026-11-01"), (6, "2026-11-03"), (6.5, "2026-11-04")],
)
def test_a_limit_that_is_used_up_names_its_day(limit: float, on: str) -> None:
    found = project(after([2, 2, 2], today=1), NOVEMBER, round(limit * DOLLAR))

    assert day_name(found.exhausted_on or 0) == on
    assert found.earliest == found.latest == found.exhausted_on


def test_money_that_no_day_knows_of_is_spent_but_not_projected() -> None:
    plain, more = (
        project(after([2] * 10), NOVEMBER, None),
        project(after([2] * 10), NOVEMBER, None, 7 * DOLLAR),
    )

    assert projected(more) == projected(plain) + 7 * DOLLAR


def test_projections_are_better_than_the_straight_line_and_their_range_holds() -> None:
    ours, line, held = [], [], []
    for month in (spend_month(kind, seed) for kind in KINDS[:5] for seed in range(2000, 2012)):
        for cut in (7, 14, 21):
            past, truth = month.until(month.month_start + cut), month.total()
            found = project(Days(month.first, past, 0, 1.0), (month.month_start, month.month_end), None)
            if found.projected_nano is None or found.low_nano is None or found.high_nano is None:
                continue
            ours.append(abs(found.projected_nano - truth) / truth)
            line.append(abs(found.spent_nano / cut * (month.month_end - month.month_start) - truth) / truth)
            held.append(found.low_nano <= truth <= found.high_nano)

    assert statistics.mean(ours) < 0.9 * statistics.mean(line)
    assert statistics.mean(held) >= 0.8
