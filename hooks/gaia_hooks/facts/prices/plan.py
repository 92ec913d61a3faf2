"""What Claude Code shows to its status line alone, kept with its age: a plan's windows, the context, the cache.

The windows of a subscription (how full, when they reset, when they would be full) are the user's and lie in
`plan.json`; context and cache are the session's and lie in its state. Credentials and account endpoints are never
read.
"""

import time

from gaia_hooks.machine import clock, files, jsonio, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

LENGTHS = {"five_hour": 5 * 3600 * clock.MICRO, "seven_day": 7 * 86400 * clock.MICRO}  # microseconds
REFRESHED = 60 * clock.MICRO  # what has not changed is kept anew after this long, so that its age is true
THINNEST_SHARE = 0.02  # of a window that must have passed before its pace says anything
MOST_PERCENT = 200  # what is shown as full; beyond, a figure is no share
EARLIEST_MS, LATEST_MS = 10**11, 10**13  # seconds of the year 5138, milliseconds of 1973; of the year 2286
MARK_STEP = 4  # percent between two marks of how a window filled
EVEN_WEEK = (1.0,) * 7
DAY = 86_400 * clock.MICRO
PAID_BY_API = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
)


def path_of(home: str) -> str:
    """Where the windows are kept."""
    return files.join(home, "plan.json")


def keep(home: str, limits: object, now: int) -> None:
    """Keep what the status line was told, where it differs from what is kept or that is old. Raises OSError."""
    windows = dict(windows_of(limits, now))
    if windows:
        kept = read(home)
        same = {name: kept.get(name) for name in windows} == windows
        if not same or not 0 <= now - kept.get("as_of", 0) < REFRESHED:
            before = kept.get("marks")
            marks = before if type(before) is dict else {}
            for name, window in windows.items():
                marks[name] = _marked(marks.get(name) or [], name, kept.get(name), window, now)
            kept.update(windows, as_of=now, marks=marks)
            files.replace(path_of(home), jsonio.dumps(kept), durable=False)


def note_payment(home: str, now: int) -> None:
    """Keep that Claude Code runs with an API key or a cloud's account, once a day. Raises OSError."""
    if any(system.variable(name) for name in PAID_BY_API):
        kept = read(home)
        if not 0 <= now - kept.get("api_key_at", 0) < DAY:
            kept["api_key_at"] = now
            files.replace(path_of(home), jsonio.dumps(kept), durable=False)


def _marked(
    marks: "list[list[Any]]", name: str, before: "dict[str, Any] | None", window: "dict[str, Any]", now: int
) -> "list[list[Any]]":
    """How the window filled so far: [instant, percent] at every few percent; anew when it has been reset."""
    was, ends, percent = (before or {}).get("resets_at"), window["resets_at"], window["percent"]
    moved = was is not None and ends is not None and abs(was - ends) > LENGTHS[name] // 10
    if marks and (moved or percent < marks[-1][1]):
        marks = []
    if not marks or percent >= marks[-1][1] + MARK_STEP:
        marks.append([now, percent])
    return marks


def windows_of(limits: object, now: int) -> "list[tuple[str, dict[str, Any]]]":
    """The windows that a status line was told of, without shares and instants that can be none."""
    found = []
    for name, length in LENGTHS.items():
        window = limits.get(name) if isinstance(limits, dict) else None
        percent = percent_of(window.get("used_percentage")) if isinstance(window, dict) else None
        if isinstance(window, dict) and percent is not None:
            resets = _instant(window.get("resets_at"))
            if resets is not None and resets > now + 2 * length:
                resets = None
            found.append((name, {"percent": percent, "resets_at": resets}))
    return found


def percent_of(value: "Any") -> "float | None":
    """A share that can be one: some clients send an instant there, -1 for unknown, or a little more than all."""
    if type(value) not in (int, float) or not 0 <= value < MOST_PERCENT:
        return None
    share: float = 100 if value > 100 else value
    return share


