"""The short name that people type: made by `init` where `install.py` has put the program, taken out by the undo."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gaia_budget import places
from gaia_budget.setup.installing import environment

NAME = "gaia-budget"


def wanted() -> tuple[Path | None, list[str]]:
    """Where the short name is to be made, if it has to be; and what is to be said about it."""
    place = _place()
    if place is None or _is_ours(place):
        return None, []
    if place.exists():
        return None, [f"{place} is not ours and stays as it is; ours is {environment.program()}"]
    return place, []


def ours() -> Path | None:
    """The short name, where it is there and starts this very program."""
    place = _place()
    return place if place is not None and _is_ours(place) else None


def off_the_path() -> tuple[str, str] | None:
    """Where the short name is not on this terminal's PATH: how the program is called, and the line that mends it."""
    if not _installed():
        return None
    place = ours()
    if place is None:
        return f"the command is {environment.program()}", ""
    if str(place.parent) in os.environ.get("PATH", "").split(os.pathsep):
        return None
    said = "its short name is not on your PATH yet; this line, also in your shell's start-up file, puts it there:"
    return said, 'export PATH="$HOME/.local/bin:$PATH"'


def make(place: Path) -> None:
    """Make it; where its folder cannot be written the program has its long name alone."""
    program = environment.program()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if environment.WINDOWS:
            place.write_bytes(f'@"{in_batch(program)}" %*\r\n'.encode("oem" if os.name == "nt" else "utf-8"))
            return
        place.unlink(missing_ok=True)  # one that leads nowhere
        place.symlink_to(program)
    except OSError:
        return


def in_batch(program: Path) -> str:
    """A path as a .cmd file names it: a user's name with umlauts comes from the environment, not from the file."""
    path, local = str(program).replace("%", "%%"), os.environ.get("LOCALAPPDATA", "")
    return "%LOCALAPPDATA%" + path[len(local) :] if local and path.startswith(local) else path


def _installed() -> bool:
    """Whether this program is the one that `install.py` has put there."""
    return places.real(Path(sys.prefix)) == places.real(environment.folder())


def _place() -> Path | None:
    """Where a short name would lie; None where this machine has no folder for it, or the program came another way."""
    if not _installed():
        return None
    if not environment.WINDOWS:
        return Path.home() / ".local" / "bin" / NAME
    folder = Path(os.environ.get("LOCALAPPDATA", "")) / "Microsoft" / "WindowsApps"
    on_path = {os.path.normcase(part.rstrip("\\")) for part in os.environ.get("PATH", "").split(os.pathsep)}
    return folder / f"{NAME}.cmd" if os.path.normcase(str(folder)) in on_path else None


def _is_ours(place: Path) -> bool:
    if environment.WINDOWS:
        return place.is_file() and f"{NAME}.exe" in place.read_text("utf-8", "replace")
    return place.is_symlink() and places.real(place) == places.real(environment.program())
