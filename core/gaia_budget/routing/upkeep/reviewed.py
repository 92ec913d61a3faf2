"""When `prices check` was last read, and what it said then: the reminder to review waits until there is news.

`reviewed.json` in the state folder holds a day and a checksum, nothing else.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget import places

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.routing.upkeep.review import Review


class Mark(NamedTuple):
    """The day of the last look, and the `checksum` of what it showed."""

    day: date
    checksum: str


def file() -> Path:
    """Where the mark lies. It may not exist."""
    return places.home() / "reviewed.json"


def last() -> Mark | None:
    """The last look; None where nobody ever looked, or the file tells nothing."""
    try:
        kept = json.loads(file().read_text("utf-8"))
        return Mark(date.fromisoformat(kept["day"]), str(kept["checksum"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note(found: Review, today: date) -> None:
    """Remember that this was shown. A state folder that cannot be written only brings the reminder back."""
    from gaia_hooks.machine import files

    content = {"day": today.isoformat(), "checksum": checksum(found)}
    places.ensure_home()
    files.replace(str(file()), json.dumps(content).encode())


def checksum(found: Review) -> str:
    """What a review says of models and prices; it must be one without this month's usage."""
    said = [
        [
            [one.provider, one.name, one.today.model, *map(str, one.percent_today.values())]
            for one in found.drift
        ],
        [[one.model, one.on.isoformat()] for one in found.coming],
        [[name, successor] for name, _, successor in found.retired],
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