def _instant(value: "Any") -> "int | None":
    """An instant in microseconds, of seconds or milliseconds since the epoch."""
    if type(value) not in (int, float) or not 0 < value < LATEST_MS:
        return None
    return int(value * (clock.MICRO if value < EARLIEST_MS else 1000))


def shown(payload: "dict[str, Any]", now: int) -> "dict[str, Any]":
    """What a status line's payload tells of the session's context and cache; instants in microseconds."""
    found: "dict[str, Any]" = {"as_of": now}
    window, cache = payload.get("context_window"), payload.get("prompt_cache")
    percent = percent_of(window.get("used_percentage")) if isinstance(window, dict) else None
    if percent is not None:
        found["context_percent"] = percent
    if isinstance(cache, dict) and isinstance(cache.get("warm"), bool):
        expires, cause = cache.get("expires_at"), cache.get("last_miss_cause")
        found["cache_warm"] = cache["warm"]
        found["cache_expires_at"] = _instant(expires)
        found["cache_miss_cause"] = cause if isinstance(cause, str) else None
    return found


def read(home: str) -> "dict[str, Any]":
    """Each window's `percent` and `resets_at`, `as_of`, `marks` and `api_key_at`, in microseconds; what was never
    seen is absent.
    """
    try:
        kept = jsonio.loads(files.read(path_of(home)))
    except (OSError, ValueError):
        return {}
    return kept if type(kept) is dict and isinstance(kept.get("as_of", 0), int) else {}


def week_of(policy: "dict[str, Any]") -> "Sequence[float]":
    """Each weekday's share of a mean day's work, Monday first, as the core saw it; even where it knows too little."""
    found = policy.get("week")
    return found if type(found) is list and len(found) == len(EVEN_WEEK) else EVEN_WEEK


def reached_at(
    name: str, window: "dict[str, Any]", as_of: int, week: "Sequence[float]" = EVEN_WEEK
) -> "int | None":
    """When a window is full at the pace it has had since it began; None when it resets before, or too early to say.

    `week` (`week_of`) is how the user works: a weekend ahead is no working week. Windows of hours do without it.
    """
    week = week if name == "seven_day" else EVEN_WEEK
    left = _left(name, window, as_of, week)
    if left is None:
        return None
    for start, end, weight in _days(as_of, window["resets_at"], week):
        if left <= (end - start) * weight:
            return start + (int(left / weight) if weight > 0 else 0)
        left -= (end - start) * weight
    return None


def percent_at_reset(
    name: str, window: "dict[str, Any]", as_of: int, week: "Sequence[float]" = EVEN_WEEK
) -> "float | None":
    """How full a window will be when it resets, at the pace it has had; None when it is too early to say."""
    percent: float = window["percent"]
    week = week if name == "seven_day" else EVEN_WEEK
    if _left(name, window, as_of, week) is None:
        return None
    done, ahead = (
        _work(window["resets_at"] - LENGTHS[name], as_of, week),
        _work(as_of, window["resets_at"], week),
    )
    return percent * (1 + ahead / done)


def _left(name: str, window: "dict[str, Any]", as_of: int, week: "Sequence[float]") -> "float | None":
    """The work that fills the rest of a window, in microseconds of a mean day; None when nobody can say."""
    resets, percent = window.get("resets_at"), window["percent"]
    if resets is None or percent <= 0:
        return None
    began = resets - LENGTHS[name]
    if began < 0 or as_of - began < THINNEST_SHARE * LENGTHS[name]:
        return None
    done = _work(began, as_of, week)
    if done <= 0:
        return None
    return done * (100 - float(percent)) / float(percent)


def _work(start: int, end: int, week: "Sequence[float]") -> float:
    return sum((until - begin) * weight for begin, until, weight in _days(start, end, week))


def _days(start: int, end: int, week: "Sequence[float]") -> "Iterator[tuple[int, int, float]]":
    """The local days of a stretch of time: (start, end, share of the weekday)."""
    while start < end:
        local = time.localtime(start // clock.MICRO)
        into = (local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec) * clock.MICRO
        until = min(end, start + max(clock.MICRO, DAY - into))
        yield start, until, week[local.tm_wday]
        start = until
