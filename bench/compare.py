"""ccusage, codeburn, claude-monitor and ours on the same files: `docs/compare.md` is made from what this prints.

    python bench/compare.py [--mb SIZE] [--peers FOLDER] [--write]

Makes a corpus whose truth is known in a temporary folder, installs the peers (npm, pip; Node 22.13 for codeburn) into
FOLDER, which may be kept, and asks each for its tokens and dollars, offline. A peer that cannot be installed is left
out. `--write` writes the page.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support import corpus

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compare.md"
KINDS = ("input", "output", "cache read", "cache write")
MONITOR = """
import json, sys
from claude_monitor.data.reader import load_usage_entries
found, _ = load_usage_entries(data_path=sys.argv[1], hours_back=None)
names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
print(json.dumps([[sum(getattr(one, name) for one in found) for name in names], sum(one.cost_usd for one in found)]))
"""
Figures = tuple[list[int], float]


class Peer(NamedTuple):
    """A program: its version, how it is asked, and where its answer has the figures."""

    name: str
    version: str
    command: list[str]
    figures: Callable[[str], Figures]


def of_ccusage(printed: str) -> Figures:
    total = json.loads(printed)["totals"]
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens")
    return [total[name] for name in names], total["totalCost"]


def of_codeburn(printed: str) -> Figures:
    seen = json.loads(printed)["overview"]
    return [seen["tokens"][name] for name in ("input", "output", "cacheRead", "cacheWrite")], seen["cost"]


def of_monitor(printed: str) -> Figures:
    tokens, cost = json.loads(printed.splitlines()[-1])
    return tokens, cost


def of_ours(printed: str) -> Figures:
    total = json.loads(printed)["total"]
    writes = total["cache_write_5m_tokens"] + total["cache_write_1h_tokens"]
    tokens = [total["input_tokens"], total["output_tokens"], total["cache_read_tokens"], writes]
    return tokens, float(total["cost_usd"])


def peers(folder: Path, home: Path) -> list[Peer]:
    """Those that can be installed here."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}
    native = f"@ccusage/ccusage-{sys.platform}-{machine.get(platform.machine().lower(), platform.machine().lower())}"
    modules, python = folder / "node_modules", folder / "monitor" / "bin" / "python"
    found = []
    if installed(
        ["npm", "install", "--silent", "--prefix", str(folder), native, "codeburn"], modules / "codeburn"
    ):
        program = modules / native / "bin" / "ccusage"
        program.chmod(0o755)
        asked = [str(program), "claude", "daily", "--json", "--offline"]
        found.append(Peer("ccusage", node_version(modules / native), asked, of_ccusage))
        asked = [str(modules / ".bin" / "codeburn"), "report", "--format", "json", "--period", "all"]
        found.append(Peer("codeburn", node_version(modules / "codeburn"), asked, of_codeburn))
    made = installed([sys.executable, "-m", "venv", str(folder / "monitor")], python)
    if made and installed([str(python), "-m", "pip", "install", "-q", "claude-monitor"], python):
        show = "import importlib.metadata as m; print(m.version('claude-monitor'))"
        version = subprocess.run(
            [python, "-c", show], capture_output=True, text=True, check=True
        ).stdout.strip()
        asked = [str(python), "-c", MONITOR, str(home / ".claude" / "projects")]
        found.append(Peer("claude-monitor", version, asked, of_monitor))
    return found


def installed(command: list[str], proof: Path) -> bool:
    try:
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0
    except OSError:
        done = False
    return done and proof.exists()


def node_version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_text("utf-8"))["version"])


def compared(home: Path, size: int, folder: Path) -> str:
    """The page's table."""
    truth = corpus.write(home / ".claude", size=size)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CLAUDE_CONFIG_DIR": str(home / ".claude"),
                   "GAIA_BUDGET_HOME": str(home / "gaia-budget"), "TZ": "UTC"}  # fmt: skip
    version = subprocess.run([sys.executable, "-m", "gaia_budget", "--version"], capture_output=True, text=True,
                             env=environment, check=True).stdout.split()[-1]  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "gaia_budget", "ingest"], env=environment, check=True, capture_output=True
    )
    ours = Peer(
        "GAIA Token Budget", version, [sys.executable, "-m", "gaia_budget", "spend", "--json"], of_ours
    )
    fresh, output, reads, five, hour, _, _ = truth.tokens()
    wanted = [fresh, output, reads, five + hour]
    dollars = (truth.nano() + sum(truth.hidden.values())) / 1e9
    lines = [
        f"{datetime.now(UTC):%d %B %Y}, {truth.bytes / 1e6:.0f} MB of sessions, {len(truth.responses):,} responses.",
        "",
        "| | version | " + " | ".join(KINDS) + " | dollars |",
        "|---|---|" + "---:|" * (len(KINDS) + 1),
        "| truth | | " + " | ".join(f"{n:,}" for n in wanted) + f" | {dollars:.4f} |",
    ]
    for peer in [ours, *peers(folder, home)]:
        began = time.perf_counter()
        done = subprocess.run(peer.command, env=environment, capture_output=True, text=True, check=False)
        try:
            tokens, cost = peer.figures(done.stdout)
        except (ValueError, KeyError, IndexError):
            lines.append(f"| {peer.name} | {peer.version} | no figures: {done.stderr.strip()[:80]} | | | | |")
            continue
        errors = " | ".join(f"{mine - true:+,}" for mine, true in zip(tokens, wanted, strict=True))
        lines.append(f"| {peer.name} | {peer.version} | {errors} | {cost - dollars:+.4f} |")
        print(f"{peer.name}: {time.perf_counter() - began:.2f} s")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=int, default=3)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gaia-compare-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        table = compared(home, options.mb * 1_000_000, (options.peers or Path(folder) / "peers").absolute())
    print(table)
    if options.write:
        head, begin, rest = PAGE.read_text("utf-8").partition("<!-- measured -->\n")
        _, end, tail = rest.partition("<!-- end -->\n")
        PAGE.write_text(head + begin + table + end + tail, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
