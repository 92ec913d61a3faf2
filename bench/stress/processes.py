"""The processes of a run: what they hold, and that none of them outlives it (all but the first by /proc, on Linux)."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

INSIDE = "GAIA_STRESS_FOLDER"
PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 10.0  # what ends by itself, as pytest and PostgreSQL do, is given that long
ENDING = (
    (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if os.name != "nt" else (signal.SIGTERM, signal.SIGINT)
)


class Weight(NamedTuple):
    """What a process holds: megabytes and file handles; and what a folder does: files and megabytes."""

    memory: int
    handles: int
    files: int = 0
    disk: int = 0


def run_guarded(program: list[str]) -> int:
    """Run a program in a folder of its own; whatever it has started ends with it, however it or this one ends.

    What loses its parent comes to us (a subreaper), so that all is below us. The program notices by its closed
    stdin that we are gone, and then does the same.
    """
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    folder = tempfile.mkdtemp(prefix="gaia-stress-")
    os.chmod(folder, 0o711)  # tests go on as another user in folders below
    for one in ENDING:
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    try:
        child = subprocess.Popen(program, stdin=subprocess.PIPE, env={**os.environ, INSIDE: folder})
        while True:
            process, status = os.wait()  # the orphans that came to us, too
            if process == child.pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                return child.returncode
    finally:
        for one in ENDING:
            signal.signal(one, signal.SIG_IGN)
        end(os.getpid())
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def guarded() -> Iterator[Path]:
    """The run's folder, inside: whatever was started meanwhile ends with it, and it when the guard is gone."""
    folder = Path(os.environ[INSIDE])

    def leave() -> None:
        end(os.getpid())
        shutil.rmtree(folder, ignore_errors=True)

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGINT)
        leave()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield folder
    finally:
        leave()


def end(above: int) -> None:
    """End all that is below a process: asked first, then killed."""
    patience = time.monotonic() + PATIENCE
    _signal(below(above), signal.SIGINT)
    while found := below(above):
        if time.monotonic() > patience:
            _signal(found, signal.SIGKILL)
        time.sleep(0.1)


def _signal(processes: Iterable[int], number: int) -> None:
    for one in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, number)


def below(above: int) -> set[int]:
    """All that descends from a process and still runs."""
    parents, found = {}, {above}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(place.name)] = int(parent)
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {above}


def orphans(patience: float = 20) -> set[int]:
    """What lost its parent and goes on, as long as it may need to notice that it is alone."""
    until = time.monotonic() + patience
    while True:
        found = below(os.getppid()) - below(os.getpid()) - {os.getpid()}
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.2)


def held(process: int | str, folder: Path | None = None) -> Weight:
    """A process's weight, with a folder's; zeros where it has just ended."""
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder else []
    place = Path(f"/proc/{process}")
    try:
        status = dict(
            line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line
        )
        memory, handles = int(status["VmRSS"].split()[0]) >> 10, len(list((place / "fd").iterdir()))
    except (OSError, KeyError):
        memory = handles = 0
    return Weight(memory, handles, len(files), sum(files) // 1_000_000)
