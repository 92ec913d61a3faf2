"""Calendar months in a time zone: budgets follow the user's month, whatever zone the instants are stored in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple


class Month(NamedTuple):
    """A calendar month in a zone; `start` is its first instant and `end` the first of the next month, in UTC."""

    year: int
    month: int
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """ISO form, such as `2026-11`."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def resets_on(self) -> date:
        """The local day on which the month's budgets begin anew."""
        return date(self.year + self.month // 12, self.month % 12 + 1, 1)


def month_of(instant: datetime, zone: tzinfo) -> Month:
    """The month that an aware instant falls in, as the calendar of the zone has it."""
    local = instant.astimezone(zone)
    year, month = local.year, local.month
    start = datetime(year, month, 1, tzinfo=zone)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return Month(year, month, start.astimezone(UTC), end.astimezone(UTC))


class SystemZone(tzinfo):
    """The system's own time zone with its past and future offsets, from the C library.

    `datetime.astimezone()` alone gives a fixed offset, which is wrong on the other side of a clock change.
    """

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """The offset in force at a local time."""
        if moment is None:
            return None
        return moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Unknown: the C library tells the whole offset only."""
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """The zone's abbreviation at a local time."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        """Local time of a UTC instant; `fold` tells the second of two equal local times."""
        local = moment.replace(tzinfo=UTC).astimezone()
        ours = local.replace(tzinfo=self)
        return ours if ours.utcoffset() == local.utcoffset() else ours.replace(fold=1)

    def __repr__(self) -> str:
        return "SystemZone()"
