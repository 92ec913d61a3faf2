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
    "properties of what comes in": Proof(
        ("tests/core/config/test_jsontext.py", "tests/core/setup/test_jsonedit.py", "tests/hooks/test_foreign_names.py",
         "tests/hooks/test_bills.py", "tests/hooks/test_usage.py", "tests/core/transcripts/test_bulk_reading.py"),
        {"GAIA_TEST_EXAMPLES": 1000}, 120,
    ),
    "hostile text and messages": Proof(
        ("tests/claude_md/test_hostile_text.py", "tests/mcp_server/test_lifecycle.py",
         "tests/core/seeing/test_what_a_server_bears.py"), {}, 120,
    ),
}  # fmt: skip


FUZZED = ("hook_input", "transcript_rows", "settings_files", "markdown")
FUZZ_SECONDS = 15  # for each
LAST_INPUT_SECONDS = 30  # until it has started, and an input that hangs is one


def fuzz(target: str, part: int, bound: float) -> dict[str, int]:
    """Fuzz what comes in for a while, by `fuzz.py`: an exception that is no answer is a fault."""
    seconds = max(1, min(FUZZ_SECONDS // part, int(bound)))
    program = [sys.executable, str(Path(__file__).with_name("fuzz.py")), target, str(seconds)]
    try:
        done = subprocess.run(program, capture_output=True, check=False, timeout=seconds + LAST_INPUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        print((error.stderr or b"").decode(errors="replace")[-3000:])
        return {"faults": 1, "orphans": len(orphans())}
    said = done.stderr.decode(errors="replace")
    tried = re.search(r"number_of_executed_units: (\d+)", said)
    print(f"  {target}: {tried[1] if tried else 'no'} inputs in {seconds} s", flush=True)
    if done.returncode or not tried:
        print(done.stdout.decode(errors="replace")[-3000:], said[-3000:])
    return {
        "calls": int(tried[1]) if tried else 0,
        "faults": int(done.returncode != 0 or not tried),
        "orphans": len(orphans()),
    }


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
