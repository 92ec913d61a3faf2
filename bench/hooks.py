"""What a hook costs: our PreToolUse hook and status line against the bare interpreter, in one run.

    python bench/hooks.py [--runs N] [--python INTERPRETER]

Prints medians in milliseconds and ratios. Each hook call reads 64 KB of new transcript bytes, in a session whose
transcript already holds 1 MB or 100 MB, beside 1 MB or (with --history) 1 GB of other sessions' history.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from gaia_budget.setup.hookcopy import HOOK_MODULE, bootstrap, install

NEW_BYTES = 64 << 10
ROW_BYTES = 4 << 10
SESSION = "5e551011-0000-4000-8000-000000000001"


def row(number: int) -> bytes:
    """One transcript row of about 4 KB with a response of its own."""
    message = {
        "id": f"msg_{number:012d}",
        "model": "claude-opus-5-5",
        "usage": {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 1000 + number},
        "content": [{"type": "text", "text": "x" * (ROW_BYTES - 420)}],
    }
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_790_000_000 + number)) + ".000Z"
    record = {"type": "assistant", "timestamp": stamp, "sessionId": SESSION, "uuid": str(uuid.UUID(int=number)),
              "cwd": "/home/dev/project", "requestId": f"req_{number}", "message": message}  # fmt: skip
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


class Bed:
    """A temporary home with one session whose transcript has a given size, and optional history beside it."""

    def __init__(self, folder: Path, size: int, history: int, python: str) -> None:
        self.home = folder / f"{size}-{history}"
        project = self.home / ".claude" / "projects" / "-home-dev-project"
        project.mkdir(parents=True)
        self.transcript = project / f"{SESSION}.jsonl"
        self.state = self.home / "gaia-budget"
        self.python = python
        os.environ["GAIA_BUDGET_HOME"] = str(self.state)
        hooks = install(Path(python))
        self.command = [python, "-I", "-S", "-c", bootstrap(hooks, HOOK_MODULE)]
        self.status = [python, "-I", "-S", str(hooks / "statusline.py")]
        self.environment = {"HOME": str(self.home), "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
                            "GAIA_BUDGET_HOME": str(self.state), "PATH": os.environ["PATH"]}  # fmt: skip
        self.rows = 0
        self.grow(size)
        self._history(project, history)
        while True:  # let the state catch up with what is there
            self.call(self.command)
            if not json.loads((self.state / "sessions" / f"{SESSION}.json").read_bytes())["behind"]:
                break

    def grow(self, size: int) -> None:
        """Append about `size` bytes of new rows to the session's transcript."""
        with self.transcript.open("ab") as file:
            for _ in range(max(1, size // ROW_BYTES)):
                file.write(row(self.rows))
                self.rows += 1

    @staticmethod
    def _history(project: Path, size: int) -> None:
        block = b"".join(row(number) for number in range(256))
        for number in range(size // (100 << 20)):
            with (project / f"history-{number}.jsonl").open("wb") as file:
                for _ in range((100 << 20) // len(block)):
                    file.write(block)

    def call(self, command: list[str]) -> None:
        """Run one hook call."""
        payload = {"session_id": SESSION, "transcript_path": str(self.transcript), "cwd": "/home/dev/project",
                   "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "true"},
                   "tool_use_id": "toolu_1", "cost": {"total_cost_usd": 0.1}}  # fmt: skip
        subprocess.run(command, input=json.dumps(payload).encode(), env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip


def timed(bed: Bed, command: list[str], *, new_bytes: int) -> float:
    """Milliseconds of one call after the transcript has grown."""
    if new_bytes:
        bed.grow(new_bytes)
    start = time.perf_counter()
    bed.call(command)
    return (time.perf_counter() - start) * 1000


def peak_memory(bed: Bed) -> int:
    """The largest resident size, in KB, of a hook process with 64 KB of new bytes."""
    bed.grow(NEW_BYTES)
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdin=sys.stdin, check=True,"
        " stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    payload = {"session_id": SESSION, "transcript_path": str(bed.transcript), "cwd": "/",
               "hook_event_name": "PreToolUse"}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script, *bed.command], input=json.dumps(payload).encode(),
                          env=bed.environment, check=True, capture_output=True)  # fmt: skip
    return int(done.stdout)


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--python", default=getattr(sys, "_base_executable", sys.executable))
    parser.add_argument("--history", type=int, default=0, metavar="MB",
                        help="other sessions' history beside the 1 MB one")  # fmt: skip
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gaia-bench-"))
    try:
        measure(folder, options.runs, options.python, options.history << 20)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, runs: int, python: str, history: int) -> None:
    """Interleave all variants, so that the machine's drift hits each alike."""
    small, large = Bed(folder, 1 << 20, 0, python), Bed(folder, 100 << 20, 0, python)
    variants = {
        "python -I -S -c pass": (small, [python, "-I", "-S", "-c", "pass"], 0),
        "PreToolUse, 1 MB transcript": (small, small.command, NEW_BYTES),
        "PreToolUse, 100 MB transcript": (large, large.command, NEW_BYTES),
        "status line, 1 MB transcript": (small, small.status, NEW_BYTES),
    }
    if history:
        beside = Bed(folder, 1 << 20, history, python)
        variants[f"PreToolUse, {history >> 20} MB of history"] = (beside, beside.command, NEW_BYTES)
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(runs):
        for name, (bed, command, new_bytes) in variants.items():
            times[name].append(timed(bed, command, new_bytes=new_bytes))
    floor = statistics.median(times["python -I -S -c pass"])
    base = statistics.median(times["PreToolUse, 1 MB transcript"])
    print(f"{'':34}{'median ms':>10}{'× bare':>8}{'× 1 MB':>8}   ({runs} runs, {python})")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:34}{median:10.2f}{median / floor:8.2f}{median / base:8.2f}")
    print(f"peak memory of a hook process: {peak_memory(small) / 1024:.1f} MB")


if __name__ == "__main__":
    main()
