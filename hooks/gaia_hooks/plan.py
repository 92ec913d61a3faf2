"""What Claude Code shows to its status line alone, kept with its age: a plan's windows, the context, the cache.

The windows of a subscription (how full, when they reset, when they would be full) are the user's and lie in
`plan.json`; context and cache are the session's and lie in its state. Credentials and account endpoints are never
read.
"""

from gaia_hooks import clock, files, jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LENGTHS = {"five_hour": 5 * 3600 * clock.MICRO, "seven_day": 7 * 86400 * clock.MICRO}  # microseconds
REFRESHED = 60 * clock.MICRO  # what has not changed is kept anew after this long, so that its age is true
THINNEST_SHARE = 0.02  # of a window that must have passed before its pace says anything


def path_of(home: str) -> str:
    """Where the windows are kept."""
    return files.join(home, "plan.json")


def keep(home: str, limits: object, now: int) -> None:
    """Keep what the status line was told, where it differs from what is kept or that is old. Raises OSError."""
    windows = dict(_windows(limits))
    if windows:
        kept = read(home)
        same = {name: kept.get(name) for name in windows} == windows
        if not same or not 0 <= now - kept.get("as_of", 0) < REFRESHED:
            files.replace(path_of(home), jsonio.dumps(dict(kept, as_of=now, **windows)), durable=False)


def _windows(limits: object) -> "list[tuple[str, dict[str, Any]]]":
    found = []
    for name in LENGTHS:
        window = limits.get(name) if isinstance(limits, dict) else None
        percent = window.get("used_percentage") if isinstance(window, dict) else None
        if isinstance(window, dict) and isinstance(percent, (int, float)):
            resets = window.get("resets_at")
            at = int(resets * clock.MICRO) if isinstance(resets, (int, float)) else None
            found.append((name, {"percent": percent, "resets_at": at}))
    return found


def shown(payload: "dict[str, Any]", now: int) -> "dict[str, Any]":
    """What a status line's payload tells of the session's context and cache; instants in microseconds."""
    found: "dict[str, Any]" = {"as_of": now}
    window, cache = payload.get("context_window"), payload.get("prompt_cache")
    if isinstance(window, dict) and isinstance(window.get("used_percentage"), (int, float)):
        found["context_percent"] = window["used_percentage"]
    if isinstance(cache, dict) and isinstance(cache.get("warm"), bool):
        expires, cause = cache.get("expires_at"), cache.get("last_miss_cause")
        found["cache_warm"] = cache["warm"]
        found["cache_expires_at"] = int(expires * clock.MICRO) if isinstance(expires, (int, float)) else None
        found["cache_miss_cause"] = cause if isinstance(cause, str) else None
    return found


def read(home: str) -> "dict[str, Any]":
    """Each window's `percent` and `resets_at`, and `as_of`, in microseconds; empty where none was ever seen."""
    try:
        kept = jsonio.loads(files.read(path_of(home)))
    except (OSError, ValueError):
        return {}
    return kept if type(kept) is dict and isinstance(kept.get("as_of"), int) else {}


def reached_at(name: str, window: "dict[str, Any]", as_of: int) -> "int | None":
    """When a window is full at the pace it has had since it began; None when it resets before, or too early to say."""
    resets, percent = window.get("resets_at"), window["percent"]
    if resets is None or percent <= 0:
        return None
    passed = as_of - (resets - LENGTHS[name])
    if passed < THINNEST_SHARE * LENGTHS[name]:
        return None
    full = as_of + int(passed * (100 - percent) / percent)
    return full if full < resets else None
