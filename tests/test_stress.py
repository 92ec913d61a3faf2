"""The stress run in small: hook calls of fifty sessions beside everything else, with kills, end in zeros."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.components import requires

STRESS = Path(__file__).parent.parent / "bench" / "stress"
RUN = [sys.executable, str(STRESS), "--part", "500", "--no-proofs"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left in /proc")


def ours(folder: Path) -> list[str]:
    """The processes that work in a folder or below."""
    mark = os.fsencode(folder)
    return [
        place.name
        for place in Path("/proc").glob("[0-9]*")
        if mark in _environment(place) and place.name != str(os.getpid())
    ]


def _environment(place: Path) -> bytes:
    try:
        return (place / "environ").read_bytes()
    except OSError:
        return b""


@requires("postgresql")
def test_nothing_is_lost_doubled_or_decided_wrongly_while_everything_runs_and_is_killed(
    tmp_path: Path,
) -> None:
    done = subprocess.run(RUN, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("traffic, ")]
    assert len(rows) == 2, done.stdout
    for row in rows:
        calls, kills, *zeros = map(int, row.split()[2:])
        assert (calls, zeros) == (100, [0] * 7)
        assert kills > 0


@pytest.mark.parametrize(
    ("number", "who"), [(signal.SIGTERM, "guard"), (signal.SIGKILL, "guard"), (signal.SIGKILL, "run")]
)
def test_whatever_it_has_started_ends_with_it(tmp_path: Path, number: int, who: str) -> None:
    place = tmp_path / "stress"
    place.mkdir()
    environment = {**os.environ, "TMPDIR": str(place)}
    guard = subprocess.Popen(RUN, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    assert guard.stdout
    for line in guard.stdout:  # hooks and what runs beside them are under way
        if " calls in " in line:
            break
    inside = Path(f"/proc/{guard.pid}/task/{guard.pid}/children").read_text().split()[0]
    os.kill(guard.pid if who == "guard" else int(inside), number)
    guard.stdout.close()
    assert guard.wait(60) != 0
    until = time.monotonic() + 60
    while ours(place) and time.monotonic() < until:
        time.sleep(0.1)
    assert ours(place) == []
    assert list(place.iterdir()) == []
