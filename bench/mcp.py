"""The MCP server against a minimal one of the same SDK and against two peers, in one run; ratios are what counts.

    python bench/mcp.py [--rounds 9] [--events 10000000] [--turns 300] [--calls 100000]

First the time from start to the answer of `initialize` and to the first tool's answer, and the peak of resident
memory, of each server in turn. Then every tool of ours against the minimal server's trivial one, asked in turn, over
a ledger of `--events` events. Then the growth of resident memory over `--calls` calls. Peers that are not on this
machine are left out; with CACHE as in tests/support/components.py they come by

    python -m venv CACHE/mcp-server-time && CACHE/mcp-server-time/bin/pip install mcp-server-time
    npm install --prefix CACHE/mcp-filesystem @modelcontextprotocol/server-filesystem
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
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import history

from gaia_budget import places
from gaia_hooks.session import state, state_file

if TYPE_CHECKING:
    from typing import Self

MINIMAL = """
from mcp.server import MCPServer
server = MCPServer("minimal")
@server.tool()
def echo(text: str) -> str:
    "Echo."
    return text
server.run()
"""
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
SESSION = "0f0e0d0c-1111-4222-8333-444455556666"
SETTLED = 2_000  # calls after which a server has all that it loads lazily
FLOOR, OURS = "minimal MCPServer", "gaia-budget"


class Call(NamedTuple):
    """A tool and its arguments."""

    tool: str
    arguments: dict[str, Any]


class Peer(NamedTuple):
    """How a server is started and what it is asked first."""

    command: list[str]
    call: Call


TRIVIAL = Call("echo", {"text": "x"})
CALLS = {
    "budget_spend": Call("budget_spend", {}),
    "budget_spend by=model": Call("budget_spend", {"by": "model"}),
    "budget_spend by=day since=month": Call("budget_spend", {"by": "day", "since": "month"}),
    "budget_spend by=agent since=session": Call("budget_spend", {"by": "agent", "since": "session"}),
    "budget_session": Call("budget_session", {}),
    "budget_recommend": Call("budget_recommend", {"task": "jd_parse", "module": "jseeker"}),
    "budget_sections": Call("budget_sections", {}),
    "budget_load_section": Call("budget_load_section", {"name": "section-3"}),
}


class Server:
    """A server on pipes, spoken to in raw JSON lines."""

    def __init__(self, command: list[str]) -> None:
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._count = 0

    def greet(self) -> None:
        """Shake hands."""
        self._ask("initialize", HELLO)
        self._send({"method": "notifications/initialized"})

    def call(self, call: Call) -> float:
        """Call a tool; the seconds that the answer took."""
        asked = time.perf_counter()
        answer = self._ask("tools/call", {"name": call.tool, "arguments": call.arguments})
        took = time.perf_counter() - asked
        assert not answer["result"].get("isError"), answer
        return took

    def memory_kib(self, key: str) -> int:
        """`VmHWM` (the peak) or `VmRSS` of resident memory; 0 where the system does not tell it."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        except OSError:
            return 0
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(key)))

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        assert self.process.stdout is not None
        self._count += 1
        self._send({"id": self._count, "method": method, "params": params})
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == self._count:
                return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class Start(NamedTuple):
    """Milliseconds from the start of one process, and KiB at its peak."""

    initialize: float
    first_answer: float
    peak_kib: float


def start(peer: Peer) -> Start:
    """Start one server, ask it once, and end it."""
    with Server(peer.command) as server:
        server.greet()
        initialized = time.perf_counter()
        server.call(peer.call)
        answered = time.perf_counter()
        peak = server.memory_kib("VmHWM")
    return Start((initialized - server.began) * 1e3, (answered - server.began) * 1e3, peak)


def peers(project: Path) -> dict[str, Peer]:
    """Minimal, ours, and what else is on this machine."""
    found = {
        FLOOR: Peer([sys.executable, "-c", MINIMAL], TRIVIAL),
        OURS: Peer(places.program("gaia_mcp"), CALLS["budget_spend"]),
    }
    cache = Path(os.environ.get("GAIA_TEST_CACHE") or Path.home() / ".cache" / "gaia-token-budget-tests")
    places_of_clock = f"{cache / 'mcp-server-time' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    if clock := shutil.which("mcp-server-time", path=places_of_clock):
        found["mcp-server-time"] = Peer([clock], Call("get_current_time", {"timezone": "UTC"}))
    script = cache / "mcp-filesystem/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"
    if script.exists() and (node := shutil.which("node")):
        call = Call("list_directory", {"path": str(project)})
        found["server-filesystem"] = Peer([node, str(script), str(project)], call)
    return found


