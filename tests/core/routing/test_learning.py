"""Recommendations follow what was recorded: up, back down, faded with time, and never without evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.routing import table
from gaia_budget.routing.advice import switch
from gaia_budget.routing.learning import DAY_MICROSECONDS, Candidate, Choice, TaskVerdict, choose

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
MODELS = [Candidate(HAIKU, 0, 1), Candidate(SONNET, 100, 10), Candidate(OPUS, 200, 20)]
NOW = 400 * DAY_MICROSECONDS


def after(*recorded: tuple[str, bool, float], default: str = HAIKU) -> Choice:
    """The choice after outcomes given as (model, ok, days ago)."""
    outcomes = [TaskVerdict(NOW - int(days * DAY_MICROSECONDS), model, ok) for model, ok, days in recorded]
    return choose(MODELS, default, outcomes, NOW, table.load().learning)


def test_without_outcomes_the_table_rules() -> None:
    for default in (HAIKU, SONNET, OPUS):
        assert after(default=default) == (default, [], None)


def test_insufficient_answers_move_a_recommendation_up_and_one_is_not_enough() -> None:
    assert after((HAIKU, False, 1)).model == HAIKU
    moved = after(*[(HAIKU, False, 1)] * 10)
    assert moved.model == SONNET
    assert str(moved.evidence[0]).startswith(f"{HAIKU}: 0 of 10 recorded answers sufficed")


def test_it_comes_back_down_as_the_evidence_fades() -> None:
    assert after(*[(HAIKU, False, 1)] * 10).model == SONNET
    assert after(*[(HAIKU, False, 200)] * 10).model == HAIKU


def test_another_version_of_the_family_counts_less() -> None:
    assert after(*[(HAIKU, False, 1)] * 4).model == SONNET
    assert after(*[("claude-haiku-4-5", False, 1)] * 4).model == HAIKU
    assert after(*[("gpt-4o-mini", False, 1)] * 50) == (HAIKU, [], None)


def test_a_cheaper_model_that_has_proven_itself_is_recommended_below_the_table() -> None:
    assert after(*[(HAIKU, True, 1)] * 2, default=SONNET).model == SONNET
    assert after(*[(HAIKU, True, 1)] * 12, default=SONNET).model == HAIKU


def test_a_cheaper_model_is_worth_a_try_after_many_good_answers_and_rarer_after_each_failure() -> None:
    good = [(SONNET, True, 1.0)] * 20
    assert after(*good, default=SONNET).worth_a_try == HAIKU
    assert after(*good[1:], default=SONNET).worth_a_try is None
    failed = [(HAIKU, False, 2.0), *good]
    assert after(*failed, default=SONNET).worth_a_try is None
    assert after(*failed, *good, default=SONNET).worth_a_try == HAIKU
    assert after(*[(HAIKU, True, 1)] * 100).worth_a_try is None


def test_only_the_newest_outcomes_count() -> None:
    turned = [*[(HAIKU, False, 3.0)] * 50, *[(HAIKU, True, 1.0)] * 20]
    assert after(*turned).model == HAIKU
    assert after(*turned).evidence[0][1:3] == (20, 0)


def test_outcomes_of_the_future_are_left_out() -> None:
    assert after(*[(HAIKU, False, -1)] * 10) == (HAIKU, [], None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([HAIKU, SONNET, OPUS, "claude-haiku-4-5"]), st.booleans(), st.floats(0, 300)
        )
    ),
    st.sampled_from([HAIKU, SONNET, OPUS]),
)
def test_the_choice_does_not_depend_on_the_order_of_the_outcomes(
    recorded: list[tuple[str, bool, float]], default: str
) -> None:
    found = after(*recorded, default=default)
    assert found.model in (HAIKU, SONNET, OPUS)
    assert after(*reversed(recorded), default=default).model == found.model
    assert all(0 <= one.share <= 1 for one in found.evidence)


def row(fresh: float, output: float, read: float, write: float) -> list[object]:
    per_token = [int(rate * 10**9) for rate in (fresh, output, read, write, write)]
    return [0, [[-1, *per_token]], None]


OPUS_45, SONNET_45, HAIKU_45 = row(5, 25, 0.5, 6.25), row(3, 15, 0.3, 3.75), row(1, 5, 0.1, 1.25)


@pytest.mark.parametrize(("new", "turns"), [(SONNET_45, 13), (HAIKU_45, 2.2)])
def test_the_break_even_at_150k_context_is_the_measured_one(new: list[object], turns: float) -> None:
    found = switch(OPUS_45, new, 150_000, table.load().conversation)
    assert found.turns == pytest.approx(turns, abs=0.3)


def test_a_dearer_model_never_pays_back_and_a_missing_price_is_not_guessed() -> None:
    conversation = table.load().conversation
    assert switch(HAIKU_45, OPUS_45, 10_000, conversation).turns is None
    unknown = switch(None, OPUS_45, 10_000, conversation)
    assert unknown.unknown and unknown.turns is None
