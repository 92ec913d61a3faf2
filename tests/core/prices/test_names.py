"""Every spelling of a known model leads to its price; a resemblance does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from time import tzset

import pytest

from gaia_budget.prices import families
from gaia_budget.prices.names import normalise
from gaia_hooks.facts import snapshot
from gaia_hooks.machine import clock


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-opus-5-5[1m]", "claude-opus-5-5"),
        (" Claude-Opus-5-5 ", "claude-opus-5-5"),
        ("claude-opus-4-20250514", "claude-opus-4-0"),
        ("anthropic/claude-opus-5-5", "claude-opus-5-5"),
        ("models/gemini-3.8-flash", "gemini-3.8-flash"),
        ("gemini/gemini-2.5-pro", "gemini-2.5-pro"),
        ("projects/p/locations/l/publishers/google/models/gemini-3.8-flash", "gemini-3.8-flash"),
        ("openai/gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("us.anthropic.claude-opus-4-6-v1:0", "aws/regional.anthropic.claude-opus-4-6-v1:0"),
        ("bedrock/us.anthropic.claude-opus-5-5", "aws/regional.anthropic.claude-opus-5-5"),
        ("global.anthropic.claude-sonnet-5-5-20260801-v1:0", "aws/global.anthropic.claude-sonnet-5-5"),
        ("claude-opus-4-6@20260205", "google/claude-opus-4-6"),
        ("vertex_ai/claude-opus-4-6", "google/claude-opus-4-6"),
        ("openrouter/anthropic/claude-opus-4.6", "openrouter/anthropic/claude-opus-4.6"),
        ("groq/llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"),
    ],
)
def test_a_name_is_known_in_every_form(written: str, key: str) -> None:
    found = normalise(written)
    assert found is not None and found.key == key


@pytest.mark.parametrize(
    "written",
    [
        "claude-opus-9",
        "claude-opus-4-9",
        "claude",
        "gemini-2.0-pro",
        "x" * 10_000,
        "",
        "//",
        "opus-5",
        "#",
        "[1m]",
    ],
)
def test_what_only_resembles_a_model_is_unknown(written: str) -> None:
    assert normalise(written) is None


def test_a_provider_narrows_the_search_and_names_gemini_as_the_owner_does() -> None:
    assert normalise("gpt-4o", "anthropic") is None
    assert normalise("gpt-4o", "nobody") is None
    assert normalise("gemini-3.8-flash", "gemini").provider == "gemini"  # type: ignore[union-attr]
    assert normalise("gemini-3.8-flash", "google").provider == "gemini"  # type: ignore[union-attr]
    assert normalise("gpt-4o", "azure").key == "gpt-4o"  # type: ignore[union-attr]


def test_family_names_stand_for_the_model_of_the_day() -> None:
    assert families.model_of("haiku", date(2026, 2, 9)) == "claude-haiku-4-5"
    assert families.model_of("opus", date(2026, 2, 9)) == "claude-opus-4-6"
    assert families.model_of("sonnet", date(2026, 2, 9)) == "claude-sonnet-4-5"
    today = {family: families.model_of(family, date(2026, 11, 24)) for family in families.history()}
    assert today == {
        "haiku": "claude-haiku-5-5",
        "sonnet": "claude-sonnet-5-5",
        "opus": "claude-opus-5-5",
        "fable": "claude-fable-5-2",
    }
    assert families.model_of("fable", date(2020, 1, 1)) == "claude-fable-5"
    assert families.model_of("gpt-4o") is None


@pytest.mark.parametrize("zone", ["UTC-14", "UTC+12"])
def test_a_name_stands_for_another_model_from_the_midnight_on_at_which_prices_change(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, (_, before), (day, after) = families.history()["opus"].items()
    midnight = int(datetime.combine(day, time(), UTC).timestamp()) * clock.MICRO
    monkeypatch.setenv("TZ", zone)
    tzset()
    try:
        for now, stands_for in ((midnight - 1, before), (midnight, after)):
            monkeypatch.setattr(clock, "now", lambda now=now: now)
            assert families.model_of("opus") == stands_for
    finally:
        monkeypatch.undo()
        tzset()


def test_hooks_without_a_snapshot_rank_the_families_as_the_list_does() -> None:
    assert list(snapshot.DEFAULTS["families"]) == list(families.history())


def test_the_family_of_a_model_is_read_from_its_name() -> None:
    assert families.family_of("claude-3-5-haiku-latest") == "haiku"
    assert families.family_of("claude-opus-4.6") == "opus"
    assert families.family_of("gpt-4o") is None
