"""Guessing a session's type from its first prompt, on labelled prompts of which every second was kept from tuning."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_hooks.facts import first_prompt, session_types

PROMPTS = [
    tuple(line.split("\t", 1))
    for line in (Path(__file__).parent / "first_prompts.tsv").read_text("utf-8").splitlines()
]
TUNED, HELD_OUT = PROMPTS[::2], PROMPTS[1::2]


@pytest.mark.parametrize("half", [TUNED, HELD_OUT], ids=["tuned on", "held out"])
@pytest.mark.parametrize("guessed", [session_types.QUICK_FIX, session_types.ARCHITECTURE])
def test_a_guess_is_right_in_nine_of_ten_cases_and_made_in_most(
    half: list[tuple[str, str]], guessed: str
) -> None:
    labels = [label for label, prompt in half if first_prompt.infer(prompt) == guessed]
    right = labels.count(guessed)
    print(
        f"{guessed}: {right} of {len(labels)} guesses right, {[label for label, _ in half].count(guessed)} such prompts"
    )
    assert right >= 0.9 * len(labels)
    assert right >= 0.7 * [label for label, _ in half].count(guessed)


def test_there_are_two_hundred_prompts_and_none_twice() -> None:
    assert len(PROMPTS) == len(set(PROMPTS)) == 200


@given(st.text())
def test_any_text_is_a_type_or_no_guess(prompt: str) -> None:
    assert first_prompt.infer(prompt) in (None, session_types.QUICK_FIX, session_types.ARCHITECTURE)
