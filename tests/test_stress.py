"""The stress run in small: hook calls of fifty sessions beside everything else, with kills, end in zeros."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STRESS = Path(__file__).parent.parent / "bench" / "stress.py"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for orphans in /proc")
def test_nothing_is_lost_doubled_or_decided_wrongly_while_everything_runs_and_is_killed(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, str(STRESS), "--part", "500", "--no-proofs"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    calls, kills, *zeros = map(int, done.stdout.splitlines()[-1].split()[1:])
    assert (calls, zeros) == (200, [0] * 6)
    assert kills > 0
