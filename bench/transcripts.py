"""Reading transcripts: our counting pass and a full cold `ingest` against `ccusage daily`, in one run.

    python bench/transcripts.py [--mb SIZE] [--runs N] [--ccusage PROGRAM] [--against COMMIT]

Makes a corpus whose truth is known in a temporary folder, prints seconds and ratios (medians of N rounds, in which all
take their turn), and what each program says of tokens and dollars, against the truth. PROGRAM is ccusage's native
binary; without it npm's `@ccusage/ccusage-<platform>` is installed into the temporary folder.

`--against` takes that commit's sources out of git, and lets their counting pass take its turn with ours: counting may
not become slower. Ends with 1 where it did, or where a figure of ours is not the truth.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support import corpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from support.sessions import Truth

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("input", "output", "cache read", "cache write")
COUNT = """
import json, sys
from pathlib import Path
from gaia_budget.transcripts.discovery import find
from gaia_budget.transcripts.heading import heading
from gaia_budget.transcripts.reading import ReadingPosition, read
from gaia_hooks.facts.tokens.usage import merged
known = {}
files = sorted((heading(one).began, one) for one in find([Path(sys.argv[1])]))
for began, one in files:
    for seen in read(one, ReadingPosition(began=began)).responses:
        before = known.get(seen.key)
        known[seen.key] = seen.usage if before is None else merged(before, seen.usage)
fresh, output, reads, five, hour, _, _ = map(sum, zip(*known.values()))
print(json.dumps([fresh, output, reads, five + hour]))
"""
OURS, BEFORE = "counting pass", "counting pass before"
SLACK = 1.02  # between two medians of one run
INGEST = [sys.executable, "-m", "gaia_budget", "ingest", "--json"]
SPEND = [sys.executable, "-m", "gaia_budget", "spend", "--json"]


class Took(NamedTuple):
    """Seconds of one process: by the clock, and of processor time."""

    wall: float
    cpu: float
    output: str


def timed(command: Sequence[str], environment: dict[str, str]) -> Took:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Took(wall, cpu, done.stdout)


def peer_program(folder: Path) -> str | None:
    """ccusage's native binary, installed into a folder; None where npm cannot."""
    npm, machine = shutil.which("npm"), {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}
    name = f"ccusage-{sys.platform}-{machine.get(platform.machine().lower(), platform.machine().lower())}"
    command = [str(npm), "install", "--silent", "--prefix", str(folder / "npm"), f"@ccusage/{name}"]
    if npm is None or subprocess.run(command, check=False).returncode:
        print(f"without ccusage: npm does not install @ccusage/{name} here (--ccusage PROGRAM names one)")
        return None
    program = folder / "npm" / "node_modules" / "@ccusage" / name / "bin" / "ccusage"
    program.chmod(0o755)
    return str(program)


def earlier(commit: str, folder: Path) -> tuple[str, str]:
    """The counting pass of a commit as its own benchmark has it, and the path that its sources are imported from."""
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as sources:
        sources.extractall(folder, filter="data")
    program = (folder / "bench" / "transcripts.py").read_text("utf-8").partition('COUNT = """')[2]
    return program.partition('"""')[0], os.pathsep.join(str(folder / name) for name in ("core", "hooks"))


def figures_of_ccusage(printed: str) -> tuple[list[int], float]:
    total = json.loads(printed)["totals"]
    names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens")
    return [total[name] for name in names], total["totalCost"]


def figures_of_spend(printed: str) -> tuple[list[int], float]:
    total = json.loads(printed)["total"]
    writes = total["cache_write_5m_tokens"] + total["cache_write_1h_tokens"]
    tokens = [total["input_tokens"], total["output_tokens"], total["cache_read_tokens"], writes]
    return tokens, float(total["cost_usd"])


def show_errors(truth: Truth, told: dict[str, tuple[list[int], float | None]]) -> bool:
    """Print what each says against the truth; whether what we say is the truth."""
    fresh, output, reads, five, hour, _, _ = truth.tokens()
    true_tokens = [fresh, output, reads, five + hour]
    true_cost = (truth.nano() + sum(truth.hidden.values())) / 1e9
    print(f"\n{'':24}" + "".join(f"{kind:>16}" for kind in KINDS) + f"{'dollars':>18}")
    print(f"{'truth':24}" + "".join(f"{n:>16,}" for n in true_tokens) + f"{true_cost:>18.9f}")
    for name, (tokens, cost) in told.items():
        errors = "".join(f"{mine - true:>+16,}" for mine, true in zip(tokens, true_tokens, strict=True))
        dollars = "" if cost is None else f"{cost - true_cost:>+18.9f}"
        print(f"{name:24}{errors}{dollars}")
    ours = [told[name] for name in told if name != "ccusage daily"]
    return all(tokens == true_tokens and abs((cost or true_cost) - true_cost) < 1e-9 for tokens, cost in ours)