def starts(all_peers: dict[str, Peer], rounds: int) -> None:
    """Start all in turn; print medians and ratios to the minimal server."""
    found: dict[str, list[Start]] = {name: [] for name in all_peers}
    for number in range(rounds + 1):
        for name, peer in all_peers.items():
            figures = start(peer)
            if number:  # the first round warms the caches
                found[name].append(figures)
    medians = {name: Start(*map(statistics.median, zip(*runs, strict=True))) for name, runs in found.items()}
    floor = medians[FLOOR]
    print(f"medians of {rounds} starts   {'initialize':>18} {'first answer':>18} {'peak memory':>20}")
    for name, one in medians.items():
        print(
            f"{name:24} {one.initialize:10.0f} ms {one.initialize / floor.initialize:5.2f} ×"
            f" {one.first_answer:7.0f} ms {one.first_answer / floor.first_answer:5.2f} ×"
            f" {one.peak_kib / 1024:9.1f} MiB {one.peak_kib / max(1, floor.peak_kib):5.2f} ×"
        )


def calls(floor: Server, ours: Server, turns: int) -> None:
    """Ask every tool and the trivial one in turn; print medians and what a tool adds to the trivial one."""
    trivial: list[float] = []
    took: dict[str, list[float]] = {name: [] for name in CALLS}
    for _ in range(turns):
        trivial.append(floor.call(TRIVIAL))
        for name, call in CALLS.items():
            took[name].append(ours.call(call))
    base = statistics.median(trivial)
    print(f"\nmedians of {turns} calls\n{'trivial tool':38} {base * 1e3:6.2f} ms")
    for name, times in took.items():
        added = statistics.median(times) - base
        first = f"(the first: {times[0] * 1e3:.1f} ms)"
        print(f"{name:38} {statistics.median(times) * 1e3:6.2f} ms {added * 1e3:+6.2f} ms {first}")


def growth(ours: Server, count: int) -> None:
    """Call all tools again and again; print how much resident memory has grown."""
    asked = [*CALLS.values()]
    for number in range(SETTLED):
        ours.call(asked[number % len(asked)])
    before = ours.memory_kib("VmRSS")
    for number in range(count):
        ours.call(asked[number % len(asked)])
    grown = ours.memory_kib("VmRSS") - before
    print(f"\nresident memory over {count:,} calls: {grown:+,} KiB on {before:,} KiB")


def prepare(folder: Path, events: int) -> None:
    """A home, a project with a CLAUDE.md, a running session, and a ledger."""
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    sections = "\n".join(f"## Section {number}\n\n" + "A rule of it.\n" * 20 for number in range(20))
    (folder / "CLAUDE.md").write_text(f"# Shop\n\n{sections}", encoding="utf-8")
    home = folder / "state"
    chosen = {
        "HOME": str(folder),
        "GAIA_BUDGET_HOME": str(home),
        "GAIA_BUDGET_TIMEZONE": "UTC",
        "CLAUDE_CONFIG_DIR": str(folder / "claude"),
        "CLAUDE_PROJECT_DIR": str(folder),
        "CLAUDE_CODE_SESSION_ID": SESSION,
    }
    os.environ.update(chosen)
    places.ensure_home()
    session = state.State(SESSION)
    session.type, session.chosen_by, session.module = "quick_fix", "inferred", "module1"
    session.transcript = str(folder / "claude" / "projects" / "-shop" / f"{SESSION}.jsonl")
    state_file.save(str(home), session)
    with Ledger.open(settings=load()) as ledger:
        history.make(ledger, events)


def main() -> None:
    """Run everything; a temporary folder holds all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--calls", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        all_peers = peers(Path(folder))
        began = time.perf_counter()
        prepare(Path(folder), options.events)
        print(f"ledger of {options.events:,} events made in {time.perf_counter() - began:.0f} s")
        starts(all_peers, options.rounds)
        with Server(all_peers[FLOOR].command) as floor, Server(all_peers[OURS].command) as ours:
            floor.greet()
            ours.greet()
            calls(floor, ours, options.turns)
            growth(ours, options.calls)


if __name__ == "__main__":
    main()
