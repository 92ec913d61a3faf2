"""Everything at once, with kills: hook calls over many sessions and months beside ingest, server, page and watcher.

    python bench/stress.py [--part 1] [--seed 7] [--no-proofs]

`--part 20` takes a twentieth (about two minutes). First the traffic: 100,000 hook calls as real processes, while
ingests, the MCP server, the page's server and the splitter's watcher run and are killed. Every figure is known before,
so that what is lost, doubled or decided wrongly can be told. Then the proofs that are tests, at their size. Prints one
table, ends with 1 where a zero is none.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gaia_budget import settings, snapshot
from gaia_budget.ledger import Ledger
from gaia_budget.setup.hookcopy import HOOK_MODULE, bootstrap, install

ROOT = Path(__file__).resolve().parent.parent
CALLS, SESSIONS, DAYS, HANDS = 100_000, 50, 90, 4
LIMIT, MODEL = 50_000, "claude-opus-5-5"
EVENTS = ("PreToolUse", "PreToolUse", "PostToolUse", "UserPromptSubmit", "Stop", "status line")
KILLED = 0.03  # of hook calls
BACKGROUND = {
    "ingest": ["ingest"],
    "server": ["mcp"],
    "page": ["dashboard"],
    "watcher": ["claude-md", "watch"],
}
PROOFS: dict[str, tuple[dict[str, int], tuple[str, ...]]] = {
    "kills at every write": ({"GAIA_TEST_KILLS": 3000}, ("tests/hooks/test_killed.py",)),
    "hostile corpora": ({"GAIA_TEST_SEEDS": 40}, ("tests/core/ingest/test_hostile_corpora.py",)),
    "hostile repositories": ({"GAIA_TEST_REPOSITORIES": 4000, "GAIA_TEST_REPOSITORIES_BY_COMMAND": 60},
                             ("tests/test_hostile_repositories.py",)),
    "calls of apps": ({"GAIA_TEST_CALLS": 20_000}, ("tests/core/middleware/test_random_calls.py",)),
    "schedules": ({"GAIA_TEST_SCHEDULES": 20_000}, ("tests/core/budgets/test_schedules.py",)),
    "stopped databases, full disks": ({}, ("tests/core/budgets/test_races.py", "tests/core/ledger/test_bad_disks.py")),
    "fuzzing": ({}, ("tests/hooks/test_bad_input.py", "tests/claude_md/test_hostile_text.py",
                     "tests/mcp_server/test_lifecycle.py", "tests/core/seeing/test_what_a_server_bears.py")),
}  # fmt: skip


@dataclass
class Session:
    """One session with what it has used, which nobody but its holder writes on."""

    number: int
    home: Path
    most: int
    responses: int = 0
    tokens: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return f"57e55000-0000-4000-8000-{self.number:012x}"

    @property
    def transcript(self) -> Path:
        return self.home / ".claude" / "projects" / f"-home-dev-p{self.number % 5}" / f"{self.name}.jsonl"

    def work(self, dice: random.Random) -> None:
        """Some responses more, at instants that go back at times; one in ten on two rows with growing figures."""
        lines = []
        for _ in range(dice.randrange(3)):
            used = dice.randrange(1, self.most)
            stamp = (
                time.time()
                - 86_400 * DAYS * (1 - self.number / SESSIONS)
                + self.responses
                - dice.choice((0, 0, 7200))
            )
            rows = [1, used] if dice.random() < 0.1 else [used]
            lines += [self._row(stamp, one) for one in rows]
            self.responses += 1
            self.tokens += used
        self.transcript.parent.mkdir(parents=True, exist_ok=True)
        with self.transcript.open("ab") as file:
            file.write(b"".join(lines))

    def _row(self, stamp: float, output: int) -> bytes:
        key = f"{self.number}_{self.responses}"
        usage = {"input_tokens": 0, "output_tokens": output, "cache_read_input_tokens": 10}
        message = {
            "id": f"msg_{key}",
            "model": MODEL,
            "usage": usage,
            "content": [{"type": "text", "text": "x"}],
        }
        told = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(stamp))
        row = {"type": "assistant", "timestamp": told, "sessionId": self.name, "uuid": f"u_{key}_{output}",
               "cwd": f"/home/dev/p{self.number % 5}", "requestId": f"req_{key}", "message": message}  # fmt: skip
        return json.dumps(row).encode() + b"\n"


class World:
    """A home with our hooks, limits that block, and everything that runs beside them."""

    def __init__(self, folder: Path, seed: int, part: int) -> None:
        self.home, self.state, self.seed = folder, folder / "gaia-budget", seed
        self.environment = {"HOME": str(folder), "CLAUDE_CONFIG_DIR": str(folder / ".claude"), "LANG": "C.UTF-8",
                            "GAIA_BUDGET_HOME": str(self.state), "GAIA_SESSION_TYPE": "quick_fix",
                            "PATH": os.environ["PATH"]}  # fmt: skip
        os.environ.update(self.environment)
        self.state.mkdir()
        (self.state / "settings.toml").write_text('session_policy = "block"\n')
        (folder / "CLAUDE.md").write_text("# P\n\n" + "## A\n\ntext\n\n" * 40)
        hooks = install(Path(getattr(sys, "_base_executable", sys.executable)))
        snapshot.write(settings.load())
        python = [getattr(sys, "_base_executable", sys.executable), "-I", "-S"]
        self.hook, self.line = (
            [*python, "-c", bootstrap(hooks, HOOK_MODULE)],
            [*python, str(hooks / "statusline.py")],
        )
        most = 4 * LIMIT * SESSIONS * part // CALLS  # half of the calls come past the limit
        self.sessions = [Session(number, folder, most) for number in range(SESSIONS)]
        self.count = dict.fromkeys(
            ("calls", "kills", "faults", "lost", "doubled", "wrong", "orphans", "growth"), 0
        )
        self.held: dict[str, list[tuple[int, int]]] = {name: [] for name in BACKGROUND}
        self.ended = threading.Event()

    def calls(self, number: int, hand: int) -> None:
        """One of the hands that call hooks: each holds a session while it works in it."""
        dice = random.Random(self.seed * 1000 + hand)
        for _ in range(number):
            one = dice.choice(self.sessions)
            with one.lock:
                before = one.tokens
                one.work(dice)
                self.call(one, dice, before)

    def call(self, one: Session, dice: random.Random, before: int) -> None:
        event = dice.choice(EVENTS)
        told = {"session_id": one.name, "transcript_path": str(one.transcript), "cwd": str(self.home),
                "hook_event_name": event, "tool_name": "Bash", "tool_input": {"command": "make all"},
                "prompt": "go on", "tool_use_id": "toolu_1"}  # fmt: skip
        command = self.line if event == "status line" else self.hook
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment)  # fmt: skip
        if dice.random() < KILLED:
            threading.Timer(dice.random() * 0.03, process.kill).start()
        said, complaint = process.communicate(json.dumps(told).encode(), timeout=60)
        self.count["calls"] += 1
        if process.returncode == -9:
            self.count["kills"] += 1
            return
        self.count["faults"] += bool(process.returncode or complaint)
        if event == "PreToolUse":
            refused = b'"deny"' in said
            self.count["wrong"] += (refused and one.tokens < LIMIT) or (not refused and before >= LIMIT)

    def beside(self, name: str) -> None:
        """A program that runs beside the hooks, is killed at a random instant and started anew."""
        dice = random.Random(f"{self.seed} {name}")
        while not self.ended.is_set():
            program = [sys.executable, "-P", "-m", "gaia_budget", *BACKGROUND[name]]
            process = subprocess.Popen(program, cwd=self.home, env=self.environment, stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            try:
                process.wait(dice.uniform(0.5, 6))
            except subprocess.TimeoutExpired:
                self.held[name].append(held(process.pid))
                process.kill()
                self.count["kills"] += 1
            process.communicate()

    def settle(self) -> None:
        """When all is over: take in what is left, and compare with what is known."""
        long_ago = time.time() - 7 * 86_400
        for path in self.state.rglob("*.tmp"):
            os.utime(
                path, (long_ago, long_ago)
            )  # what the killed leave is swept once no writer can still be at it
        for _ in range(2):
            subprocess.run([sys.executable, "-P", "-m", "gaia_budget", "ingest"], cwd=self.home, check=True,
                           env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        with Ledger.open(settings=settings.load()) as ledger:
            got = {row.key[0]: row.figures for row in ledger.spend(("session",)).rows}
        for one in self.sessions:
            figures = got.get(one.name)
            for mine, theirs in ((one.responses, figures.responses if figures else 0),
                                 (one.tokens, figures.output_tokens if figures else 0)):  # fmt: skip
                self.count["lost"] += max(0, mine - theirs)
                self.count["doubled"] += max(0, theirs - mine)
        self.count["orphans"] = len(orphans(self.state))
        self.count["growth"] = sum(path.suffix == ".tmp" for path in self.state.rglob("*"))


def orphans(state: Path) -> list[str]:
    """Processes of ours that still run (Linux), as long as they need to notice that they are alone."""
    mark, patience = f"GAIA_BUDGET_HOME={state}".encode(), time.monotonic() + 20
    while True:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if process.name != str(os.getpid()) and mark in (process / "environ").read_bytes():
                    found.append(process.name)
            except OSError:
                continue
        if not found or time.monotonic() > patience:
            return found
        time.sleep(0.2)


def held(process: int | str) -> tuple[int, int]:
    """A process's memory in megabytes and its file handles (Linux); zeros where it has just ended."""
    place = Path(f"/proc/{process}")
    try:
        status = dict(
            line.split(":\t", 1) for line in (place / "status").read_text().splitlines() if ":\t" in line
        )
        return int(status["VmRSS"].split()[0]) >> 10, len(list((place / "fd").iterdir()))
    except (OSError, KeyError):
        return 0, 0


