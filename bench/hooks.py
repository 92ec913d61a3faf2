"""What a hook costs: our PreToolUse hook and status line against the bare interpreter, in one run.

    python bench/hooks.py [--runs N] [--python INTERPRETER] [--history MB]

Prints medians in milliseconds, of wall and of CPU time, and their ratios. Each hook call reads 64 KB of new transcript
bytes, at today's prices, in a session whose transcript already holds 1 MB or 100 MB, beside nothing or 1 GB of other
sessions' history in some thousands of files. All variants take turns, so that the machine's drift hits each alike.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from gaia_budget import settings, snapshot
from gaia_budget.setup.hookcopy import HOOK_MODULE, bootstrap, install

NEW_BYTES = 64 << 10
ROW_BYTES = 4 << 10
HISTORY_FILE = 256 << 10
HISTORY_PROJECTS = 40
SESSION = "5e551011-0000-4000-8000-000000000001"
BARE = "python -I -S -c pass"
BASE = "PreToolUse, 1 MB transcript"


def row(number: int) -> bytes:
    """One transcript row of about 4 KB with a response of its own."""
    message = {
        "id": f"msg_{number:012d}",
        "model": "claude-opus-5-5",
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 1000 + number,
                  "output_tokens": 20, "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
                  "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
                  "service_tier": "standard", "inference_geo": "", "iterations": [], "speed": "standard"},
        "content": [{"type": "text", "text": "x" * (ROW_BYTES - 740)}],
    }  # fmt: skip
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_790_000_000 + number)) + ".000Z"
    record = {"type": "assistant", "timestamp": stamp, "sessionId": SESSION, "uuid": str(uuid.UUID(int=number)),
              "cwd": "/home/dev/project", "requestId": f"req_{number}", "message": message}  # fmt: skip
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


class Bed:
    """A temporary home with one session whose transcript has a given size, and optional history beside it."""

    def __init__(self, folder: Path, size: int, history: int, python: str) -> None:
        self.home = folder / f"{size}-{history}"
        projects = self.home / ".claude" / "projects"
        self.transcript = projects / "-home-dev-project" / f"{SESSION}.jsonl"
        self.transcript.parent.mkdir(parents=True)
        self.state = self.home / "gaia-budget"
        os.environ["GAIA_BUDGET_HOME"] = str(self.state)
        hooks = install(Path(python))
        snapshot.write(settings.load())
        self.command = [python, "-I", "-S", "-c", bootstrap(hooks, HOOK_MODULE)]
        self.status = [python, "-I", "-S", str(hooks / "statusline.py")]
        self.environment = {"HOME": str(self.home), "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
                            "GAIA_BUDGET_HOME": str(self.state), "PATH": os.environ["PATH"]}  # fmt: skip
        self.rows = 0
        self.grow(size)
        _history(projects, history)
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

    def payload(self) -> bytes:
        """What both the hook and the status line are sent."""
        return json.dumps(
            {"session_id": SESSION, "transcript_path": str(self.transcript), "cwd": "/home/dev/project",
             "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "true"},
             "tool_use_id": "toolu_1", "cost": {"total_cost_usd": 0.1}}
        ).encode()  # fmt: skip

    def call(self, command: list[str]) -> None:
        """Run one hook call."""
        subprocess.run(command, input=self.payload(), env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip


def _history(projects: Path, size: int) -> None:
    """Other sessions' transcripts, spread over projects as on a machine that has worked for months."""
    block = b"".join(row(number) for number in range(HISTORY_FILE // ROW_BYTES))
    for number in range(size // len(block)):
        project = projects / f"-home-dev-other-{number % HISTORY_PROJECTS}"
        project.mkdir(exist_ok=True)
        (project / f"{uuid.UUID(int=number)}.jsonl").write_bytes(block)


class Variant(NamedTuple):
    """One command, run in a bed after its transcript has grown."""

    bed: Bed
    command: list[str]
    new_bytes: int = NEW_BYTES

    def timed(self) -> tuple[float, float]:
        """Milliseconds of one call: wall, and CPU of the process."""
        if self.new_bytes:
            self.bed.grow(self.new_bytes)
        before, start = _children(), time.perf_counter()
        self.bed.call(self.command)
        return (time.perf_counter() - start) * 1000, (_children() - before) * 1000


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_memory(bed: Bed) -> int:
    """The largest resident size, in KB, of a hook process with 64 KB of new bytes."""
    bed.grow(NEW_BYTES)
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdin=sys.stdin, check=True,"
        " stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", script, *bed.command], input=bed.payload(), env=bed.environment,
                          check=True, capture_output=True)  # fmt: skip
    return int(done.stdout)


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--python", default=getattr(sys, "_base_executable", sys.executable))
    parser.add_argument("--history", type=int, default=1024, metavar="MB", help="other sessions' history")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gaia-bench-"))
    os.environ["HOME"] = str(folder)
    os.environ.pop("CLAUDE_CONFIG_DIR", None)
    try:
        measure(folder, options.runs, options.python, options.history << 20)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, runs: int, python: str, history: int) -> None:
    """Let all variants take turns and print what came out."""
    small, large = Bed(folder, 1 << 20, 0, python), Bed(folder, 100 << 20, 0, python)
    beside = Bed(folder, 1 << 20, history, python)
    variants = {
        BARE: Variant(small, [python, "-I", "-S", "-c", "pass"], 0),
        BASE: Variant(small, small.command),
        "PreToolUse, 100 MB transcript": Variant(large, large.command),
        f"PreToolUse, {history >> 20} MB of history": Variant(beside, beside.command),
        "status line, 1 MB transcript": Variant(small, small.status),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for _ in range(runs):
        for name, variant in variants.items():
            times[name].append(variant.timed())
    walls = {name: statistics.median(wall for wall, _ in values) for name, values in times.items()}
    cpus = {name: statistics.median(cpu for _, cpu in values) for name, values in times.items()}
    print(f"{runs} runs in turn, {python}; at most 1.5 × bare and 1.1 × the 1 MB transcript are asked for")
    print(f"{'':34}{'wall ms':>9}{'× bare':>8}{'× 1 MB':>8}{'CPU ms':>9}{'× bare':>8}")
    for name, wall in walls.items():
        print(
            f"{name:34}{wall:9.2f}{wall / walls[BARE]:8.2f}{wall / walls[BASE]:8.2f}"
            f"{cpus[name]:9.2f}{cpus[name] / cpus[BARE]:8.2f}"
        )
    print(f"peak memory of a hook process: {peak_memory(small) / 1024:.1f} MB (at most 15 are asked for)")


if __name__ == "__main__":
    main()
