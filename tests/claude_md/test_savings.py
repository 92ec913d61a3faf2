"""Dollars of saved tokens: what prompt tokens of each model really cost, in the mix they really had."""

from __future__ import annotations

from gaia_budget.ledger.database.measures import Figures
from gaia_budget.prices import table
from gaia_claude_md.files.savings import Scenario, Use, compounded, dollars_nano

MODEL = "claude-sonnet-5-5"


def cost(*usage: int) -> int:
    nano = table.load().price(MODEL, usage).cost_nano
    assert nano is not None
    return nano


def test_tokens_that_were_cache_reads_are_worth_cache_reads() -> None:
    use = Use(30, 1, {MODEL: Figures(responses=10, cache_read_tokens=1_000_000)})
    assert dollars_nano(200, use, table.load()) == cost(0, 0, 2_000, 0, 0, 0, 0)


def test_a_mix_of_reads_and_writes_is_worth_that_mix() -> None:
    figures = Figures(responses=100, cache_read_tokens=900_000, cache_write_1h_tokens=100_000)
    worth = dollars_nano(1_000, Use(30, 5, {MODEL: figures}), table.load())
    assert worth == cost(0, 0, 90_000, 0, 10_000, 0, 0)


def test_without_requests_or_prices_the_worth_is_unknown() -> None:
    prices = table.load()
    assert dollars_nano(1_000, Use(30, 0, {}), prices) is None
    unknown = Figures(responses=10, cache_read_tokens=1_000)
    assert dollars_nano(1_000, Use(30, 1, {"no-such-model": unknown}), prices) is None


def test_the_owners_example_compounds_to_sixty_thousand() -> None:
    assert compounded(200, 10, 30) == 60_000


def test_a_scenario_that_loads_more_than_it_saves_says_so() -> None:
    assert Scenario("x", before=100, after=120, sections=()).saved == -20