def weight(folder: Path) -> str:
    """Memory and handles of this process, files and bytes on the disk."""
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    memory, handles = held("self")
    return f"{memory} MB, {handles} handles, {len(files)} files, {sum(files) / 1e6:.1f} MB on disk"


def most(found: list[tuple[int, int]]) -> str:
    return f"{max(memory for memory, _ in found)} MB, {max(handles for _, handles in found)} handles"


def traffic(folder: Path, part: int, seed: int) -> dict[str, int]:
    """The calls with everything beside them; what came out."""
    world = World(folder, seed, part)
    print(f"before: {weight(folder)}")
    others = [threading.Thread(target=world.beside, args=(name,)) for name in BACKGROUND]
    for one in others:
        one.start()
    try:
        with ThreadPoolExecutor(HANDS) as hands:
            list(hands.map(lambda hand: world.calls(CALLS // part // HANDS, hand), range(HANDS)))
    finally:
        world.ended.set()
        for one in others:
            one.join()
    world.settle()
    print(f"after:  {weight(folder)}")
    for name, found in world.held.items():
        half = len(found) // 2
        if half:
            print(
                f"{name}, the most of {half} runs: {most(found[:half])} in the first half, {most(found[half:])} then"
            )
    return world.count


def proof(name: str, part: int) -> dict[str, int]:
    """The tests of a proof at its size: a failure is a fault."""
    sizes, tests = PROOFS[name]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *tests], cwd=ROOT,
        env={**os.environ, **{key: str(max(1, size // part)) for key, size in sizes.items()}},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout[-3000:])
    return {"calls": sum(sizes.values()) // part, "faults": int(done.returncode != 0)}


def main() -> int:
    """Drive, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=int, default=1, help="one in how many of everything")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-proofs", action="store_true", help="the traffic alone")
    wanted = parser.parse_args()
    outside, folder = dict(os.environ), Path(tempfile.mkdtemp(prefix="gaia-stress-"))
    rows: dict[str, dict[str, int]] = {}
    try:
        rows["traffic"] = traffic(folder, wanted.part, wanted.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.clear()
        os.environ.update(outside)
    for name in () if wanted.no_proofs else PROOFS:
        rows[name] = proof(name, wanted.part)
    print_table(rows)
    return int(any(row.get(key, 0) for row in rows.values() for key in list(rows["traffic"])[2:]))


def print_table(rows: dict[str, dict[str, Any]]) -> None:
    """One line for each; what does not apply is left empty."""
    columns = list(rows["traffic"])
    print(f"{'':34}" + "".join(f"{name:>9}" for name in columns))
    for name, row in rows.items():
        print(f"{name:34}" + "".join(f"{row.get(column, ''):>9}" for column in columns))


if __name__ == "__main__":
    sys.exit(main())
