"""How fast a price is: the flat table against genai-prices, `gaia-budget recommend` against `import typer`, and what
the classifier of described tasks adds to it.

    python bench/prices.py [--runs 15]

Both ratios come from one run, with the two sides taking turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

MODEL = "claude-haiku-5-5"
USAGE = (1_000, 2_000, 50_000, 3_000, 1_000, 500, 1)
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
CALLS = 2_000
LEAST_SPEEDUP, MOST_START = 50, 2.5
MOST_MS, MOST_MB = 5, 5


def lookups(rounds: int) -> tuple[float, float, float]:
    """Median microseconds of one price: genai-prices, our table by name, its arithmetic alone."""
    from genai_prices import Usage, calc_price

    from gaia_budget.prices.table import load
    from gaia_hooks.facts.prices import pricing

    prices = load()
    name = prices.name(MODEL)
    assert name is not None
    rows, epoch = prices.rows(name), AT.timestamp()
    fresh, output, read, write_5m, write_1h, reasoning, searches = USAGE

    def theirs() -> object:
        usage = Usage(
            input_tokens=fresh + read + write_5m + write_1h, output_tokens=output, cache_read_tokens=read,
            cache_write_tokens=write_5m + write_1h, cache_write_5m_tokens=write_5m,
            cache_write_1h_tokens=write_1h, output_reasoning_tokens=reasoning, web_searches=searches,
        )  # fmt: skip
        return calc_price(usage, MODEL, genai_request_timestamp=AT)

    def by_name() -> object:
        return prices.price(MODEL, USAGE, epoch)

    def arithmetic() -> object:
        return pricing.cost_nano(USAGE, pricing.row_at(rows, epoch))

    sides = ((theirs, CALLS // 20), (by_name, CALLS), (arithmetic, CALLS))
    measured: list[list[float]] = [[], [], []]
    for _ in range(rounds):
        for figures, (call, calls) in zip(measured, sides, strict=True):
            started = time.perf_counter()
            for _ in range(calls):
                call()
            figures.append((time.perf_counter() - started) / calls * 1e6)
    return tuple(statistics.median(one) for one in measured)  # type: ignore[return-value]


FIRST = """
import json, math, re, resource, time, unicodedata, zlib
import gaia_budget.routing.table
def held():  # pages of memory
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1])
before, start = held(), time.process_time()
from gaia_budget.routing.classify import classify
classify("fix the flaky test in the sync module, it fails when the clock jumps")
print((time.process_time() - start) * 1e3, (held() - before) * resource.getpagesize() / 1e6)
"""


def classifier(runs: int) -> tuple[float, float]:
    """Median milliseconds of processor time and megabytes that the first answer in a process costs."""
    told = [
        subprocess.run([sys.executable, "-c", FIRST], capture_output=True, check=True) for _ in range(runs)
    ]
    figures = [tuple(map(float, one.stdout.split())) for one in told]
    return statistics.median(ms for ms, _ in figures), statistics.median(mb for _, mb in figures)


def starts(runs: int, home: Path) -> tuple[float, float]:
    """Median milliseconds of processor time of a whole process: `import typer`, and the recommendation."""
    root = home / "gaia"
    root.mkdir()
    (root / "token_budget.json").write_text(
        '{"$schema": "gaia-token-budget-v1", "per_module": {"demo": {"provider": "anthropic",'
        ' "models": ["haiku", "sonnet"], "monthly_budget_usd": 10}}}',
        encoding="utf-8",
    )
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home), "GAIA_BUDGET_HOME": str(home / "state"),
                   "GAIA_ROOT": str(root), "CLAUDE_CONFIG_DIR": str(home / ".claude")}  # fmt: skip
    python = [sys.executable, "-c"]
    prepare = "from gaia_budget import settings, snapshot; snapshot.write(settings.load())"
    subprocess.run([*python, prepare], env=environment, check=True)
    ask = "import sys; sys.argv[1:] = ['recommend', 'jd_parse', '--module', 'demo', '--json']; "
    commands = ("import typer", ask + "from gaia_budget.cli.app import main; main()")
    measured: list[list[float]] = [[], []]
    for _ in range(runs + 1):
        for figures, code in zip(measured, commands, strict=True):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([*python, code], env=environment, check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            figures.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3)
    return tuple(statistics.median(one[1:]) for one in measured)  # type: ignore[return-value]


def main() -> int:
    """Print the ratios; 1 when one of them is out of bounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GAIA_BUDGET_HOME"] = str(Path(folder) / "prices")
        theirs, by_name, arithmetic = lookups(runs)
        typer, recommend = starts(runs, Path(folder))
    first, held = classifier(runs)
    print(
        f"one price: genai-prices {theirs:.1f} µs, flat table {arithmetic:.2f} µs, with the name {by_name:.2f} µs"
    )
    print(f"  {theirs / arithmetic:.0f} x and {theirs / by_name:.0f} x faster (at least {LEAST_SPEEDUP} x)")
    print(f"processor time: import typer {typer:.0f} ms, recommend {recommend:.0f} ms")
    print(f"  {recommend / typer:.2f} x (at most {MOST_START} x)")
    print(f"classifier, first answer: {first:.1f} ms (at most {MOST_MS}), {held:.1f} MB (at most {MOST_MB})")
    slow = theirs / arithmetic < LEAST_SPEEDUP or recommend / typer > MOST_START
    return int(slow or first > MOST_MS or held > MOST_MB)


if __name__ == "__main__":
    sys.exit(main())
