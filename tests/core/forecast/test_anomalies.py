"""What is out of the ordinary is told with its likely cause; what is only seasonal, new or dearer by price is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.forecast.anomalies import Anomaly, anomalies
from gaia_budget.forecast.levels import spikes
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.zone import DAY
from gaia_budget.settings import load
from support.events import event, ts
from support.spend_series import TaskDays, task_days

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.model import Event

DOLLAR = 10**9
NOON = ts("2026-11-23T12:00")  # a Monday
HAIKU, OPUS = "claude-haiku-5-5", "claude-opus-5-5"


def told(task: TaskDays) -> set[int]:
    return {one.day for one in spikes(task.nano, task.first, task.since, task.price_change)}


def test_planted_spikes_are_found_and_little_else() -> None:
    planted = [task_days(seed, spikes=2) for seed in range(3000, 3040)]
    hits = sum(len(told(task) & task.spikes) for task in planted)
    all_told = sum(len(told(task)) for task in planted)

    assert hits >= 0.85 * sum(len(task.spikes) for task in planted)
    assert hits >= 0.9 * all_told
    assert max(len(told(task_days(seed, spikes=0))) for seed in range(3040, 3080)) <= 1


@settings(max_examples=60)
@given(
    nano=st.lists(st.integers(0, 10**12) | st.just(0), max_size=80),
    since=st.integers(-10, 90),
    factor=st.sampled_from([1, 1000]),
)
def test_what_holds_for_every_series(nano: list[int], since: int, factor: int) -> None:
    found = spikes(nano, 20_000, 20_000 + since)

    for one in found:
        assert one.actual > 2 * one.expected > 0
        assert one.day >= 20_000 + since
        assert round(one.actual) == pytest.approx(nano[one.day - 20_000])
    scaled = spikes([amount * factor for amount in nano], 20_000, 20_000 + since)
    assert [one.day for one in scaled] == [one.day for one in found]


def test_a_new_level_is_told_when_it_begins_and_not_for_ever() -> None:
    days = [one.day for one in spikes([2.0] * 40 + [10.0] * 40, 0, 0)]

    assert days == [40, 41]


def test_a_working_day_of_a_module_that_rests_at_weekends_is_usual_and_a_dear_weekend_is_not() -> None:
    week = [5.0, 5.5, 4.8, 5.2, 5.1, 0.5, 0.4]  # day 4 is a Monday
    ordinary = [0.0] * 4 + week * 10
    dear = [*ordinary[:-2], 5.0, 0.4]

    assert spikes(ordinary, 0, 0) == []
    assert [one.day for one in spikes(dear, 0, 0)] == [72]


# From a ledger


def history(make_day: Callable[[int], list[Event]], days: int = 40) -> list[Event]:
    """What `make_day` gives for each of the days before noon, by how many days they lie back."""
    return [
        replace(one, event_id=f"{back}-{number}", ts=NOON - back * DAY + number)
        for back in range(1, days)
        for number, one in enumerate(make_day(back))
    ]


def call(dollars: float = 1, **facts: Any) -> Event:
    tokens = {"input_tokens": round(10_000 * dollars), "output_tokens": round(1_000 * dollars)}
    chosen: dict[str, Any] = {"task": "jd_parse", "model": HAIKU, "session_id": "s", **tokens}
    return event("", cost_nano=round(dollars * DOLLAR), **chosen | facts)


def today(*calls: Event) -> list[Event]:
    return [replace(one, event_id=f"today-{number}", ts=NOON + number) for number, one in enumerate(calls)]


def asked(ledger: Ledger, **asks: Any) -> list[Anomaly]:
    return anomalies(ledger, now=NOON + DAY // 4, **asks)


@pytest.mark.parametrize(
    ("usual", "now", "cause"),
    [
        (
            [call(session_id="a"), call(session_id="b")],
            [call(session_id=f"s{n}") for n in range(12)],
            "calls: 12, usually 2",
        ),
        ([call()], [call(20, model=OPUS)], f"model: {OPUS} answered 100% of the calls, usually 0%"),
        (
            [call(1, input_tokens=0, cache_read_tokens=90_000, cache_write_5m_tokens=10_000)],
            [
                call(
                    5.5,
                    input_tokens=0,
                    output_tokens=1_000,
                    cache_read_tokens=5_000,
                    cache_write_5m_tokens=95_000,
                )
            ],
            "cache: 5% of the prompts came from it, usually 90%",
        ),
        (
            [call(), call(session_id="t")],
            [call(session_id="runaway") for _ in range(9)] + [call()],
            "session: runaway took $9.0000 of it",
        ),
        (
            [call(session_id=""), call(session_id="")],
            [call(5, session_id="")] * 2,
            "size: 55,000 tokens a call, usually 11,000",
        ),
        (
            [call(session_id="")],
            [call(9, session_id="", input_tokens=10_000, output_tokens=1_000)],
            "price: the same tokens cost 9.0 times as much",
        ),
    ],
)
def test_an_anomaly_names_its_likely_cause(
    ledger: Ledger, usual: list[Event], now: list[Event], cause: str
) -> None:
    ledger.record([*history(lambda _: usual), *today(*now)])

    [found] = asked(ledger)

    assert (found.module, found.task, found.cause) == ("jseeker", "jd_parse", cause)
    assert found.actual_nano == sum(one.cost_nano or 0 for one in now)
    assert found.expected_nano == pytest.approx(sum(one.cost_nano or 0 for one in usual), rel=0.01)
    assert found.document()["at"] == "2026-11-23"


def test_a_spike_of_all_tasks_together_names_the_task_that_moved_most(ledger: Ledger) -> None:
    fresh = [call(6, task="audit", session_id=f"s{n}") for n in range(3)]
    ledger.record([*history(lambda _: [call(session_id="a"), call(session_id="b")]), *today(call(), *fresh)])

    [found] = asked(ledger)

    assert (found.task, found.cause) == (None, "task: audit cost $18.0000, usually $0.0000")


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_another_price_is_no_anomaly(ledger: Ledger, factor: float) -> None:
    same = {"input_tokens": 10_000, "output_tokens": 1_000}
    ledger.record(
        [*history(lambda back: [call(factor if back < 5 else 1, **same)]), *today(call(factor, **same))]
    )

    assert asked(ledger) == []


def test_a_new_module_and_a_quiet_ledger_have_no_anomaly(ledger: Ledger) -> None:
    assert asked(ledger) == []
    ledger.record([*history(lambda _: [call()], days=5), *today(*[call()] * 30)])

    assert asked(ledger) == []


def test_a_module_or_a_time_can_be_asked_for(ledger: Ledger) -> None:
    ledger.record([*history(lambda back: [call(9 if back == 3 else 1)]), *today(call(9))])

    assert [one.document()["at"] for one in asked(ledger)] == ["2026-11-23", "2026-11-20"]
    assert [one.document()["at"] for one in asked(ledger, since="2026-11-21")] == ["2026-11-23"]
    assert asked(ledger, module="via") == []


def test_the_command_tells_people_and_programs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "UTC")
    assert "Nothing out of the ordinary" in CliRunner().invoke(app, ["anomalies"]).stdout
    with Ledger.open(settings=load()) as ledger:
        moved = ledger.now() - NOON
        ledger.record(
            replace(one, ts=one.ts + moved) for one in [*history(lambda _: [call()]), *today(call(20))]
        )

    [row] = json.loads(CliRunner().invoke(app, ["anomalies", "--json"]).stdout)["anomalies"]
    text = CliRunner().invoke(app, ["anomalies", "--module", "jSeeker"]).stdout

    assert list(row) == ["module", "task", "at", "expected_usd", "actual_usd", "cause"]
    assert row["cause"] in text
    assert "$20.0000" in text
