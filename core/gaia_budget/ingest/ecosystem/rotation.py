"""Rotating logs by the ecosystem's rule: at 10 MB `x.jsonl` becomes `x.jsonl.1`, and five of those are kept.

Only logs in which every line is ours: who else writes one may hold it open, and rotates it himself. Only what the
ledger has taken in, to the last byte. Files are renamed under the log's lock, so that no line of ours falls between
two files and a hook that looks for its own lines finds the file again by its identity; a rotation that was killed
leaves a gap in the numbers, which the next one fills.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gaia_hooks.machine import files

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.argus.reading import LogBookmark
    from gaia_budget.ingest.ecosystem.logs import Logs

MOST_BYTES = 10_000_000
KEPT = 5
ATTEMPTS = 3  # a log that others append to: what came meanwhile is taken in first
LOCK_SECONDS = 1.0


def rotate(logs: Logs) -> None:
    """Rotate what has grown too large; what cannot be renamed now is reported and left to the next run."""
    for path in sorted(logs.folder.glob("*.jsonl")):
        if files.size_of(str(path)) < MOST_BYTES:
            continue
        try:
            if any(_rotated(logs, path) for _ in range(ATTEMPTS)):
                logs.report.rotated.append(str(path))
        except OSError as error:
            logs.report.skip(path, 0, f"not rotated: {error.strerror or error}")


def _rotated(logs: Logs, path: Path) -> bool:
    """Move a log and its elders up by one; False where some of it is not ours, or not taken in yet."""
    places = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, KEPT + 1))]
    logs.take_in_one(path, logs.bookmarks([path]).get(path))
    marks = logs.bookmarks(places)
    with files.Lock(f"{path}.lock", LOCK_SECONDS):
        if files.size_of(str(path)) < MOST_BYTES:
            return False  # another run was quicker
        there = [place for place in places if place.exists()]
        if not all(_is_taken_in(place, marks.get(place)) for place in there):
            return False
        gap = next((number for number, place in enumerate(places) if place not in there), KEPT)
        for number in range(gap, 0, -1):
            os.replace(places[number - 1], places[number])  # noqa: PTH105 (as plain as it is atomic)
    logs.set_bookmarks({places[number]: marks[places[number - 1]] for number in range(gap, 0, -1)})
    return True


def _is_taken_in(path: Path, mark: LogBookmark | None) -> bool:
    if mark is None or not mark.ours:
        return False
    status = path.stat()
    return mark.position.is_current(status) and mark.position.offset == status.st_size
