"""The proofs that are tests, each at a size of its own and with a bound of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from processes import PATIENCE, end, orphans

ROOT = Path(__file__).resolve().parent.parent.parent


class Proof(NamedTuple):
    """Tests, the variables that set their size, and how long they may take at full size."""

    tests: tuple[str, ...]
    sizes: dict[str, int]
    seconds: int


PROOFS = {
    "kills at every write, rotation": Proof(("tests/hooks/test_killed.py",), {"GAIA_TEST_KILLS": 1500}, 200),
    "hostile corpora": Proof(("tests/core/ingest/test_hostile_corpora.py",), {"GAIA_TEST_SEEDS": 40}, 120),
    "hostile repositories": Proof(
        ("tests/test_hostile_repositories.py",),
        {"GAIA_TEST_REPOSITORIES": 1000, "GAIA_TEST_REPOSITORIES_BY_COMMAND": 20}, 180,
    ),
    "calls of apps": Proof(("tests/core/middleware/test_random_calls.py",), {"GAIA_TEST_CALLS": 10_000}, 180),
    "schedules": Proof(("tests/core/budgets/test_schedules.py",), {"GAIA_TEST_SCHEDULES": 8_000}, 200),
    "stopped databases, full disks": Proof(
        ("tests/core/budgets/test_races.py", "tests/core/ledger/test_bad_disks.py"), {}, 120
    ),
    "two users, sessions at rest": Proof(
        ("tests/hooks/test_private_state.py", "tests/hooks/test_sessions_at_rest.py"), {}, 120
    ),
    "bad input, clocks, read-only folders": Proof(("tests/hooks/test_bad_input.py",), {}, 120),
    "hostile text and messages": Proof(
        ("tests/claude_md/test_hostile_text.py", "tests/mcp_server/test_lifecycle.py",
         "tests/core/seeing/test_what_a_server_bears.py"), {}, 120,
    ),
}  # fmt: skip


def prove(name: str, part: int, bound: float) -> dict[str, int]:
    """Run a proof at its size: a failure is a fault, and what its time did not suffice for is unfinished."""
    tests, sizes, _ = PROOFS[name]
    sizes = {key: max(1, size // part) for key, size in sizes.items()}
    program = [sys.executable, "-m", "pytest", "-v", "-p", "no:xdist", "-p", "no:cacheprovider", *tests]
    began = time.monotonic()
    running = subprocess.Popen(program, cwd=ROOT, env={**os.environ, **{key: str(size) for key, size in sizes.items()}},
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    try:
        said, unfinished = running.communicate(timeout=bound)[0], 0
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.communicate(timeout=PATIENCE)
        end(os.getpid())
        said, unfinished = running.communicate()[0], 1
    passed = len(re.findall(r"(?m) PASSED ", said))
    print(f"  {name}: {passed} tests passed in {time.monotonic() - began:.0f} s of {bound:.0f}", flush=True)
    faults = int(running.returncode != 0 and not unfinished)
    if faults or unfinished:
        print(said[-3000:])
    return {
        "calls": sum(sizes.values()) or passed,
        "faults": faults,
        "orphans": len(orphans()),
        "unfinished": unfinished,
    }
