"""A subscription's windows as Claude Code last showed them: how full, when they reset, when they would be full.

They are seen by the status line alone, which keeps them with their age in `plan.json`; credentials and account
endpoints are never read.
"""

from gaia_hooks import clock, files, jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LENGTHS = {"five_hour": 5 * 3600 * clock.MICRO, "seven_day": 7 * 86400 * clock.MICRO}  # microseconds
THINNEST_SHARE = 0.02  # of a window that must have passed before its pace says anything


def path_of(home: str) -> str:
    """Where the windows are kept."""
    return files.join(home, "plan.json")


def keep(home: str, limits: object, now: int) -> None:
    """Keep what the status line was told, where it differs from what is kept. Raises OSError."""
    windows = dict(_windows(limits))
    if windows:
        kept = read(home)
        if {name: kept.get(name) for name in windows} != windows:
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


def read(home: str) -> "dict[str, Any]":
    """Each window's `percent` and `resets_at`, and `as_of`, in microseconds; empty where none was ever seen."""
    try:
        kept = jsonio.loads(files.read(path_of(home)))
    except (OSError, ValueError):
        return {}
    return kept if type(kept) is dict else {}


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
