"""Ledgers, clocks and names that are not as they should be: every face goes on, and says what it knows."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.dashboard.answers import QUESTIONS
from gaia_budget.errors import InputError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.zone import DAY, FIRST_INSTANT, LAST_INSTANT, Zone
from gaia_budget.settings import load
from gaia_hooks.machine import clock
from support import dashboard
from support.events import event, ts

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.model import Event

FAR = ts("2031-05-05T12:00")


def test_a_ledger_that_goes_away_is_not_made_anew_and_has_what_is_new_once_it_is_back(
    month: list[Event], home: Path
) -> None:
    file, away = home / "gaia-budget" / "ledger.db", home / "elsewhere"
    with dashboard.running() as served:
        whole = served.asked("monthly")["total"]["responses"]
        file.rename(away)
        for path in ("/", "/api/v1/monthly?top=7", "/api/v1/sessions", "/metrics") * 2:
            answer = served.get(path)
            assert answer.status == 200 or (answer.status >= 500 and str(file) in answer.text), path
            assert "Nothing has been counted" not in answer.text
        assert not file.exists()
        away.rename(file)
        with Ledger.open(settings=load()) as rival:
            rival.record([event("new", "2026-11-27T19:00", cost_nano=1)])
        assert served.asked("monthly")["total"]["responses"] == whole + 1


@pytest.mark.usefixtures("month")
def test_a_clock_that_is_years_ahead_stops_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "now", lambda _: FAR)
    monkeypatch.setattr(clock, "now", lambda: FAR)
    with dashboard.running() as served:
        page = served.get("/")
        assert page.status == 200
        assert "May so far" in page.text
        for one in QUESTIONS:
            served.asked(one.name + ("?session=5bc67726" if one.name == "session" else ""))
        spent = served.asked("monthly")["rows"]
        assert {row["key"] for row in spent} == {"2026-10", "2026-11"}


@pytest.mark.usefixtures("month")
def test_a_response_of_a_machine_whose_clock_is_ahead_is_counted_on_its_day_and_in_the_month() -> None:
    with dashboard.running() as served:
        before = served.asked("daily?since=month")
        served.ledger.record([event("ahead", "2026-11-29T08:00", cost_nano=7_000_000_000)])
        after = served.asked("daily?since=month")
        assert served.get("/").status == 200
    assert float(after["total"]["cost_usd"]) == pytest.approx(float(before["total"]["cost_usd"]) + 7)
    assert [row["key"] for row in after["rows"]][:2] == ["2026-11-29", "2026-11-27"]


NO_INSTANTS = ["9" * 5000, "9" * 5000 + "d", "999999999d", "999999w", "²d", "٣d", "9999-12-31", "9999-12", "0001-01-01",
               "0002-01-01", "0001-01", "9998-12-31T23:59", "2026-11-23T12:00+99:99"]  # fmt: skip


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize("name", ["since", "until", "top"])
def test_a_figure_of_any_size_is_answered_or_refused_in_words(name: str) -> None:
    settings = load()
    with Ledger.open(settings=settings) as ledger:
        for question in QUESTIONS:
            told = {"session": "5bc67726"} if question.name == "session" else {}
            for value in NO_INSTANTS if name in question.takes else ():
                try:
                    said: object = question.answer(ledger, settings, told | {name: value})
                except InputError as error:
                    said = str(error)
                assert said and "9" * 1000 not in str(said), (question.name, value[:40])


@given(st.text(max_size=20) | st.from_regex(r"\d{1,5000}[hdw]?|\d{4}-\d\d(-\d\d)?", fullmatch=True))
def test_any_text_is_an_instant_that_every_zone_can_tell_or_none(text: str) -> None:
    zone = Zone(ZoneInfo("Pacific/Apia"))
    for end in (False, True):
        with suppress(InputError):
            found = zone.instant(text, FAR, end=end)
            assert found is not None and FIRST_INSTANT <= found <= LAST_INSTANT + 2 * DAY
            zone.local(found)


@pytest.mark.parametrize("name", ["‮gnp.exe", "⁦x⁩", "a\x1b[2Jb", "\x07bell", "<b>&amp;", "=1+1", "x" * 300])
def test_a_name_is_one_line_of_text_in_every_table(name: str, stopped: None) -> None:
    with Ledger.open(settings=load()) as ledger:
        ledger.record([event("a", "2026-11-27T08:00", module=name, task=name, model=name, cost_nano=10**9)])
    with dashboard.running() as served:
        page = served.get("/").text.partition("<main")[2]
        csv = served.get("/api/v1/projects?format=csv").text
    for wrong in ("‮", "⁦", "\x1b", "\x07", "<b>"):
        assert wrong not in page
    assert "$1.00" in page
    assert not csv.splitlines()[1].startswith("=")
