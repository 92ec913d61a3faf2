"""What one `usage` object bills beyond its top-level tokens, and what is said where it cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens import bill, iterations, responses, usage, usage_keys
from gaia_hooks.facts.tokens.threads import Thread
from gaia_hooks.session.made import Made
from support.rows import assistant

SONNET, OPUS = "claude-sonnet-5-5", "claude-opus-5-5"


def run(kind: str, fresh: int, output: int, reads: int = 0, **more: object) -> dict[str, object]:
    return {"type": kind, "input_tokens": fresh, "output_tokens": output, "cache_read_input_tokens": reads,
            "cache_creation_input_tokens": 0, **more}  # fmt: skip


def test_an_advisors_run_is_a_part_at_its_own_model_and_no_second_response() -> None:
    raw = {"input_tokens": 2200, "output_tokens": 100, "iterations": [
        run("message", 1000, 40), run("advisor_message", 20_000, 700, model=OPUS),
        run("message", 1200, 60)]}  # fmt: skip
    made = bill.bill_of(raw, SONNET)
    assert made.usage[:2] == (2200, 100)
    assert [one[:2] for one in made.runs] == [(1000, 40), (1200, 60)]
    [(model, counted, runs)] = made.parts
    assert (model, counted[:2], runs) == (OPUS, (20_000, 700), ())
    assert not made.odd


def test_compaction_on_the_server_is_billed_though_the_top_level_leaves_it_out() -> None:
    raw = {"input_tokens": 23_000, "output_tokens": 1000,
           "iterations": [run("compaction", 180_000, 3500), run("message", 23_000, 1000)]}  # fmt: skip
    assert bill.bill_of(raw, OPUS).usage[:2] == (203_000, 4500)


def test_a_declined_attempt_and_the_fallback_are_both_billed_at_their_models() -> None:
    raw = {"input_tokens": 2, "output_tokens": 13_658, "cache_read_input_tokens": 79_214,
           "iterations": [run("message", 2, 299, 560_186),
                          run("fallback_message", 2, 13_658, 79_214, model=OPUS)]}  # fmt: skip
    made = bill.bill_of(raw, OPUS, requested="claude-fable-5")
    assert made.usage[:3] == (2, 13_658, 79_214)
    [(model, counted, _)] = made.parts
    assert (model, counted[:3]) == ("claude-fable-5", (2, 299, 560_186))
    assert not made.odd


@pytest.mark.parametrize(("top", "told"), [(5000, 5000), (100, 3000)])
def test_runs_that_contradict_the_top_level_give_the_dearer_reading_and_a_notice(top: int, told: int) -> None:
    raw = {
        "input_tokens": top,
        "output_tokens": 1,
        "iterations": [run("message", 1000, 1), run("message", 2000, 1)],
    }
    made = bill.bill_of(raw, OPUS)
    assert made.usage[0] == told
    assert made.odd == ("iterations",)


def test_each_run_is_charged_at_the_tier_of_its_own_prompt() -> None:
    row = [0, [[-1, 10, 0, 0, 0, 0], [100_000, 20, 0, 0, 0, 0]], 0]
    runs = ((60_000, 0, 0, 0, 0, 0, 0), (60_000, 0, 0, 0, 0, 0, 0))
    whole = usage.total(runs)
    assert pricing.cost_nano(whole, row, runs=runs) * 2 == pricing.cost_nano(whole, row)


def test_inference_in_the_us_costs_a_tenth_more_on_tokens_and_not_on_searches() -> None:
    tier = [-1, 3_000_000_000, 15_000_000_000, 300_000_000, 3_750_000_000, 6_000_000_000]
    table = {SONNET: [[0, [tier], 10**13]], "claude-opus-4-5": [[0, [tier], None]]}
    spent = (1000, 100, 500, 40, 30, 0, 2)
    plain = pricing.cost_nano((*spent[:6], 0), pricing.rows_of(table, SONNET)[0])
    us = pricing.cost_nano(spent, pricing.rows_of(table, SONNET, "us")[0])
    assert us * 10 == plain * 11 + 2 * 10 * 10**7
    assert pricing.rows_of(table, "claude-opus-4-5", "us") == table["claude-opus-4-5"], "4.6 and later"
    assert bill.variant_of({"speed": "fast", "inference_geo": "us"}) == "fast-us"
    assert bill.variant_of({"inference_geo": "global"}) == ""


def test_what_is_not_understood_is_kept_by_name_and_by_nothing_else() -> None:
    raw = {"input_tokens": 1, "magic_tokens": 5, "empty": None,
           "server_tool_use": {"code_runs": 2, "web_fetch_requests": 1},
           "speed": "warp", "iterations": [run("dream\x1b[2J", 1, 0)]}  # fmt: skip
    assert bill.bill_of(raw, OPUS).odd == ("magic_tokens", "server_tool_use.code_runs", "speed=warp",
                                           "iterations.type=dream[2J")  # fmt: skip


WORDS = st.sampled_from(["", "fast", "us", "odd"])
ANY = st.one_of(st.none(), st.booleans(), st.integers(-3, 10**10), st.floats(), WORDS)
KEYS = st.sampled_from([*sorted(usage_keys.KNOWN), "cache_tokens_of_tomorrow"])
INNER = st.sampled_from([key for keys in usage_keys.NESTED.values() for key in sorted(keys)] + ["unknown"])


@example({"cache_creation_input_tokens": {}})
@given(st.dictionaries(KEYS, st.one_of(ANY, st.dictionaries(INNER, ANY, max_size=2)), max_size=5))
def test_what_is_taken_without_a_closer_look_would_stand_it(raw: dict[str, object]) -> None:
    made = bill.bill_of(raw)
    assert (made.odd[: len(usage_keys.odd(raw))], made.unreadable) == (
        usage_keys.odd(raw),
        usage_keys.unreadable(raw),
    )


RUN = st.dictionaries(
    st.sampled_from(["type", "model", *usage_keys.FIGURES, *usage_keys.NESTED, "unknown"]),
    st.recursive(
        st.one_of(ANY, st.sampled_from(sorted(iterations.RUNS))), lambda one: st.lists(one, max_size=2)
    ),
)


@example([{"type": ["message"]}])
@given(st.lists(st.one_of(ANY, RUN), max_size=3))
def test_no_form_of_a_list_of_iterations_ends_the_counting(told: list[object]) -> None:
    made = bill.bill_of({"input_tokens": 7, "iterations": told}, OPUS)
    assert made.unreadable or all(min(figures) >= 0 for figures in (made.usage, *made.runs))


@pytest.mark.parametrize("absurd", [2**64 - 5, 1e308, float("nan"), "1200", [1], 10.5])
def test_a_figure_that_is_no_count_sets_the_row_aside(absurd: object) -> None:
    row = assistant("msg_1", input_tokens=5)
    row["message"]["usage"]["cache_read_input_tokens"] = absurd
    with pytest.raises(responses.Unreadable, match="cache_read_input_tokens"):
        responses.response_of(row)


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_an_instant_that_no_database_takes_sets_the_row_aside(stamp: str) -> None:
    with pytest.raises(responses.Unreadable, match="timestamp"):
        responses.response_of(assistant("msg_1", input_tokens=5, timestamp=stamp))


def test_two_requests_with_one_message_id_are_two_responses() -> None:
    made, thread = Made(), Thread()
    keys = []
    for request in ("req-a", "req-a", "req-b"):
        seen = responses.response_of(assistant("msg_1", output_tokens=10, requestId=request))
        assert seen is not None
        assert made.identify(seen, thread)
        thread.add(seen)
        keys.append(seen.key)
    assert keys == ["msg_1", "msg_1", "msg_1@req-b"]


def test_a_copy_in_another_threads_file_is_no_response_of_it() -> None:
    made, main, fork = Made(), Thread(), Thread()
    for thread, known in ((main, True), (fork, False)):
        seen = responses.response_of(assistant("msg_0123456789abcdefghijklmn", output_tokens=10))
        assert seen is not None
        assert made.identify(seen, thread) is known
        made = Made("", *made.packed())
        thread.add(seen) if known else None


figures = st.tuples(*[st.integers(0, 10**6)] * 5)


@given(st.lists(figures, min_size=1, max_size=6), st.integers(0, 10**6))
def test_whatever_runs_there_are_they_sum_to_the_usage_and_nothing_is_billed_below_the_top_level(
    runs: list[tuple[int, ...]], top: int
) -> None:
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
    raw = {"input_tokens": top, "output_tokens": 3,
           "iterations": [{"type": "message", **dict(zip(names, one, strict=False))} for one in runs]}  # fmt: skip
    made = bill.bill_of(raw, OPUS)
    if made.runs:
        assert usage.total(made.runs) == made.usage
    told = (top, 3, 0, 0, 0)
    weigh = [sum(w * t for w, t in zip(iterations.WEIGHTS, one, strict=False)) for one in (made.usage, told)]
    assert weigh[0] >= weigh[1]


def paused(*usages: object) -> dict[str, object]:
    """What a row's message says of the answers that were paused before it."""
    return {"pausedResponses": [{"limit": "max_tokens", "usage": one} for one in usages]}


