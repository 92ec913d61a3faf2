"""The one definition of counting."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gaia_hooks.facts.tokens import responses, usage, usage_keys
from gaia_hooks.facts.tokens.threads import Thread
from support.rows import SESSION, assistant

counts = st.tuples(*[st.integers(0, 10**7)] * 7)


def test_rows_of_one_message_are_one_response_at_their_field_wise_maximum() -> None:
    thread = Thread()
    for output, reads in ((1, 500), (90, 500), (40, 0)):
        row = assistant("msg_1", input_tokens=10, output_tokens=output, reads=reads)
        seen = responses.response_of(row)
        assert seen is not None
        thread.add(seen)
    [(settled, before)] = thread.settle()
    assert before is None
    assert settled.usage == (10, 90, 500, 0, 0, 0, 0)


def test_rows_that_are_no_response_of_this_session_count_for_nothing() -> None:
    copied = assistant("msg_1", input_tokens=5, requestSessionId="another")
    assert responses.response_of(copied) is None
    assert responses.response_of(assistant("msg_1", input_tokens=5, forkedFrom={"sessionId": "x"})) is None
    assert responses.response_of(assistant("msg_1", input_tokens=5, model="<synthetic>")) is None
    assert responses.response_of({"type": "progress", "message": assistant("m")["message"]}) is None
    for odd in (None, [], 3, {}, {"type": "assistant"}, {"type": "assistant", "message": {"usage": None}}):
        assert responses.response_of(odd) is None
    own = responses.response_of(assistant("msg_1", input_tokens=5, requestSessionId=SESSION))
    assert own is not None


def test_a_missing_message_id_falls_back_to_the_request_and_then_the_row() -> None:
    row = assistant("")
    seen = responses.response_of(row)
    assert seen is not None
    assert seen.key == "req-"
    del row["requestId"]
    seen = responses.response_of(row)
    assert seen is not None
    assert seen.key == row["uuid"]


def test_null_and_foreign_usage_fields_are_zeros() -> None:
    raw = {"input_tokens": None, "output_tokens": "7", "cache_read_input_tokens": -3, "cache_creation": 5,
           "cache_creation_input_tokens": True, "output_tokens_details": None, "server_tool_use": []}  # fmt: skip
    assert usage.usage_of(raw) == usage.NOTHING


def test_cache_writes_without_a_split_are_five_minute_writes() -> None:
    assert usage.usage_of({"cache_creation_input_tokens": 70})[usage.WRITE_5M] == 70
    split = {"cache_creation_input_tokens": 70, "cache_creation": {"ephemeral_1h_input_tokens": 50}}
    assert usage.usage_of(split)[usage.WRITE_5M : usage.WRITE_1H + 1] == (20, 50)


def test_what_is_written_again_after_the_cache_expired_does_not_count() -> None:
    thread = Thread()
    first = responses.response_of(assistant("a", input_tokens=10, write_5m=1000))
    again = responses.response_of(assistant("b", input_tokens=10, write_5m=1100))
    assert first is not None and again is not None
    thread.add(first)
    thread.add(again)
    [(settled, _)] = thread.settle()
    assert settled.recached == 1000, "the ten uncached tokens of the first were never held"
    assert usage.budget_tokens(settled.usage, settled.recached) == 110


def test_a_prompt_that_shrank_after_compaction_counts_in_full() -> None:
    assert usage.recached_tokens((10, 5, 0, 300, 0, 0, 0), previous_prompt=5000, held=5000) == 0


def test_a_settled_response_that_grows_late_yields_only_the_difference() -> None:
    thread = Thread()
    for key, output in (("a", 10), ("b", 1)):
        seen = responses.response_of(assistant(key, output_tokens=output))
        assert seen is not None
        thread.add(seen)
    late = responses.response_of(assistant("a", output_tokens=25))
    assert late is not None
    [(settled, before)] = thread.add(late)
    assert before is not None
    assert (before[0][1], settled.usage[1]) == (10, 25)
    repeated = responses.response_of(assistant("a", output_tokens=25))
    assert repeated is not None
    assert thread.add(repeated) == []


@given(st.lists(st.tuples(st.integers(0, 9), counts), max_size=60))
def test_the_sum_of_what_settles_is_the_sum_of_the_maxima(
    sightings: list[tuple[int, tuple[int, ...]]],
) -> None:
    """For any interleaving of rows of up to ten responses, nothing is lost and nothing is counted twice."""
    thread, settled = Thread(), [0] * 7
    maxima: dict[int, tuple[int, ...]] = {}
    booked = []
    for key, figures in sightings:
        maxima[key] = usage.merged(maxima.get(key, usage.NOTHING), figures)
        booked += thread.add(responses.Response(str(key), "m", figures, ""))
    for one, earlier in booked + thread.settle():
        before = usage.NOTHING if earlier is None else earlier[0]
        growth = zip(settled, one.usage, before, strict=True)
        settled = [summed + new - old for summed, new, old in growth]
    assert (
        settled == [sum(column) for column in zip(*maxima.values(), strict=True)]
        if maxima
        else settled == [0] * 7
    )


@given(counts, st.integers(0, 10**8), st.integers(0, 10**8))
def test_re_cached_tokens_are_never_more_than_what_was_paid_fresh(
    figures: tuple[int, ...], before: int, held: int
) -> None:
    recached = usage.recached_tokens(figures, before, held)
    assert 0 <= recached <= figures[0] + figures[3] + figures[4]
    assert usage.budget_tokens(figures, recached) >= figures[1]


figures = st.one_of(
    st.integers(-2, 9), st.sampled_from([None, True, "7", 1.0, 2.5, 10**9, 10**9 + 1, 1e308, []])
)
raws = st.fixed_dictionaries({}, optional=dict.fromkeys(usage_keys.FIGURES, figures) | {
    name: st.one_of(st.sampled_from([None, {}, [], "", 0, 5]),
                    st.dictionaries(st.sampled_from([*sorted(keys), "new"]), figures))
    for name, keys in usage_keys.NESTED.items()
} | {name: st.sampled_from([None, "", "new", 0, *values]) for name, values in usage_keys.VALUES.items()} | {
    "new": st.sampled_from([None, 0, 1, "x"]), "iterations": st.sampled_from([None, [], [{}]])})  # fmt: skip


@given(raws)
def test_what_is_taken_the_short_way_is_what_the_long_way_finds_nothing_odd_in(raw: dict[str, Any]) -> None:
    short = usage_keys.plain(raw)
    if short is not None:
        assert (usage_keys.odd(raw), usage_keys.unreadable(raw)) == ((), "")
        assert short == usage.usage_of(raw) and {type(one) for one in short} == {int}


def test_a_row_as_the_client_writes_it_is_taken_the_short_way() -> None:
    raw = assistant("m", input_tokens=3, output_tokens=9, reads=5, write_5m=20, write_1h=7)["message"][
        "usage"
    ]
    raw["server_tool_use"]["web_fetch_requests"] = 0
    assert usage_keys.plain(raw | {"service_tier": "standard"}) == (3, 9, 5, 20, 7, 0, 0)
