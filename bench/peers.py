"""Every branch that Claude Code bills by, as ccusage and codeburn of today price it, and we: dollars against the bill.

    python bench/peers.py [--peers FOLDER] [--node PROGRAM]

Each branch is a transcript of its own in a temporary home, made from the cells of `tests/support/branches.py`, whose
reckoning shares no code with any of the three. The peers are installed by npm into a temporary folder, or taken from
FOLDER, where `npm install` has put `codeburn` and `@ccusage/ccusage-<platform>`. Codeburn needs Node 22 or newer.
A peer that is not there, or fails, has no column. Exit 1 where we are not exact.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support.branches import CELLS, MODELS, Cell, reckoned, usage_of
from support.rows import SESSION, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

HALF_A_NANO = 0.5e-9
KNOWN = "claude-opus-4-8"
"""Every program's list has its price right: on it a branch alone makes a difference."""


def cells_of(model: str = KNOWN, *, tiers: bool = False, **axes: Any) -> list[Cell]:
    """The cells of a model that differ from a plain answer by these axes alone, at every size and kind of write."""
    wanted = {"kind": "plain", "searches": 3 if axes.get("service") else 0, "geo": "", "service": ""} | axes
    return [
        cell for cell in CELLS
        if cell.model == model and (cell.size == "above the tier") == tiers
        and all(getattr(cell, name) == value for name, value in wanted.items())
    ]  # fmt: skip


BRANCHES = {
    **{f"plain, {model}": cells_of(model) for model in MODELS},
    "prompt above haiku's tier": cells_of("claude-haiku-5-5", tiers=True),
    "two runs": cells_of(kind="two"),
    "compaction on the server": cells_of(kind="compaction"),
    "an advisor": cells_of(kind="advisor"),
    "declined, then fallback": cells_of(kind="fallback"),
    "inference in the US": cells_of(geo="us"),
    "web searches": cells_of(searches=3),
    "fast": cells_of(service="fast"),
}


def write(home: Path, cells: list[Cell]) -> float:
    """A transcript with one answer for each cell; what they cost."""
    folder = home / ".claude" / "projects" / "-home-dev-project"
    folder.mkdir(parents=True)
    lines, bill = [], Fraction(0)
    for number, cell in enumerate(cells):
        usage, runs = usage_of(cell)
        bill += sum(reckoned(cell, runs).values())
        message = {"id": f"msg_{number:024d}", "type": "message", "role": "assistant", "model": cell.model,
                   "content": [{"type": "text", "text": "done"}], "usage": usage}  # fmt: skip
        row = {"type": "assistant", "uuid": f"u-{number}", "requestId": f"req_{number:024d}", "sessionId": SESSION,
               "timestamp": stamp(number), "cwd": "/home/dev/project", "version": "2.1.332",
               "requestedModel": cell.model, "message": message}  # fmt: skip
        lines.append(
            json.dumps(row, separators=(",", ":"))
        )  # as the client writes; some programs look for it
    (folder / f"{SESSION}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return float(bill)


def ours(run: Callable[..., Any]) -> float:
    run(sys.executable, "-m", "gaia_budget", "ingest", "--json")
    return float(run(sys.executable, "-m", "gaia_budget", "spend", "--json")["total"]["cost_usd"])


def installed(folder: Path) -> Path:
    """The peers of today, by npm."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}
    name = f"@ccusage/ccusage-{sys.platform}-{machine.get(platform.machine().lower(), platform.machine().lower())}"
    command = [shutil.which("npm") or "npm", "install", "--silent", "--no-audit", "--no-fund"]
    if (
        shutil.which("npm") is None
        or subprocess.run([*command, "--prefix", str(folder), name, "codeburn"], check=False).returncode
    ):
        print("npm does not install the peers here; --peers FOLDER names a folder that has them")
    return folder


def commands_of(folder: Path, node: str) -> dict[str, tuple[list[str], Callable[[Any], float]]]:
    """By name and version: what prints a peer's total as JSON, and where the dollars stand in it."""
    found: dict[str, tuple[list[str], Callable[[Any], float]]] = {}
    for package in sorted((folder / "node_modules" / "@ccusage").glob("ccusage-*")):
        program = package / "bin" / "ccusage"
        program.chmod(0o755)
        command = [str(program), "claude", "daily", "--json", "--offline"]
        found[f"ccusage {version(package)}"] = command, lambda told: float(told["totals"]["totalCost"])
    package = folder / "node_modules" / "codeburn"
    if package.is_dir():
        command = [node, str(package / "dist" / "cli.js"), "report", "--format", "json"]
        command += ["--provider", "claude", "--from", "2026-11-01", "--to", "2026-12-01"]
        found[f"codeburn {version(package)}"] = command, lambda told: float(told["overview"]["cost"])
    return found


def version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text("utf-8"))["version"])


def table(peers: dict[str, tuple[list[str], Callable[[Any], float]]]) -> bool:
    """Print a line for each branch; whether each of ours is exact."""
    print(f"{datetime.now(UTC):%Y-%m-%d}; dollars beside the bill, in percent of it")
    names = ["us", *peers]
    print(f"{'branch':28}{'answers':>8}{'bill USD':>14}" + "".join(f"{name:>20}" for name in names))
    exact = True
    for branch, cells in BRANCHES.items():
        with tempfile.TemporaryDirectory(prefix="gaia-bench-") as folder:
            home = Path(folder)
            bill = write(home, cells)
            environment = {"PATH": os.environ["PATH"], "HOME": folder, "CLAUDE_CONFIG_DIR": str(home / ".claude"),
                           "GAIA_BUDGET_HOME": str(home / "gaia-budget"), "TZ": "UTC"}  # fmt: skip

            def run(*command: str, environment: dict[str, str] = environment) -> Any:
                done = subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=True, timeout=120
                )
                return json.loads(done.stdout[done.stdout.index("{") :])

            mine = ours(run)
            exact = exact and abs(mine - bill) <= HALF_A_NANO * sum(len(usage_of(cell)[1]) for cell in cells)
            told = [f"{shown(mine, bill):>20}"]
            for command, dollars in peers.values():
                try:
                    told.append(f"{shown(dollars(run(*command)), bill):>20}")
                except (subprocess.SubprocessError, OSError, ValueError, KeyError):
                    told.append(f"{'failed':>20}")
            print(f"{branch:28}{len(cells):>8}{bill:>14.6f}" + "".join(told), flush=True)
    return exact


def shown(dollars: float, bill: float) -> str:
    return "exact" if abs(dollars - bill) < 1e-6 else f"{(dollars - bill) / bill:+.2%}"


def main() -> None:
    """Run the benchmark; see the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", type=Path, help="a folder with a node_modules that has the peers")
    parser.add_argument("--node", default=shutil.which("node") or "node", help="Node for codeburn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gaia-bench-") as folder:
        there = options.peers or installed(Path(folder))
        sys.exit(0 if table(commands_of(there, options.node)) else 1)


if __name__ == "__main__":
    main()
