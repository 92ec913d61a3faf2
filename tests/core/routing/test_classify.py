"""Free text is mapped to a tier: the same one every time, with a stated confidence, and mostly the right one."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.routing.classify import classify
from gaia_budget.routing.table import TIERS

FILE = Path(__file__).with_name("descriptions.tsv")
AT_LEAST = 0.90


def descriptions(half: str) -> list[tuple[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [(row["tier"], row["description"]) for row in rows if row["half"] == half]


@pytest.mark.parametrize("half", ["tuning", "held_out", "another_hand"])
def test_nine_of_ten_descriptions_are_understood(half: str, record_property: pytest.RecordProperty) -> None:
    """Words were added for misses of the tuning half alone; of the other half only the score was looked at.

    The third part was written by somebody who had not seen the words; its first 60 were measured before German and
    Spanish words were added (54 right: 49 of 50 in English, 5 of 10 in the other two).
    """
    given_ones = descriptions(half)
    assert len(given_ones) >= 85 and {tier for tier, _ in given_ones} == set(TIERS)
    missed = [
        f"{tier}, taken as {classify(text).tier}: {text}"
        for tier, text in given_ones
        if classify(text).tier != tier
    ]
    right = 1 - len(missed) / len(given_ones)
    record_property("right", right)
    print(f"{half}: {right:.1%} right; missed:", *missed, sep="\n  ")
    assert right >= AT_LEAST, missed


def test_no_description_stands_in_both_halves() -> None:
    assert not {text for _, text in descriptions("tuning")} & {text for _, text in descriptions("held_out")}


def test_a_confident_answer_is_right_more_often_than_an_unsure_one() -> None:
    answers = [(classify(text), tier) for tier, text in descriptions("held_out")]
    sure = [found.tier == tier for found, tier in answers if found.confidence >= 0.8]
    unsure = [found.tier == tier for found, tier in answers if found.confidence < 0.8]
    assert sum(sure) / len(sure) > sum(unsure) / len(unsure)


@pytest.mark.parametrize(
    ("text", "tier"), [("fix the flaky login test", "quality"), ("design the sync protocol", "architecture")]
)
def test_the_examples_of_the_documents(text: str, tier: str) -> None:
    assert classify(text).tier == tier


@given(st.text(max_size=3_000))
def test_any_text_has_an_answer_and_always_the_same(text: str) -> None:
    found = classify(text)
    assert found == classify(text)
    assert found.tier in TIERS and 0.34 <= found.confidence <= 1.0


def test_silence_is_quality_with_the_least_confidence() -> None:
    assert classify("zzz qqq") == ("quality", 0.34, ())
