"""What lies below a folder of a project, looked through within bounds: a clone can link to anywhere, and to itself."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SKIPPED_FOLDERS = {".git", "node_modules", ".venv", "venv", "__pycache__", ".tox", "dist", "build", "target"}
MOST = 20_000
"""Files and folders that are looked at."""
ANY_DEPTH = "**"
_PATTERN = re.compile(r"[\w.@*()\[\]+-]+(?:/[\w.@*()\[\]+-]+)*")


def below(folder: Path) -> Iterator[str]:
    """Files and folders below a folder as paths from there, the first `MOST` of them; links to folders are not entered.

    What cannot be read has nothing in it.
    """
    left = MOST
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        within = os.path.relpath(place, folder).replace(os.sep, "/").removeprefix(".").removeprefix("/")
        for name in (*folders, *sorted(files)):
            yield f"{within}/{name}" if within else name
            left -= 1
            if not left:
                return


def is_pattern(name: str) -> bool:
    """Whether a name can be a pattern of paths."""
    parts = name.split("/")
    return bool(_PATTERN.fullmatch(name)) and not any(
        part == ".." or (ANY_DEPTH in part and part != ANY_DEPTH) for part in parts
    )


def has(folder: Path, pattern: str) -> bool:
    """Whether something below a folder fits a pattern."""
    wanted = pattern.split("/")
    return any(fits(name.split("/"), wanted) for name in below(folder))


def fits(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a path fits a pattern, in time that grows with both lengths and no faster."""
    at = _onward({0}, wanted)
    for part in parts:
        at = _onward({there for here in at for there in _after(here, part, wanted)}, wanted)
    return len(wanted) in at


def _after(here: int, part: str, wanted: Sequence[str]) -> Iterator[int]:
    if here < len(wanted):
        if wanted[here] == ANY_DEPTH:
            yield here
        elif fnmatchcase(part, wanted[here]):
            yield here + 1


def _onward(places: set[int], wanted: Sequence[str]) -> set[int]:
    """With the places that are reached without a further part: `**` stands for none as well."""
    for here in sorted(places):
        while here < len(wanted) and wanted[here] == ANY_DEPTH:
            here += 1
            places.add(here)
    return places
