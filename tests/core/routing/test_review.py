"""`prices check`: drift of the owner's prices then and today, what comes, what is retired, what is old."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from gaia_budget import owner
from gaia_budget.prices.table import load as load_prices
from gaia_budget.routing import table
from gaia_budget.routing.upkeep.review import Review, Used, review
from support.routing_day import NOW

if TYPE_CHECKING:
    from pathlib import Path

TODAY = NOW.date()


def reviewed(*used: Used, today: date = TODAY) -> Review:
    return review(owner.load_token_budget(), table.load(), load_prices(), used, today)


@pytest.mark.usefixtures("ecosystem")
def test_the_owners_prices_are_held_against_those_of_their_day_and_of_today() -> None:
    drift = {entry.name: entry for entry in reviewed().drift}
    haiku, opus = drift["haiku"], drift["opus"]
    assert (haiku.then.model, haiku.then.on) == ("claude-haiku-4-5", date(2026, 2, 9))
    assert haiku.percent == dict.fromkeys(("input", "output", "cache_read"), Decimal(-20))
    assert (opus.then.model, opus.percent["input"]) == ("claude-opus-4-6", Decimal(200))
    assert (haiku.today.model, opus.today.model) == ("claude-haiku-5-5", "claude-opus-5-5")
    assert opus.percent_today["input"] == Decimal(275)
    assert set(drift["sonnet"].percent.values()) == {Decimal(0)}
    assert drift["gpt-4o-mini"].percent == {"input": Decimal(0), "output": Decimal(0), "cache_read": None}
    assert drift["gemini-2.0-flash"].percent["input"] == Decimal(-25)
    assert drift["gemini-2.0-pro"].percent == dict.fromkeys(("input", "output", "cache_read"))


@pytest.mark.usefixtures("ecosystem")
def test_the_drift_is_told_in_dollars_of_this_months_usage() -> None:
    used = Used("claude-haiku-4-5", "anthropic", (1_000_000, 0, 0, 0, 0, 0, 5), 1_000_000_000)
    other = Used("gpt-4o", "openai", (1_000_000, 0, 0, 0, 0, 0, 0), 2_500_000_000)
    drift = {entry.name: entry for entry in reviewed(used, other).drift}
    assert drift["haiku"].month_nano == -200_000_000
    assert drift["haiku"].document()["month_usd"] == "-0.2000"
    assert drift["opus"].month_nano == 0


@pytest.mark.usefixtures("ecosystem")
def test_retired_models_are_named_with_successor_and_source() -> None:
    retired = {name: (entry.since, successor) for name, entry, successor in reviewed().retired}
    assert retired == {
        "gemini-2.0-flash": (date(2026, 6, 1), "gemini-3.1-flash-lite"),
        "gemini-2.0-pro": (date(2025, 12, 2), "gemini-3.8-flash"),
    }


@pytest.mark.usefixtures("ecosystem")
def test_coming_price_changes_are_named() -> None:
    assert ("gemini-4-argon", date(2026, 12, 1)) in {(one.model, one.on) for one in reviewed().coming}
    assert not [one for one in reviewed(today=date(2026, 12, 1)).coming if one.model == "gemini-4-argon"]


@pytest.mark.usefixtures("ecosystem")
def test_a_file_of_more_than_92_days_is_to_be_reviewed() -> None:
    made = date(2026, 2, 9)
    assert not reviewed(today=made + timedelta(days=92)).reminders
    told = reviewed(today=made + timedelta(days=93)).reminders
    assert len(told) == 1 and "93 days old: review it; its prices of" in told[0]
    later = table.load().updated + timedelta(days=93)
    assert any("the routing table is 93 days old" in one for one in reviewed(today=later).reminders)


def test_without_an_owners_file_there_is_nothing_to_drift(home: Path) -> None:
    found = reviewed()
    assert not found.drift and not found.reminders
