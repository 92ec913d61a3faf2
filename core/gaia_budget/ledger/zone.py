"""Days and months of the ledger's time zone as small integers, fast enough for every event of an ingest.

A day is the number of days since 1970-01-01 of the local date; a month is `year * 12 + month - 1`. Offsets from
UTC change on quarter hours only (true of every zone since 1972), so one look-up per quarter hour is enough.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Self

from gaia_budget.errors import InputError
from gaia_hooks.facts import names

MICRO = 1_000_000
QUARTER = 900 * MICRO
HOUR = 3600 * MICRO
DAY = 86_400 * MICRO
EPOCH = date(1970, 1, 1)
FIRST_INSTANT, LAST_INSTANT = -62_104_060_800 * MICRO, 253_370_764_799 * MICRO
NO_END = 2**62
"""Behind every instant."""
_RELATIVE = re.compile(r"(\d{1,6})\s*([hdw])")  # longer ones are no numbers that time has
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
When = int | date | datetime | str | None


def micros(moment: datetime) -> int:
    """An aware datetime as UTC microseconds since the epoch."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


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


class Zone:
    """The calendar that days and months follow. `is_summed`: those that a ledger's sums are of follow it, too."""

    def __init__(self, zone: tzinfo, *, is_summed: bool = True) -> None:
        self.tzinfo, self.is_summed = zone, is_summed
        self._places: dict[int, tuple[int, int]] = {}
        self._months: dict[int, int] = {}

    @classmethod
    def named(cls, name: str) -> Self:
        """The calendar of a time zone by its IANA name; empty: the system's."""
        from zoneinfo import ZoneInfo

        return cls(ZoneInfo(name) if name else SystemZone())

    def local(self, ts: int) -> datetime:
        """The local time of an instant; of the years 2 to 9998, which every zone can tell."""
        ts = max(FIRST_INSTANT, min(ts, LAST_INSTANT))
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts)).astimezone(self.tzinfo)

    def offset(self, ts: int) -> int:
        """Offset from UTC in microseconds at an instant."""
        return (self.local(ts).utcoffset() or timedelta()) // timedelta(microseconds=1)

    def day_and_month(self, quarter: int) -> tuple[int, int]:
        """The local day and month of a quarter hour (`ts // QUARTER`)."""
        found = self._places.get(quarter)
        if found is None:
            local = self.local(quarter * QUARTER)
            found = ((local.date() - EPOCH).days, local.year * 12 + local.month - 1)
            self._places[quarter] = found
        return found

    def hour_name(self, hour: int) -> str:
        """The local time at which an hour since the epoch begins, such as `2026-11-23T14:00-06:00`."""
        return self.local(hour * HOUR).isoformat(timespec="minutes")

    def start_of_day(self, day: date) -> int:
        """The first instant of a local date."""
        return micros(datetime(day.year, day.month, day.day, tzinfo=self.tzinfo).astimezone(UTC))

    def start_of_month(self, month: int) -> int:
        """The first instant of a month."""
        found = self._months.get(month)
        if found is None:
            found = self._months[month] = self.start_of_day(first_of(month))
        return found

    def periods(self, since: int, until: int) -> list[tuple[int, int, int]]:
        """The stretches of one offset in [since, until) as (start, end, offset), all in microseconds."""
        found: list[tuple[int, int, int]] = []
        start, offset = since, self.offset(since)
        while start < until:
            end = self._end_of_offset(start, until, offset)
            found.append((start, end, offset))
            start, offset = end, self.offset(end)
        return found

    def _end_of_offset(self, start: int, until: int, offset: int) -> int:
        probe = start
        while probe < until and self.offset(probe) == offset:
            probe += 7 * DAY  # no zone changes twice within a week
        if probe >= until and self.offset(until - 1) == offset:
            return until
        low, high = max(start, probe - 7 * DAY), min(probe, until - 1)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == offset:
                low = middle
            else:
                high = middle
        return high

    def fingerprint(self) -> str:
        """The offsets of every January and July of 2015-2040: equal for zones with the same calendar."""
        halves = [(year, month) for year in range(2015, 2041) for month in (1, 7)]
        offsets = [self.offset(micros(datetime(year, month, 1, tzinfo=UTC))) for year, month in halves]
        runs = [
            f"{year}-{month}:{offset // MICRO}" for (year, month), offset in zip(halves, offsets, strict=True)
        ]
        kept = [run for i, run in enumerate(runs) if i < 2 or offsets[i] != offsets[i - 2]]
        return " ".join(kept)

    def instant(self, when: When, now: int, *, end: bool = False) -> int | None:
        """What a user means by a point in time, as UTC microseconds; None stays None.

        Dates are local days; with `end` a date means its last instant, so that `until` includes it. Text may be
        `2026-11`, `2026-11-23`, an ISO date and time (without an offset: local), `36h`, `7d`, `2w` (ago),
        `today`, `yesterday` or `month`. Raises InputError.
        """
        if when is None or type(when) is int:
            return when
        if isinstance(when, datetime):
            return micros((when if when.tzinfo else when.replace(tzinfo=self.tzinfo)).astimezone(UTC))
        if isinstance(when, date):
            return self.start_of_day(when + timedelta(days=1) if end else when)
        return self._read(str(when).strip(), now, end=end)

    def _read(self, text: str, now: int, *, end: bool) -> int | None:
        today = self.local(now).date()
        named = {"today": today, "yesterday": today - timedelta(days=1), "month": today.replace(day=1)}
        if text.lower() in named:
            return self.instant(named[text.lower()], now, end=end)
        if relative := _RELATIVE.fullmatch(text.lower()):
            ago: timedelta = int(relative[1]) * _UNITS[relative[2]]
            return max(FIRST_INSTANT, now - ago // timedelta(microseconds=1))
        try:
            if re.fullmatch(r"\d{4}-\d{2}", text):
                month = int(text[:4]) * 12 + int(text[5:]) - 1
                return self.start_of_month(month + 1 if end else month)
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
                return self.instant(date.fromisoformat(text), now, end=end)
            return self.instant(datetime.fromisoformat(text), now, end=end)
        except (ValueError, OverflowError):
            raise InputError(
                f"{names.shown(text)!r} is no point in time. Valid: 2026-11-23, 2026-11, 2026-11-23T14:30, 7d, 36h, "
                "2w, today, yesterday, month",
                slug="not-valid",
            ) from None


def bucket(zone: Zone, grain: str, ts: int) -> int:
    """The bucket of a grain that an instant falls in."""
    if grain == "hour":
        return ts // HOUR
    local = zone.local(ts)
    return local.year * 12 + local.month - 1 if grain == "month" else (local.toordinal() - 719_163)


def iso(ts: int | None) -> str | None:
    """UTC microseconds as ISO 8601."""
    from gaia_hooks.machine import clock

    return None if ts is None else clock.iso(ts)


def first_of(month: int) -> date:
    """The first local date of a month."""
    return date(month // 12, month % 12 + 1, 1)


def month_name(month: int) -> str:
    """ISO form, such as `2026-11`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def day_name(day: int) -> str:
    """ISO form, such as `2026-11-23`."""
    return (EPOCH + timedelta(days=day)).isoformat()


def week_name(day: int) -> str:
    """The ISO week of a day, such as `2026-W48`."""
    year, week, _ = (EPOCH + timedelta(days=day)).isocalendar()
    return f"{year:04d}-W{week:02d}"
