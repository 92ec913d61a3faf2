"""The MCP server against a minimal one of the same SDK and against two peers, in one run; ratios are what counts.

    python bench/mcp.py [--rounds 9] [--events 100000]

Prints the time from start to the answer of `initialize`, to the first tool's answer, the median of 300 further
calls, and the peak of resident memory. Ours answers `budget_spend` from a ledger of `--events` events. Peers that are
not on this machine are left out: `pip install mcp-server-time` in an environment whose `bin` is in PATH, and
`npm install --prefix CACHE/mcp-filesystem @modelcontextprotocol/server-filesystem` (see tests/support/components.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

CALLS = 300
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


class Peer(NamedTuple):
    """How a server is started and which tool is asked."""

    name: str
    command: list[str]
    tool: str
    arguments: dict[str, Any]


class Figures(NamedTuple):
    """Milliseconds and KiB of one run."""

    initialize: float
    first_answer: float
    call: float
    peak_kib: int


def run(peer: Peer, env: dict[str, str]) -> Figures:
    """Start one server, ask it, and end it."""
    began = time.perf_counter()
    with subprocess.Popen(
        peer.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def send(message: dict[str, Any]) -> None:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            process.stdin.flush()

        def ask(number: int, method: str, params: dict[str, Any]) -> None:
            assert process.stdout is not None
            send({"id": number, "method": method, "params": params})
            while json.loads(process.stdout.readline()).get("id") != number:
                pass

        ask(0, "initialize", HELLO)
        initialized = time.perf_counter()
        send({"method": "notifications/initialized"})
        call = {"name": peer.tool, "arguments": peer.arguments}
        ask(1, "tools/call", call)
        answered = time.perf_counter()
        times = []
        for number in range(2, CALLS + 2):
            asked = time.perf_counter()
            ask(number, "tools/call", call)
            times.append(time.perf_counter() - asked)
        peak = peak_kib(process.pid)
        process.stdin.close()
        process.wait(30)
    return Figures(
        (initialized - began) * 1e3, (answered - began) * 1e3, statistics.median(times) * 1e3, peak
    )


def peak_kib(pid: int) -> int:
    """The peak of resident memory; 0 where the system does not tell it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return 0
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def fill(events: int) -> None:
    """Record events of 90 days, five modules and four models in the ledger of the environment."""
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event

    chance, now = random.Random(1), time.time_ns() // 1000
    with Ledger.open() as ledger:
        for start in range(0, events, 10_000):
            ledger.record(
                Event(
                    event_id=f"e{number}",
                    ts=now - chance.randrange(90 * 86_400_000_000),
                    module=f"module{number % 5}",
                    model=f"claude-{number % 4}",
                    source="app" if number % 2 else "claude_code",
                    session_id=f"s{number // 200}",
                    input_tokens=number % 1000,
                    cost_nano=number % 10**6,
                )
                for number in range(start, min(events, start + 10_000))
            )


def peers(project: Path) -> list[Peer]:
    """Minimal, ours, and what else is on this machine."""
    found = [
        Peer("minimal MCPServer", [sys.executable, "-c", MINIMAL], "echo", {"text": "x"}),
        Peer("gaia-budget", [sys.executable, "-I", "-m", "gaia_mcp"], "budget_spend", {}),
        Peer(
            "gaia-budget by model", [sys.executable, "-I", "-m", "gaia_mcp"], "budget_spend", {"by": "model"}
        ),
    ]
    if clock := shutil.which("mcp-server-time"):
        found.append(Peer("mcp-server-time", [clock], "get_current_time", {"timezone": "UTC"}))
    cache = Path(os.environ.get("GAIA_TEST_CACHE") or Path.home() / ".cache" / "gaia-token-budget-tests")
    script = cache / "mcp-filesystem/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"
    if script.exists() and (node := shutil.which("node")):
        arguments = {"path": str(project)}
        found.append(
            Peer("server-filesystem", [node, str(script), str(project)], "list_directory", arguments)
        )
    return found


def main() -> None:
    """Run all in turn, and print medians and ratios to the minimal server."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        all_peers = peers(home)
        places = {
            "HOME": folder,
            "GAIA_BUDGET_HOME": f"{folder}/state",
            "CLAUDE_CONFIG_DIR": f"{folder}/claude",
        }
        os.environ.update(places, CLAUDE_PROJECT_DIR=folder)
        fill(options.events)
        env = dict(os.environ)
        rounds: dict[str, list[Figures]] = {peer.name: [] for peer in all_peers}
        for number in range(options.rounds + 1):
            for peer in all_peers:
                figures = run(peer, env)
                if number:  # the first round warms the caches
                    rounds[peer.name].append(figures)
    show(rounds, options.events)


def show(rounds: dict[str, list[Figures]], events: int) -> None:
    """One line per server."""
    medians = {
        name: Figures(*(statistics.median(column) for column in zip(*runs, strict=True)))
        for name, runs in rounds.items()
    }
    floor = medians["minimal MCPServer"]
    print(f"medians of {len(next(iter(rounds.values())))} rounds; ledger of {events:,} events")
    print(f"{'':22} {'initialize':>18} {'first answer':>18} {'call p50':>20} {'peak memory':>20}")
    for name, found in medians.items():
        print(
            f"{name:22} {found.initialize:7.0f} ms {found.initialize / floor.initialize:5.2f} ×"
            f" {found.first_answer:8.0f} ms {found.first_answer / floor.first_answer:5.2f} ×"
            f" {found.call:8.2f} ms {found.call - floor.call:+5.2f} ms"
            f" {found.peak_kib / 1024:8.1f} MiB {found.peak_kib / floor.peak_kib:5.2f} ×"
        )


if __name__ == "__main__":
    main()
