"""Which Python the hooks are wired to: the real base interpreter, never a shim, a venv or a throw-away copy."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBE = "import sys; sys.stdout.write(sys.executable) if sys.version_info >= (3, 9) else sys.exit(1)"
CACHE_FOLDERS = frozenset((".cache", "caches", "cache", "uv-cache"))
PROBE_SECONDS = 30


def base_interpreter() -> Path:
    """The interpreter that our own environment stands on, as an absolute path that starts by itself.

    A virtual environment would add milliseconds and may be deleted; a pyenv or asdf shim is a shell script
    that costs several times the hook itself. Raises InputError when none works, or all are throw-away copies.
    """
    for candidate in _candidates():
        found = _started(candidate)
        if found is not None and throwaway(found) is None:
            return found
    reason = throwaway(Path(sys.executable)) or "no interpreter of this environment starts with -I -S"
    raise InputError(
        f"{reason}. Install GAIA Token Budget with a Python that stays, for instance: python3 install.py",
        slug="python-passes",
    )


def refuse_throwaway_environment() -> None:
    """Raise InputError when this program itself runs from a cache that the next clean-up empties."""
    reason = throwaway(Path(sys.prefix))
    if reason is not None:
        raise InputError(
            f"{reason}. What is wired must outlive this command: install GAIA Token Budget for good "
            "(python3 install.py, uv tool install, pipx install) and run init from there",
            slug="python-passes",
        )


def throwaway(path: Path) -> str | None:
    """Why a path will not last (uvx, pipx run, a temporary folder), or None.

    A temporary folder counts only where our state folder is not in it too: a trial in a temporary home is fine.
    """
    place, temporary = places.real(path), places.real(Path(tempfile.gettempdir()))
    if place.is_relative_to(temporary) and not places.real(places.home()).is_relative_to(temporary):
        return f"{path} is in the temporary folder {temporary}"
    uv_cache = os.environ.get("UV_CACHE_DIR")
    if uv_cache and place.is_relative_to(places.real(Path(uv_cache))):
        return f"{path} is in uv's cache"
    home = places.real(Path.home())
    below_home = place.relative_to(home).parts if place.is_relative_to(home) else ()
    if CACHE_FOLDERS.intersection(part.lower() for part in below_home):
        return f"{path} is in a cache folder (as uvx and pipx run make it)"
    return None


def _candidates() -> Iterator[Path]:
    base = getattr(sys, "_base_executable", "") or sys.executable
    yield Path(base)
    yield places.real(Path(base))
    yield Path(sys.executable)


def _started(candidate: Path) -> Path | None:
    """What the interpreter says it is when started as a hook is; a shim names the program behind it."""
    try:
        answer = subprocess.run(
            [str(candidate), "-I", "-S", "-c", PROBE],
            capture_output=True,
            timeout=PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    named = Path(os.fsdecode(answer.stdout.strip()))
    if answer.returncode or not named.is_absolute() or not named.exists():
        return None
    return named
