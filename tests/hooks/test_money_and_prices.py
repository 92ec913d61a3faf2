"""Integer money and the arithmetic of the flat price table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given
from hypothesis import strategies as st

from gaia_hooks.facts.prices import money, pricing
from gaia_hooks.machine import clock

RATE = st.integers(0, 10**11)


def test_amounts_are_exact_with_at_least_four_decimals() -> None:
    assert money.usd(3_104_200_000) == "3.1042"
    assert money.usd(0) == "0.0000"
    assert money.usd(-1) == "-0.000000001"
    assert money.usd_short(12_345_650_000) == "$12.3456"
    assert money.usd_short(12_345_750_000) == "$12.3458"


@given(st.integers(-(10**15), 10**15))
def test_an_amount_reads_back_as_itself(nano: int) -> None:
    assert Decimal(money.usd(nano)) * money.NANO == nano


@given(st.tuples(*[st.integers(0, 10**6)] * 7), st.tuples(*[RATE] * 5), RATE)
def test_a_cost_is_the_exact_sum_rounded_half_even_once(
    counts: tuple[int, ...], rates: tuple[int, ...], search: int
) -> None:
    row = [0, [[-1, *rates]], search]
    exact = Decimal(sum(a * b for a, b in zip(counts, rates, strict=False)) + counts[6] * search) / 10**6
    assert pricing.cost_nano(counts, row) == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def test_a_long_prompt_is_charged_at_its_tier_from_one_token_above_the_threshold() -> None:
    row = [0, [[-1, 10**9, 0, 0, 0, 0], [100_000, 5 * 10**9, 0, 0, 0, 0]], None]
    assert pricing.cost_nano((99_999, 0, 0, 0, 0, 0, 0), row) == 99_999_000
    assert pricing.cost_nano((100_000, 0, 0, 0, 0, 0, 0), row) == 100_000_000
    assert pricing.cost_nano((100_001, 0, 0, 0, 0, 0, 0), row) == 500_005_000


def test_tokens_without_a_price_make_a_response_unpriced() -> None:
    row = [0, [[-1, 1, 1, None, 1, 1]], None]
    assert pricing.cost_nano((5, 5, 0, 0, 0, 0, 0), row) == 0
    assert pricing.cost_nano((5, 5, 1, 0, 0, 0, 0), row) is None
    assert pricing.cost_nano((5, 5, 0, 0, 0, 0, 1), row) is None
    assert pricing.cost_nano((5, 5, 0, 0, 0, 0, 0), None) is None


def test_few_rows_have_more_a_request_price_reasoning_hours_and_finer_units() -> None:
    fee = [0, [[-1, 10**6, 10**6, None, None, None]], None, {"request": 5 * 10**6}]
    assert pricing.cost_nano((1, 1, 0, 0, 0, 0, 0), fee) == 7
    assert pricing.cost_nano((1, 1, 1, 0, 0, 0, 0), fee) is None
    thinking = [0, [[-1, 0, 10**6, 0, 0, 0, 3 * 10**6]], None]
    assert pricing.cost_nano((0, 10, 0, 0, 0, 4, 0), thinking) == 18
    assert pricing.cost_nano((0, 10, 0, 0, 0, 99, 0), thinking) == 30
    finer = [0, [[-1, 5, 0, 0, 0, 0]], None, {"per_nano": 10}]
    assert [pricing.cost_nano((n, 0, 0, 0, 0, 0, 0), finer) for n in (1, 2, 3)] == [0, 1, 2]
    rows = [[0, "night"], [0, "tiers", None, {"daily": [3600, 7200], "source": "override"}]]
    assert [pricing.row_at(rows, 86_400 * 9 + second) for second in (3599, 3600, 7200)] == [
        rows[0],
        rows[1],
        rows[0],
    ]
    assert [pricing.source_of(row, "list") for row in (rows[0], rows[1], None)] == [
        "list",
        "override",
        "unpriced",
    ]


def test_the_row_in_force_is_the_last_that_has_begun() -> None:
    rows = [[100, "first"], [200, "second"]]
    assert pricing.row_at(rows, 99) is None
    assert pricing.row_at(rows, 100) == [100, "first"]
    assert pricing.row_at(rows, 200) == [200, "second"]


def test_models_are_found_by_exact_name_without_context_suffix_and_without_date() -> None:
    table = {"claude-haiku-4-5": ["plain"], "claude-haiku-4-5#fast": ["fast"]}
    assert pricing.rows_of(table, "claude-haiku-4-5[1m]") == ["plain"]
    assert pricing.rows_of(table, "claude-haiku-4-5-20251001") == ["plain"]
    assert pricing.rows_of(table, "claude-haiku-4-5-20251001", "fast") == ["fast"]
    assert pricing.rows_of(table, "claude-haiku-9") is None


@given(
    st.datetimes(
        min_value=__import__("datetime").datetime(1970, 1, 1),
        max_value=__import__("datetime").datetime(2200, 1, 1),
    )
)
def test_instants_agree_with_datetime(moment: object) -> None:

    assert isinstance(moment, datetime)
    micros = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    assert clock.parse(moment.isoformat()) == micros
    assert datetime.fromisoformat(clock.iso(micros)) == moment.replace(tzinfo=UTC)


def test_instants_are_read_with_offsets_and_refused_when_they_are_none() -> None:
    assert clock.parse("2026-11-23T09:00:00-06:00") == clock.parse("2026-11-23T15:00:00Z")
    assert clock.parse("2026-11-23T15:00:00.5Z") == clock.parse("2026-11-23T15:00:00.500000+00:00")
    for text in ("", "yesterday", "2026-13-01T00:00:00Z", "2026-11-23T15:00:00 CET"):
        assert clock.parse(text) is None
