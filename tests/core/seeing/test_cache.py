"""What caching saved: reckoned here from tokens and prices of our own, which change in the middle of the month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gaia_budget.ledger import Ledger
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.cache import cache
from gaia_budget.settings import load
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRICES = """
[[price]]
model = "house-1"
input = 10
output = 50
cache_read = 1
cache_write_5m = 12.5
cache_write_1h = 20

[[price]]
model = "house-1"
from = 2026-11-15
input = 4
output = 20
cache_read = 0.5
cache_write_5m = 5
cache_write_1h = 8
"""
MILLION = 1_000_000
DOLLAR = 10**9


@pytest.fixture
def ledger(home: Path, stopped: None) -> Iterator[Ledger]:
    folder = home / "gaia-budget"
    folder.mkdir(exist_ok=True)
    (folder / "prices.toml").write_text(PRICES, encoding="utf-8")
    with Ledger.open(settings=load()) as found:
        yield found


def used(name: str, at: str, **tokens: int) -> object:
    return event(name, at, model="house-1", module="shop", source="claude_code", cost_nano=1, **tokens)


def test_it_is_what_the_tokens_would_have_cost_as_input_less_what_they_cost(ledger: Ledger) -> None:
    ledger.record(
        [used("a", "2026-11-02T08:00", cache_read_tokens=2 * MILLION, cache_write_5m_tokens=MILLION)]
    )

    found = cache(ledger, Asked())

    assert found.total.saved_nano == int((2 * (10 - 1) - (12.5 - 10)) * DOLLAR)
    assert found.lines[0].from_cache == 66.7


def test_each_stretch_has_the_price_of_its_time(ledger: Ledger) -> None:
    ledger.record(
        [
            used("a", "2026-11-14T23:59", cache_read_tokens=MILLION),
            used("b", "2026-11-15T00:00", cache_read_tokens=MILLION),
        ]
    )

    for since in (None, "2026-11-01", "2026-11-14"):
        assert cache(ledger, Asked(since)).total.saved_nano == int((9 + 3.5) * DOLLAR)
    assert cache(ledger, Asked("2026-11-15")).total.saved_nano == int(3.5 * DOLLAR)
    assert cache(ledger, Asked(None, "2026-11-14")).total.saved_nano == 9 * DOLLAR


def test_writing_for_an_hour_and_reading_nothing_cost_more_than_it_saved(ledger: Ledger) -> None:
    ledger.record([used("a", "2026-11-20T08:00", cache_write_1h_tokens=MILLION, recached_tokens=MILLION)])

    found = cache(ledger, Asked())

    assert found.total.saved_nano == -4 * DOLLAR
    assert found.total.again_nano == 8 * DOLLAR


def test_a_model_without_a_price_saves_nothing_and_columns_add_up(ledger: Ledger) -> None:
    ledger.record(
        [
            used("a", "2026-11-20T08:00", cache_read_tokens=MILLION),
            event("b", "2026-11-20T09:00", model="nobody-knows", module="via", cache_read_tokens=MILLION, cost_nano=2),
        ]
    )  # fmt: skip

    document = cache(ledger, Asked()).document()

    assert {row["module"]: row["saved_usd"] for row in document["rows"]} == {
        "shop": "3.5000",
        "via": "0.0000",
    }
    for key in ("cache_read_tokens", "cache_write_tokens", "recached_tokens"):
        assert sum(row[key] for row in document["rows"]) == document["total"][key]
    assert document["total"]["saved_usd"] == "3.5000"
