"""What was spent: every axis and any two, from sums or events, always the same figures."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_budget.errors import InputError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.questions import AXES
from gaia_budget.ledger.verify import verify
from gaia_budget.ledger.zone import DAY
from gaia_budget.settings.keys import Settings
from support.events import event, events, ts

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.model import Event


@pytest.fixture
def full(ledger: Ledger) -> Ledger:
    ledger.record(
        [
            event("a", model="haiku", task="jd_parse", session_id="s", output_tokens=5, cost_nano=3),
            event("b", "2026-11-24T09:00", model="opus", task="", session_id="s", agent_id="x", agent_type="Explore",
                  branch="main", output_tokens=7, cost_nano=30),
            event("c", "2026-12-01T00:00", module="via", source="claude_code", billing="plan", cost_nano=300),
        ]
    )  # fmt: skip
    return ledger


def test_an_answer_made_of_several_questions_is_of_one_state_whatever_is_written_between(
    full: Ledger,
) -> None:
    with full.db.unchanging():
        before = full.spend(("model",))
        with ThreadPoolExecutor() as others:
            others.submit(full.record, [event("new", model="nobody-knew-it", cost_nano=1_000)]).result()
        assert full.spend(("model",)) == before
        assert full.spend(()).total == before.total
        full.record([event("own", cost_nano=100)])
        assert full.spend(()).total.cost_nano == before.total.cost_nano + 1_100


def test_every_axis_and_any_two_add_up_to_the_total(full: Ledger) -> None:
    for by in [*((axis,) for axis in AXES), *itertools.combinations(AXES, 2)]:
        answer = full.spend(by)

        assert answer.total.cost_nano == 333, by
        assert sum(row.figures.cost_nano for row in answer.rows) == 333, by
        assert sum(row.figures.responses for row in answer.rows) == 3, by


@pytest.mark.parametrize(
    ("axis", "keys"),
    [
        ("day", ["2026-11-23", "2026-11-24", "2026-12-01"]),
        ("week", ["2026-W48", "2026-W49"]),
        ("month", ["2026-11", "2026-12"]),
        ("agent", ["main", "Explore"]),
        ("module", ["via", "jseeker"]),
        ("response", ["c", "b", "a"]),
    ],
)
def test_keys_are_named_as_people_name_them(full: Ledger, axis: str, keys: list[str]) -> None:
    assert [row.key[0] for row in full.spend((axis,)).rows] == keys


@pytest.mark.parametrize(
    ("since", "until", "cost"),
    [
        ("2026-11-24", None, 330),
        (None, "2026-11-23", 3),
        ("2026-11", "2026-11", 33),
        ("2026-11-23T12:00:01", "2026-11-30T23:59:59", 30),
        ("2026-11-24T09:00+00:00", None, 330),
    ],
)
def test_a_range_begins_and_ends_where_the_user_says(full: Ledger, since: Any, until: Any, cost: int) -> None:
    for by in ((), ("module",), ("day",), ("session",)):
        assert full.spend(by, since, until).total.cost_nano == cost


@pytest.mark.parametrize("wrong", [{"by": ("colour",)}, {"since": "soon"}, {"until": "2026-13-45"}])
def test_an_unknown_axis_or_time_is_told_with_the_valid_ones(full: Ledger, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Valid"):
        full.spend(**wrong)


def test_the_document_has_the_keys_of_the_interface(full: Ledger) -> None:
    document = full.spend(("task", "model")).document()

    assert list(document) == ["since", "until", "total", "rows"]
    assert {"responses", "budget_tokens", "input_tokens", "output_tokens", "cache_read_tokens",
            "cache_write_5m_tokens", "cache_write_1h_tokens", "recached_tokens", "cost_usd",
            "unpriced_responses"} <= set(document["total"])  # fmt: skip
    assert document["total"]["cost_usd"] == "0.000000333"
    assert document["rows"][0]["key"] == ["", ""]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    found=st.lists(events(st.uuids().map(str)), max_size=25),
    zone=st.sampled_from(
        ["UTC", "America/Mexico_City", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe"]
    ),
)
def test_sums_of_any_zone_are_those_of_plain_addition(
    tmp_path_factory: pytest.TempPathFactory, found: list[Event], zone: str
) -> None:
    folder: Path = tmp_path_factory.mktemp("zone")
    chosen = Settings().but(timezone=zone)
    with Ledger.open(f"sqlite:///{(folder / 'l.db').as_posix()}", settings=chosen) as ledger:
        ledger.record(found)
        by_day = {row.key: row.figures for row in ledger.spend(("day", "module")).rows}
        from_events = {row.key[:2]: row.figures for row in ledger.spend(("day", "module", "user")).rows}
        assert by_day == from_events
        added: dict[tuple[str, str], int] = {}
        for one in found:
            key = (ledger.zone.local(one.ts).date().isoformat(), one.module)
            added[key] = added.get(key, 0) + (one.cost_nano or 0)
        assert {key: figures.cost_nano for key, figures in by_day.items()} == added
        assert verify(ledger) == []


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    found=st.lists(events(st.uuids().map(str)), max_size=25),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin"]),
    bounds=st.tuples(*[st.integers(ts("2026-10-23T00:00"), ts("2026-10-27T00:00"))] * 2),
    near=st.booleans(),
)
def test_a_range_that_begins_within_an_hour_has_the_sums_of_its_events(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[Event],
    zone: str,
    bounds: tuple[int, int],
    near: bool,
) -> None:
    if near:  # around the change of the clocks
        found = [msgspec.structs.replace(one, ts=bounds[0] + one.ts % DAY) for one in found]
    folder: Path = tmp_path_factory.mktemp("zone")
    chosen = Settings().but(timezone=zone)
    with Ledger.open(f"sqlite:///{(folder / 'l.db').as_posix()}", settings=chosen) as ledger:
        ledger.record(found)
        for by in (("module",), ("module", "day"), ("module", "hour"), ("module", "month")):
            for until in (None, max(bounds)):
                summed = ledger.spend(by, min(bounds), until)
                from_events = ledger.spend((*by, "user"), min(bounds), until)
                assert summed.total == from_events.total
                assert {row.key: row.figures for row in summed.rows} == {
                    row.key[:-1]: row.figures for row in from_events.rows
                }


def test_outcomes_are_remembered(ledger: Ledger) -> None:
    ledger.record_outcome("jd_parse", "haiku", False, reason="missed the salary")
    assert [(one.task, one.ok, one.reason) for one in ledger.outcomes()] == [
        ("jd_parse", False, "missed the salary")
    ]
    assert ledger.outcomes("other") == []
