"""Days and months follow the calendar of a zone: a named one, or the system's with its past and future offsets."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.ledger.zone import HOUR, SystemZone, Zone, bucket, first_of, micros, month_name

ZONES = (
    "UTC",
    "America/Mexico_City",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
)
INSTANTS = st.datetimes(datetime(2001, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def month_of(instant: datetime, zone: str) -> int:
    return bucket(Zone.named(zone), "month", micros(instant))


@given(instant=INSTANTS, zone=st.sampled_from(ZONES))
def test_every_instant_is_in_exactly_one_month(instant: datetime, zone: str) -> None:
    calendar, month = Zone.named(zone), month_of(instant, zone)
    end = calendar.start_of_month(month + 1)
    assert calendar.start_of_month(month) <= micros(instant) < end
    assert [bucket(calendar, "month", ts) for ts in (end - 1, end)] == [month, month + 1]


def test_a_month_begins_at_midnight_of_the_users_zone() -> None:
    evening = datetime(2026, 12, 1, 5, 59, tzinfo=UTC)
    assert month_name(month_of(evening, "America/Mexico_City")) == "2026-11"
    assert month_name(month_of(evening + timedelta(minutes=1), "America/Mexico_City")) == "2026-12"


def test_budgets_begin_anew_on_the_first_of_the_next_month() -> None:
    assert first_of(month_of(datetime(2026, 12, 31, 23, tzinfo=UTC), "UTC") + 1) == date(2027, 1, 1)


def test_a_month_with_a_clock_change_is_an_hour_longer() -> None:
    calendar, october = Zone.named("Europe/Berlin"), month_of(datetime(2026, 10, 9, tzinfo=UTC), "UTC")
    length = calendar.start_of_month(october + 1) - calendar.start_of_month(october)
    assert length == (31 * 24 + 1) * HOUR


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
        months = [month_of(instant, name) for name in ("", zone)]
        assert months[0] == months[1]
        assert len({Zone.named(name).start_of_month(months[0]) for name in ("", zone)}) == 1
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()