def append_megabyte(config_dir: Path, seed: int) -> None:
    corpus.write(config_dir, size=1_000_000, seed=seed, long_line=1000)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", type=int, default=1000, help="size of the corpus (default: 1000)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--ccusage", default=shutil.which("ccusage"))
    parser.add_argument("--against", metavar="COMMIT", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gaia-bench-") as folder:
        home = Path(folder)
        options.ccusage = options.ccusage or peer_program(home)
        config_dir = home / ".claude"
        truth = corpus.write(config_dir, size=options.mb * 1_000_000)
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "CLAUDE_CONFIG_DIR": str(config_dir),
                       "GAIA_BUDGET_HOME": str(home / "gaia-budget"), "TZ": "UTC"}  # fmt: skip
        print(f"{truth.bytes / 1e6:.0f} MB, {len(truth.responses):,} responses, medians of {options.runs}")
        sys.exit(0 if bench(home, options, environment, truth) else 1)


def bench(home: Path, options: argparse.Namespace, environment: dict[str, str], truth: Truth) -> bool:
    took = rounds(home, options, environment)
    spent = timed(SPEND, environment)
    peers = took.get("ccusage daily")
    print(f"\n{'':24}{'wall s':>10}{'CPU s':>10}{'wall ratio':>12}{'CPU ratio':>12}")
    for name, runs in took.items():
        row = f"{median(one.wall for one in runs):>10.2f}{median(one.cpu for one in runs):>10.2f}"
        if peers:  # round by round, so that a machine that changes its pace changes both
            row += f"{median(mine.wall / peer.wall for mine, peer in zip(runs, peers, strict=True)):>12.2f}"
            row += f"{median(mine.cpu / peer.cpu for mine, peer in zip(runs, peers, strict=True)):>12.2f}"
        print(f"{name:24}{row}")
    show_warm(home, environment)
    told: dict[str, tuple[list[int], float | None]] = {
        name: (json.loads(runs[0].output), None) for name, runs in took.items() if name.startswith(OURS)
    } | {
        "ledger (spend)": figures_of_spend(spent.output),
    }
    if peers:
        told["ccusage daily"] = figures_of_ccusage(peers[0].output)
    exact = show_errors(truth, told)
    if BEFORE not in took:
        return exact
    pairs = zip(took[OURS], took[BEFORE], strict=True)
    slower = median(mine.cpu / before.cpu for mine, before in pairs)
    print(f"\ncounting against {options.against}: {slower:.3f} of its CPU time (median of rounds)")
    return exact and slower <= SLACK


def rounds(home: Path, options: argparse.Namespace, environment: dict[str, str]) -> dict[str, list[Took]]:
    config_dir, ours = home / ".claude", home / "gaia-budget"
    timed(INGEST, environment)  # files into the page cache, price table onto the disk
    passes = {OURS: (COUNT, "")}
    if options.against:
        passes[BEFORE] = earlier(options.against, home / "before")
    took: dict[str, list[Took]] = {}
    for _ in range(options.runs):
        if options.ccusage:
            peer = [options.ccusage, "claude", "daily", "--json", "--offline"]
            took.setdefault("ccusage daily", []).append(timed(peer, environment))
        for name, (program, path) in passes.items():
            counting = [sys.executable, "-c", program, str(config_dir)]
            took.setdefault(name, []).append(timed(counting, environment | {"PYTHONPATH": path}))
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            (ours / name).unlink(missing_ok=True)
        took.setdefault("cold ingest", []).append(timed(INGEST, environment))
    return took


def show_warm(home: Path, environment: dict[str, str]) -> None:
    """A run with 1 MB of new rows, beside the start-up of the command: the same in an empty folder."""
    empty = environment | {
        "CLAUDE_CONFIG_DIR": str(home / "empty"),
        "GAIA_BUDGET_HOME": str(home / "other"),
    }
    timed(INGEST, empty)  # makes ledger and price table
    start, warm, above = [], [], []
    for seed in range(2, 7):
        append_megabyte(home / ".claude", seed)
        start.append(timed(INGEST, empty).wall)
        warm.append(timed(INGEST, environment).wall)
        above.append(warm[-1] - start[-1])
    print(f"{'warm, 1 MB new':24}{median(warm):>10.2f}   start-up of the command {median(start):.2f} s, "
          f"above it {median(above) * 1000:.0f} ms")  # fmt: skip


def median(figures: Iterable[float]) -> float:
    return statistics.median(figures)


if __name__ == "__main__":
    main()