def bill_of_message(message: dict[str, Any]) -> bill.Bill:
    made = bill.bill_of(message["usage"], SONNET)
    bill.add_paused(made, message["pausedResponses"], SONNET, "")
    return made


def test_a_reply_that_was_paused_and_resumed_bills_each_of_its_requests_at_its_own_tier() -> None:
    first = {"input_tokens": 60_000, "output_tokens": 4000}
    made = bill_of_message({"usage": {"input_tokens": 64_000, "output_tokens": 50}} | paused(first, first))
    assert made.usage[:2] == (184_000, 8050)
    assert [one[:2] for one in made.runs] == [(60_000, 4000), (60_000, 4000), (64_000, 50)]
    assert not made.odd


def test_rows_before_and_after_a_pause_are_one_response_whose_requests_differ() -> None:
    before = assistant("msg_1", input_tokens=1000, output_tokens=90)
    usage_before = before["message"]["usage"]
    after = assistant("msg_1", second=1, input_tokens=1090, output_tokens=30, requestId="req-2")
    after["message"] |= paused(usage_before)
    thread, made = Thread(), Made()
    for row in (before, after):
        seen = responses.response_of(row)
        assert seen is not None
        assert made.identify(seen, thread)
        assert not thread.add(seen)
    [(one, _)] = thread.settle()
    assert one.usage[:2] == (2090, 120)
    assert [run[:2] for run in one.runs] == [(1000, 90), (1090, 30)]


def test_an_advisor_before_a_pause_stays_a_part_of_the_one_response() -> None:
    advised = {"input_tokens": 1000, "output_tokens": 40, "iterations": [
        run("message", 1000, 40), run("advisor_message", 20_000, 700, model=OPUS)]}  # fmt: skip
    made = bill_of_message({"usage": advised} | paused(advised))
    [(model, counted, runs)] = made.parts
    assert (model, counted[:2], len(runs)) == (OPUS, (40_000, 1400), 2)


@pytest.mark.parametrize(
    "told", ["many", {"usage": 1}, [1], [{"usage": None}], [{"usage": {"speed": "fast"}}]], ids=str
)
def test_a_pause_that_is_not_understood_is_named_and_the_rest_counted(told: object) -> None:
    made = bill_of_message({"usage": {"input_tokens": 7}, "pausedResponses": told})
    assert made.usage[0] == 7
    assert made.odd == ("pausedResponses",)


def test_a_figure_of_a_pause_that_is_no_count_makes_the_whole_answer_unreadable() -> None:
    made = bill_of_message({"usage": {"input_tokens": 7}} | paused({"output_tokens": "x"}))
    assert made.unreadable == "pausedResponses.output_tokens"
