"""Hook calls as real processes, while everything else runs and is killed; every figure is known before."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from processes import Weight, held
from sessions import Session

from gaia_budget import settings, snapshot
from gaia_budget.ledger import Ledger
from gaia_budget.setup.hookcopy import HOOK_MODULE, bootstrap, install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.postgres import Server

LIMIT, HANDS = 50_000, 4
TOOLS = ("PreToolUse", "PreToolUse", "PostToolUse")
EVENTS = (*TOOLS, "UserPromptSubmit", "Stop", "status line")
KILLED, LATE = 0.03, 0.02  # of hook calls; of those of tools the row comes while the hook already runs
LATE_SECONDS = 0.02
# What runs beside, and how long at most until it is killed; between two runs it rests twice as long, so that the
# machine is the hooks' for the most part.
BESIDE: dict[str, tuple[list[str], float]] = {
    "ingest": (["ingest"], 3),
    "server": (["mcp"], 10),
    "page": (["dashboard"], 10),
    "watcher": (["claude-md", "watch"], 10),
}


class World:
    """A home with our hooks, limits that block, and everything that runs beside them."""

    def __init__(
        self, folder: Path, seed: int, calls: int, sessions: int, server: Server | None = None
    ) -> None:
        self.home, self.state, self.seed, self.number = folder, folder / "gaia-budget", seed, calls
        self.server = server
        self.environment = {"HOME": str(folder), "CLAUDE_CONFIG_DIR": str(folder / ".claude"), "LANG": "C.UTF-8",
                            "GAIA_BUDGET_HOME": str(self.state), "GAIA_SESSION_TYPE": "quick_fix",
                            "PATH": os.environ["PATH"], "TMPDIR": str(folder)}  # fmt: skip
        self.count: Counter[str] = Counter()
        self.counting = threading.Lock()
        self.held: dict[str, list[Weight]] = {name: [] for name in BESIDE}
        self.ended = threading.Event()
        most = 4 * LIMIT * sessions // calls  # half of the calls come past the limit
        self.sessions = [Session(number, sessions, folder, most) for number in range(sessions)]

    def make(self) -> None:
        """Write what a user has, and wire our hooks; from here on this process's environment is the world's."""
        os.environ.update(self.environment)
        self.state.mkdir(parents=True)
        database = f'db = "{self.server.create("stress")}"\n' if self.server else ""
        (self.state / "settings.toml").write_text('session_policy = "block"\n' + database)
        for one in self.sessions:
            one.project.mkdir(exist_ok=True)
            (one.project / "CLAUDE.md").write_text("# P\n\n" + "## A\n\ntext\n\n" * 40)
        base = getattr(sys, "_base_executable", sys.executable)
        hooks = install(type(self.home)(base))
        snapshot.write(settings.load())
        self.hook = [base, "-I", "-S", "-c", bootstrap(hooks, HOOK_MODULE)]
        self.line = [base, "-I", "-S", str(hooks / "statusline.py")]

    def drive(self, until: float) -> None:
        """All calls, or as many as there is time for, with everything beside them."""
        names = [*BESIDE, *(["database"] if self.server else [])]
        others = [threading.Thread(target=self._beside, args=(name,)) for name in names]
        for one in others:
            one.start()
        share = [self.number // HANDS + (hand < self.number % HANDS) for hand in range(HANDS)]
        try:
            with ThreadPoolExecutor(HANDS) as hands:
                running = [hands.submit(self._calls, share[hand], hand, until) for hand in range(HANDS)]
                try:
                    self._tell(running)
                finally:  # a hand that fails, or an interrupt, ends them all
                    self.ended.set()
        finally:
            for one in others:
                one.join()
        self.count["unfinished"] = self.number - self.count["calls"]

    def _tell(self, running: list[Future[None]]) -> None:
        began, told, waiting = time.monotonic(), 0, set(running)
        while waiting:
            done, waiting = wait(running, 1, FIRST_EXCEPTION)
            for one in done:
                one.result()
            if self.count["calls"] - told >= self.number // 10 or not waiting:
                told = self.count["calls"]
                print(f"  {told:,} of {self.number:,} calls in {time.monotonic() - began:.0f} s", flush=True)

    def _calls(self, number: int, hand: int, until: float) -> None:
        """One of the hands that call hooks: each holds a session while it works in it."""
        dice = random.Random(self.seed * 1000 + hand)
        for _ in range(number):
            one = dice.choice(self.sessions)
            with one.lock:
                if time.monotonic() > until or self.ended.is_set():
                    return
                self._call(one, dice)

    def _call(self, one: Session, dice: random.Random) -> None:
        event = dice.choice(EVENTS)
        rows = one.work(dice, least=int(event in TOOLS))
        late = event == "PreToolUse" and dice.random() < LATE
        if not late:
            one.write(rows)
        told = {"session_id": one.name, "transcript_path": str(one.transcript), "cwd": str(one.project),
                "hook_event_name": event, "tool_name": "Bash", "tool_input": {"command": "make all"},
                "prompt": "go on", "tool_use_id": one.call}  # fmt: skip
        process = subprocess.Popen(
            self.line if event == "status line" else self.hook, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, cwd=one.project,
        )  # fmt: skip
        timers = [threading.Timer(LATE_SECONDS, one.write, (rows,))] if late else []
        if dice.random() < KILLED:
            timers.append(threading.Timer(dice.random() * 0.03, process.kill))
        for timer in timers:
            timer.start()
        said, complaint = process.communicate(json.dumps(told).encode(), timeout=60)
        for timer in timers:
            timer.join()
        killed, decides = process.returncode == -9, event == "PreToolUse"
        wrong = decides and (b'"deny"' in said) != (one.tokens >= LIMIT)
        self._add(calls=1, kills=killed, faults=not killed and bool(process.returncode or complaint),
                  wrong=not killed and wrong)  # fmt: skip

    def _add(self, **counts: int) -> None:
        with self.counting:
            self.count.update(counts)

    def _beside(self, name: str) -> None:
        """What runs beside the hooks, is killed at a random instant and started anew."""
        dice = random.Random(f"{self.seed} {name}")
        if name == "database":
            self._stop_and_start(dice)
            return
        words, most = BESIDE[name]
        while not self.ended.is_set():
            program = [sys.executable, "-P", "-m", "gaia_budget", *words]
            process = subprocess.Popen(program, cwd=self.sessions[0].project, env=self.environment,
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)  # fmt: skip
            try:
                process.wait(dice.uniform(0.5, most))
            except subprocess.TimeoutExpired:
                self.held[name].append(held(process.pid))
                process.kill()
                self._add(kills=1)
            process.communicate()
            self.ended.wait(dice.uniform(0, 2 * most))

    def _stop_and_start(self, dice: random.Random) -> None:
        assert self.server
        while not self.ended.wait(dice.uniform(2, 10)):
            self.server.stop()
            self._add(kills=1)
            self.ended.wait(dice.uniform(0, 3))
            self.server.start()

    def settle(self) -> None:
        """When all is over: take in what is left, and compare with what is known."""
        long_ago = time.time() - 7 * 86_400
        for path in self.state.rglob("*.tmp"):  # swept once no writer can still be at it
            os.utime(path, (long_ago, long_ago))
        for _ in range(2):
            subprocess.run([sys.executable, "-P", "-m", "gaia_budget", "ingest"], cwd=self.home, check=True,
                           env=self.environment, stdout=subprocess.DEVNULL)  # fmt: skip
        with Ledger.open(settings=settings.load()) as ledger:
            got = {row.key[0]: row.figures for row in ledger.spend(("session",)).rows}
        for one in self.sessions:
            figures = got.get(one.name)
            for mine, theirs in ((one.responses, figures.responses if figures else 0),
                                 (one.tokens, figures.output_tokens if figures else 0)):  # fmt: skip
                self.count["lost"] += max(0, mine - theirs)
                self.count["doubled"] += max(0, theirs - mine)
        self.count["growth"] = sum(path.suffix == ".tmp" for path in self.state.rglob("*"))

    def weights(self) -> Iterator[tuple[str, Weight]]:
        """The most that each program held, in the first half of its runs and in the second."""
        for name, found in self.held.items():
            half = len(found) // 2
            for which, runs in (("first half", found[:half]), ("second half", found[half:])):
                if runs:
                    yield (
                        f"{name}, {which}",
                        Weight(max(one.memory for one in runs), max(one.handles for one in runs)),
                    )
