"""What guarding a call adds to it, against litellm, on the same server on loopback; and what importing costs.

    python bench/middleware.py [--calls 400] [--against PYTHON]

Three processes make the same calls in turns of ten, so that a busy machine slows all of them alike: the bare SDK,
the SDK wrapped (ledger on SQLite, ARGUS log and journal written), and litellm's `completion`. litellm is installed
into the folder of the tests' components at the first run, apart from everything else. CPU time is that of the
calling process; on a busy machine it says more than the clock.

`--against` names the interpreter of another checkout's environment, which is measured in litellm's place: what the
guard adds to a call may not be more than 5 % above what it adds there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

LITELLM = "litellm==1.110.2"
MODEL = "claude-haiku-4-5"
BUDGET = '{"per_module": {"bench": {"provider": "anthropic", "monthly_budget_usd": 1000}}}'
MESSAGES: list[Any] = [{"role": "user", "content": "What is six times seven? Answer with the number."}]
WARM_UP, TURN, STARTS = 30, 10, 15
SERVER = (
    "import sys; from support.wire_server import WireServer\n"
    "with WireServer() as server:\n print(server.url, flush=True); sys.stdin.read()\n"
)
BARE, OURS, THEIRS, BEFORE = "bare SDK", "gaia_budget", "litellm", "before"
MOST = {THEIRS: 1 / 3, BEFORE: 1.05}
"""What ours may add, as a share of what the other adds."""


def main() -> None:
    """Measure and print; ends with 1 when a bound of ours is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--against", metavar="PYTHON", default="")
    parser.add_argument("--caller", nargs=2, metavar=("WAY", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.caller:
        _serve_turns(*options.caller)
        return
    kept = _report(_measure(options.calls, options.against))
    kept &= _report_import()
    sys.exit(0 if kept else 1)


class Child:
    """A process that answers each line with a line."""

    def __init__(self, *command: str, path: Path, home: str, python: str = sys.executable) -> None:
        root = Path(home) / "gaia"
        root.mkdir(exist_ok=True, parents=True)
        (root / "token_budget.json").write_text(BUDGET, "utf-8")
        environment = {**os.environ, "PYTHONPATH": str(path), "HOME": home, "GAIA_ROOT": str(root)}
        environment |= {"GAIA_BUDGET_HOME": str(Path(home) / "state"), "ANTHROPIC_API_KEY": "none"}
        environment |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # it would fetch its prices from the network
        self._process = subprocess.Popen(
            [python, *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.communicate(timeout=30)
        except subprocess.TimeoutExpired:  # litellm leaves threads behind that a busy machine keeps alive
            self._process.kill()
            self._process.communicate()

    def line(self, said: str = "") -> str:
        """Say something, and read the next line."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if said:
            self._process.stdin.write(said + "\n")
            self._process.stdin.flush()
        return self._process.stdout.readline().strip()


def _measure(calls: int, against: str) -> dict[str, list[tuple[float, float]]]:
    litellm = Path() if against else _installed_litellm()
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        url = stack.enter_context(Child("-c", SERVER, path=ROOT / "tests", home=home)).line()
        callers = {
            way: stack.enter_context(
                Child(
                    __file__,
                    "--caller",
                    way,
                    url,
                    path=litellm if way == THEIRS else ROOT / "tests",
                    home=f"{home}/before" if way == BEFORE else home,
                    python=against if way == BEFORE else sys.executable,
                )
            )
            for way in (BARE, OURS, BEFORE if against else THEIRS)
        }
        times: dict[str, list[tuple[float, float]]] = {way: [] for way in callers}
        for caller in callers.values():
            caller.line(str(WARM_UP))
        for _ in range(calls // TURN):
            for way, caller in callers.items():
                times[way] += [(clock, cpu) for clock, cpu in json.loads(caller.line(str(TURN)))]
    return times


def _installed_litellm() -> Path:
    from support.components import cache

    folder = cache() / LITELLM.replace("==", "-")
    if not (folder / "litellm").is_dir():
        print(f"installing {LITELLM} into {folder}", file=sys.stderr)
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
        subprocess.run([*uv, "--target", str(folder), LITELLM], check=True)
    return folder


def _serve_turns(way: str, url: str) -> None:
    """Make as many calls as each line says; answer with milliseconds by the clock and of CPU for each."""
    call = {BARE: _bare, OURS: _ours, BEFORE: _ours, THEIRS: _litellm}[way](url)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start, cpu = time.perf_counter(), time.process_time()
            call()
            times.append(((time.perf_counter() - start) * 1000, (time.process_time() - cpu) * 1000))
        print(json.dumps(times), flush=True)


def _bare(url: str) -> Callable[[], Any]:
    import anthropic

    client = anthropic.Anthropic(base_url=url)
    return lambda: client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES)


def _ours(url: str) -> Callable[[], Any]:
    import anthropic

    from gaia_budget import BudgetGuard

    client = BudgetGuard("bench").wrap(anthropic.Anthropic(base_url=url))
    return lambda: client.messages.create(model=MODEL, max_tokens=100, messages=MESSAGES)


def _litellm(url: str) -> Callable[[], Any]:
    import litellm  # type: ignore[import-not-found]

    litellm.suppress_debug_info = True
    options = {"model": f"anthropic/{MODEL}", "max_tokens": 100, "messages": MESSAGES}
    return lambda: litellm.completion(api_base=url, api_key="none", **options)


def _at(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def _report(times: dict[str, list[tuple[float, float]]]) -> bool:
    figures = {}
    print(f"{'ms per call':<14}{'p50':>9}{'p99':>9}{'CPU p50':>9}   (n = {len(times[BARE])})")
    for way, measured in times.items():
        clock, cpu = [one[0] for one in measured], [one[1] for one in measured]
        figures[way] = (_at(clock, 0.5), _at(clock, 0.99), _at(cpu, 0.5))
        print(f"{way:<14}" + "".join(f"{figure:>9.3f}" for figure in figures[way]))
    added = {
        way: [ours - bare for ours, bare in zip(figures[way], figures[BARE], strict=True)]
        for way in figures
        if way != BARE
    }
    for way, figure in added.items():
        print(f"added by {way}: p50 {figure[0]:.3f}, p99 {figure[1]:.3f}, CPU p50 {figure[2]:.3f} ms")
    other = next(way for way in added if way != OURS)
    ratios = [ours / theirs for ours, theirs in zip(added[OURS], added[other], strict=True)]
    print(
        f"ours / {other}: p50 {ratios[0]:.2f}, p99 {ratios[1]:.2f} (bound of both: {MOST[other]:.2f}), "
        f"CPU p50 {ratios[2]:.2f}"
    )
    return all(ratio <= MOST[other] for ratio in ratios[:2])


def _report_import() -> bool:
    probe = "import time; start = time.perf_counter(); import gaia_budget; print((time.perf_counter() - start) * 1000)"
    sdks = "import sys, gaia_budget; print({'anthropic', 'openai', 'google.genai'} & set(sys.modules))"
    taken = median(float(_out(probe)) for _ in range(STARTS))
    loaded = _out(sdks)
    print(f"import gaia_budget: {taken:.2f} ms (bound: 50); SDKs that it loads: {loaded}")
    return taken <= 50 and loaded == "set()"


def _out(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
