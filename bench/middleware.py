"""What guarding a call adds to it, against litellm, on the same server on loopback; and what importing costs.

    python bench/middleware.py [--calls 300]          (needs litellm beside this package)

One round makes one call with the bare SDK, one with it wrapped (ledger on SQLite, ARGUS log and journal written),
and one with litellm's `completion`; rounds are interleaved, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
MODEL = "claude-haiku-4-5"
MESSAGES = [{"role": "user", "content": "What is six times seven? Answer with the number."}]
WARM_UP = 20
STARTS = 15
SERVER = (
    "import sys, time; from support.wire_server import WireServer\n"
    "with WireServer() as server:\n print(server.url, flush=True); sys.stdin.read()\n"
)


def main() -> None:
    """Measure and print; ends with 1 when a bound of ours is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    calls = parser.parse_args().calls
    with tempfile.TemporaryDirectory() as home, Server() as url:
        _set_environment(home)
        times = _measure(url, calls)
    kept = _report(times)
    kept &= _report_import()
    sys.exit(0 if kept else 1)


class Server:
    """The server of the tests, in a process of its own."""

    def __enter__(self) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=10)


def _set_environment(home: str) -> None:
    root = Path(home) / "gaia"
    root.mkdir()
    (root / "token_budget.json").write_text(
        '{"per_module": {"bench": {"provider": "anthropic", "monthly_budget_usd": 1000}}}', "utf-8"
    )
    os.environ |= {"GAIA_BUDGET_HOME": str(Path(home) / "state"), "GAIA_ROOT": str(root), "HOME": home}
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch its prices from the network


def _measure(url: str, calls: int) -> dict[str, list[float]]:
    ways = {"bare SDK": _bare(url), "gaia_budget": _ours(url), "litellm": _litellm(url)}
    for _ in range(WARM_UP):
        for call in ways.values():
            call()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(calls):
        for name, call in ways.items():
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) * 1000)
    return times


def _bare(url: str) -> Callable[[], Any]:
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key="none")
    return lambda: client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES)  # type: ignore[arg-type]


def _ours(url: str) -> Callable[[], Any]:
    import anthropic

    from gaia_budget import BudgetGuard

    client = BudgetGuard("bench").wrap(anthropic.Anthropic(base_url=url, api_key="none"))
    return lambda: client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES)  # type: ignore[arg-type]


def _litellm(url: str) -> Callable[[], Any]:
    import litellm  # type: ignore[import-not-found]

    litellm.suppress_debug_info = True
    options = {"model": f"anthropic/{MODEL}", "max_tokens": 100, "messages": MESSAGES}
    return lambda: litellm.completion(api_base=url, api_key="none", **options)


def _at(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def _report(times: dict[str, list[float]]) -> bool:
    bare = times["bare SDK"]
    added = {}
    print(f"{'ms per call':<14}{'p50':>9}{'p99':>9}{'added p50':>12}{'added p99':>12}   (n = {len(bare)})")
    for name, measured in times.items():
        added[name] = (_at(measured, 0.5) - _at(bare, 0.5), _at(measured, 0.99) - _at(bare, 0.99))
        shown = "".join(f"{value:>12.3f}" for value in added[name])
        print(f"{name:<14}{_at(measured, 0.5):>9.3f}{_at(measured, 0.99):>9.3f}{shown}")
    ratios = [ours / theirs for ours, theirs in zip(added["gaia_budget"], added["litellm"], strict=True)]
    print(f"added by gaia_budget / added by litellm: p50 {ratios[0]:.2f}, p99 {ratios[1]:.2f} (bound: 0.33)")
    return all(ratio <= 1 / 3 for ratio in ratios)


def _report_import() -> bool:
    probe = "import time; start = time.perf_counter(); import gaia_budget; print((time.perf_counter() - start) * 1000)"
    command = [sys.executable, "-c", probe]
    taken = median(
        float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(STARTS)
    )
    print(f"import gaia_budget: {taken:.2f} ms (bound: 50)")
    return taken <= 50


if __name__ == "__main__":
    main()
