"""Prices equal genai-prices to the nano-dollar, and the client's own totals; unknown is never free."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

import pytest
from genai_prices import Usage
from genai_prices.data import providers
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.prices import catalogue, flatten, price, table
from gaia_hooks.facts.prices import pricing

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MILLION = 1_000_000

# USD per million tokens on NOW: input, output, cache read (Anthropic's price page)
LISTED = {
    "claude-haiku-4-5": ("1", "5", "0.10"),
    "claude-haiku-5-5": ("0.10", "0.50", "0.01"),
    "claude-sonnet-4-5": ("3", "15", "0.30"),
    "claude-sonnet-5-5": ("2", "10", "0.10"),
    "claude-opus-4-6": ("5", "25", "0.50"),
    "claude-opus-5-5": ("4", "20", "0.20"),
    "claude-fable-5-2": ("8", "40", "0.20"),
}


@pytest.fixture(scope="module")
def prices() -> table.PriceTable:
    made = flatten.build(providers)
    return table.PriceTable(catalogue.Catalogue("", made["rows"], made["providers"], made["models"]))


@pytest.fixture(scope="module")
def every_model(prices: table.PriceTable) -> list[tuple[Any, Any, str]]:
    """(provider, model, key) of everything that has a price per token."""
    table_of = prices.table()
    found = []
    for provider in providers:
        for model in provider.models:
            key = (
                model.id
                if flatten._key(provider, model, providers) == model.id
                else f"{provider.id}/{model.id}"
            )
            if key in table_of:
                found.append((provider, model, key))
    return found


def true_nano(provider: Any, model: Any, usage: tuple[int, ...], at: datetime, context: Any = None) -> int:
    """What genai-prices itself says, rounded once."""
    fresh, output, read, write_5m, write_1h, reasoning, searches = usage
    counted = Usage(
        input_tokens=fresh + read + write_5m + write_1h,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=write_5m + write_1h,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        output_reasoning_tokens=reasoning,
        web_searches=searches,
    )
    cost = model.calc_price(counted, provider, genai_request_timestamp=at, price_context=context).total_price
    return int((cost * 10**9).quantize(Decimal(1), ROUND_HALF_EVEN))


def usages(chance: random.Random) -> Iterator[tuple[int, ...]]:
    """Usages of every size, plain and cached, without searches: few models have a price for them."""
    while True:
        size = 10 ** chance.randint(1, 6)
        output = chance.randrange(size)
        yield (
            chance.randrange(size),
            output,
            chance.randrange(size),
            chance.randrange(size),
            chance.randrange(size),
            chance.randint(0, output),
            0,
        )


@pytest.mark.parametrize("model", LISTED)
def test_the_published_prices_are_what_a_million_tokens_cost(model: str, prices: table.PriceTable) -> None:
    row = pricing.row_at(prices.rows(prices.name(model)), NOW.timestamp())  # type: ignore[arg-type]
    assert row is not None
    shown = [Decimal(rate) / 10**9 for rate in row[1][0][1:4]]
    assert shown == [Decimal(amount) for amount in LISTED[model]]


def test_every_model_of_the_list_costs_what_genai_prices_says_at_any_time(
    prices: table.PriceTable, every_model: list[tuple[Any, Any, str]]
) -> None:
    chance = random.Random(5)
    some, compared = usages(chance), 0
    for provider, model, key in every_model:
        at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(3 * 365 * 86_400))
        rows = prices.table([key])[key] if "/" not in key else prices._listed.rows[key]
        usage = next(some)
        cost = pricing.cost_nano(usage, pricing.row_at(rows, at.timestamp()))
        if cost is not None:
            assert cost == true_nano(provider, model, usage, at), (key, at, usage)
            compared += 1
    assert compared > 2000


def test_fifty_random_cases_by_name_agree_with_genai_prices(prices: table.PriceTable) -> None:
    chance = random.Random(2026)
    some = usages(chance)
    ours = [model for provider in providers if provider.id in ("anthropic", "openai", "google", "deepseek")
            for model in provider.models if prices.name(model.id)]  # fmt: skip
    seen = 0
    while seen < 50:
        model, usage = chance.choice(ours), next(some)
        at = datetime(2025, 6, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(2 * 365 * 86_400))
        priced = prices.price(model.id, usage, at)
        if priced.cost_nano is None:
            continue
        provider, found = get_snapshot().find_provider_model(model.id, None, None, None)
        assert priced.cost_nano == true_nano(provider, found, usage, at), (model.id, at, usage)
        assert priced.price_source == "genai-prices"
        seen += 1


def test_batch_and_fast_requests_have_their_own_prices(
    prices: table.PriceTable, every_model: list[tuple[Any, Any, str]]
) -> None:
    chance = random.Random(7)
    some, seen = usages(chance), set()
    for provider, model, key in every_model:
        for variant, context in flatten.variants(model).items():
            usage = next(some)
            rows = prices._listed.rows[f"{key}#{variant}"]
            cost = pricing.cost_nano(usage, pricing.row_at(rows, NOW.timestamp()))
            assert cost is None or cost == true_nano(provider, model, usage, NOW, context), (key, variant)
            seen.add(variant)
    assert seen == {"batch", "fast", "flex", "priority"}


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_the_tier_of_a_long_prompt_begins_one_token_above_its_edge(
    beyond: int, prices: table.PriceTable
) -> None:
    for provider in providers:
        for model in provider.models:
            name = prices.name(model.id)
            if name is None or provider.id not in ("anthropic", "openai", "google") or name.model != model.id:
                continue
            for edge in {tier[0] for row in prices.rows(name) for tier in row[1] if tier[0] > 0}:
                usage = (edge + beyond - 30, 7, 10, 20, 0, 0, 0)
                found, priced = get_snapshot().find_provider_model(model.id, None, None, None)
                assert prices.price(model.id, usage, NOW).cost_nano == true_nano(found, priced, usage, NOW)


@pytest.mark.parametrize(
    ("model", "usage", "nano"),
    [  # model usage of four real sessions, and what Claude Code itself booked for each
        ("claude-opus-5-5", (1113, 38, 0, 0, 0, 0, 0), 5_212_000),
        ("claude-sonnet-5-5", (601, 13, 0, 0, 0, 0, 0), 1_332_000),
        ("claude-opus-5-5", (2186, 282, 16640, 1500, 2000, 0, 0), 41_212_000),
        ("claude-haiku-5-5", (4003, 103, 0, 0, 0, 0, 0), 451_800),
        ("claude-opus-5-5", (1810, 32, 0, 0, 0, 0, 0), 7_880_000),
        ("claude-opus-5-5[1m]", (7160, 328, 0, 0, 0, 0, 0), 35_200_000),
        ("claude-haiku-5-5", (150_000, 1000, 0, 0, 0, 0, 0), 77_500_000),
        ("claude-opus-5-5", (0, 0, 0, 0, 0, 0, 3), 30_000_000),
    ],
)
def test_costs_equal_the_clients_own_total(
    model: str, usage: tuple[int, ...], nano: int, prices: table.PriceTable
) -> None:
    assert prices.price(model, usage, NOW).cost_nano == nano


def test_no_published_price_is_rounded(
    prices: table.PriceTable, every_model: list[tuple[Any, Any, str]]
) -> None:
    for provider, model, key in every_model:
        row = pricing.row_at(prices._listed.rows[key], NOW.timestamp())
        assert row is not None
        per_usd = (row[3] if len(row) > 3 else {}).get("per_nano", pricing.FEMTO_PER_NANO) * 10**9
        current = model.get_prices(NOW)
        base = getattr(current.input_mtok, "base", current.input_mtok)
        if base is not None:
            assert Decimal(row[1][0][1]) / per_usd * MILLION == base, (provider.id, key)


def test_an_unknown_model_is_unpriced_and_never_free() -> None:
    for model in ("claude-opus-9", "gemini-2.0-pro", "", "my-own-model", "claude-zzz"):
        assert price(model, (10, 10, 0, 0, 0, 0, 0), NOW) == (None, "unpriced", model, "")


def test_a_variant_without_a_price_is_unpriced(prices: table.PriceTable) -> None:
    assert prices.price("claude-haiku-5-5", (10, 10, 0, 0, 0, 0, 0), NOW, variant="fast").cost_nano is None


def test_a_request_fee_and_hours_of_the_day_are_part_of_the_price(prices: table.PriceTable) -> None:
    assert prices.price("sonar", (0, 0, 0, 0, 0, 0, 0), NOW, "perplexity").cost_nano == 12_000_000
    usage = (MILLION, 0, 0, 0, 0, 0, 0)
    night, noon = (datetime(2026, 11, 24, hour, 15, tzinfo=UTC) for hour in (20, 7))
    deepseek = [prices.price("deepseek-v4-pro", usage, at).cost_nano for at in (night, noon)]
    assert deepseek[0] is not None and deepseek[1] == 2 * deepseek[0]


def test_the_dearest_model_of_a_provider_is_one_that_is_sold(prices: table.PriceTable) -> None:
    for provider in ("anthropic", "openai", "gemini"):
        dearest = prices.dearest(provider, NOW)
        assert dearest is not None
        assert not prices.facts(dearest).get("deprecated")
    assert prices.dearest("nobody") is None


@given(st.tuples(*[st.integers(0, 10**7)] * 7), st.dates(date(2025, 1, 1), date(2028, 1, 1)))
def test_a_price_never_falls_when_more_is_used(usage: tuple[int, ...], on: date) -> None:
    at = datetime(on.year, on.month, on.day, tzinfo=UTC)
    larger = tuple(count + 1 for count in usage)
    before, after = (price("claude-opus-5-5", one, at).cost_nano for one in (usage, larger))
    assert before is not None and after is not None and before <= after
