from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.calendar_month import SystemZone, month_of

ZONES = (
    "UTC",
    "America/Mexico_City",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
)
INSTANTS = st.datetimes(datetime(2001, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@given(instant=INSTANTS, zone=st.sampled_from(ZONES))
def test_every_instant_is_in_exactly_one_month(instant: datetime, zone: str) -> None:
    month = month_of(instant, ZoneInfo(zone))
    assert month.start <= instant < month.end
    assert month_of(month.end, ZoneInfo(zone)).start == month.end
    assert month_of(month.end - timedelta(microseconds=1), ZoneInfo(zone)) == month


def test_a_month_begins_at_midnight_of_the_users_zone() -> None:
    zone = ZoneInfo("America/Mexico_City")
    evening = datetime(2026, 12, 1, 5, 59, tzinfo=UTC)
    assert month_of(evening, zone).name == "2026-11"
    assert month_of(evening + timedelta(minutes=1), zone).name == "2026-12"


def test_budgets_begin_anew_on_the_first_of_the_next_month() -> None:
    assert month_of(datetime(2026, 12, 31, 23, tzinfo=UTC), UTC).resets_on == date(2027, 1, 1)


def test_a_month_with_a_clock_change_is_an_hour_longer() -> None:
    month = month_of(datetime(2026, 10, 9, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert month.end - month.start == timedelta(days=31, hours=1)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system's zone cannot be set by a process")
@given(instant=INSTANTS, zone=st.sampled_from(ZONES))
def test_the_systems_zone_has_its_past_and_future_offsets(instant: datetime, zone: str) -> None:
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        ours, theirs = instant.astimezone(SystemZone()), instant.astimezone(ZoneInfo(zone))
        assert ours.replace(tzinfo=None) == theirs.replace(tzinfo=None)
        assert ours.utcoffset() == theirs.utcoffset()
        assert ours.astimezone(UTC) == instant
        assert month_of(instant, SystemZone()) == month_of(instant, ZoneInfo(zone))
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()
