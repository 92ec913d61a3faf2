"""Instants as integer microseconds since the epoch (UTC), without `datetime`, which a hook cannot afford."""

import time

MICRO = 1_000_000
MOST_KNOWN = 1000
_known: "dict[str, int]" = {}  # seconds by hour: the rows of a transcript share theirs


def now() -> int:
    """This instant."""
    return time.time_ns() // 1000


def worked() -> int:
    """The processor time of this process so far, its start included."""
    return time.process_time_ns() // 1000


def started() -> int:
    """When this machine was started, in seconds since the epoch; later by as long as it has slept."""
    return int(time.time() - time.monotonic())


def parse(text: str) -> "int | None":
    """An ISO 8601 instant such as `2026-11-23T15:27:13.709Z`; without an offset it is UTC. None when it is none."""
    try:
        hour = text[:13]
        seconds = _known.get(hour)
        if seconds is None:
            days = _days(int(text[0:4]), int(text[5:7]), int(text[8:10]))
            seconds = days * 86400 + int(text[11:13]) * 3600
            if len(_known) < MOST_KNOWN:
                _known[hour] = seconds
        seconds += int(text[14:16]) * 60 + int(text[17:19])
        if text[23:] == "Z" and text[19] == "." and text[20:23].isdigit():  # as the client writes all of them
            return seconds * MICRO + int(text[20:23]) * 1000
        rest, fraction = text[19:], 0
        if rest[:1] in (".", ","):
            digits = len(rest) - 1 if rest[1:-1].isdigit() else 1  # all of them, as a rule, and a Z
            while rest[digits : digits + 1].isdigit():
                digits += 1
            fraction = int(rest[1:digits][:6].ljust(6, "0"))
            rest = rest[digits:]
        return (seconds - _offset(rest)) * MICRO + fraction
    except ValueError:
        return None


def _offset(zone: str) -> int:
    if zone in ("", "Z", "z"):
        return 0
    sign = {"+": 1, "-": -1}.get(zone[0])
    if sign is None:
        raise ValueError(zone)
    digits = zone[1:].replace(":", "")
    return sign * (int(digits[0:2]) * 3600 + int(digits[2:4] or 0) * 60)


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms")."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise ValueError("no date")
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def iso(micros: int) -> str:
    """An instant as ISO 8601 with a numeric offset, which every Python's `fromisoformat` reads."""
    seconds, fraction = divmod(micros, MICRO)
    return "%04d-%02d-%02dT%02d:%02d:%02d" % time.gmtime(seconds)[:6] + ".%06d+00:00" % fraction
