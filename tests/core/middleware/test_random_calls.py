"""Booked is billed, and no cap is passed, whatever ends a process (`support/random_calls.py` makes the calls).

`GAIA_TEST_CALLS` (with `GAIA_TEST_SEED`) sets how many; the full proof is 200,000.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.verify import verify
from gaia_budget.settings import load
from support import apps, random_calls
from support.random_calls import LIMIT, LOOPED, PRICES, THREADS, Clients, Plan, make, plans_of
from support.wire_server import PLAN_HEADER, WireServer

CALLS = int(os.environ.get("GAIA_TEST_CALLS", "80"))
SEED = int(os.environ.get("GAIA_TEST_SEED", "1"))
ROUND = 1_000
"""Calls of one guard, after which its books are compared."""
KILLS_AFTER = 200
"""Calls of a process that is killed somewhere among them."""
MARGIN, FRAME = 4, 200
"""What an estimate may be above the truth: so many times, and so many tokens of the request's frame."""


def _booked(module: str, wanted: int) -> dict[str, tuple[int, bool]]:
    """What is booked for each call, and whether it is an estimate; waits for what is booked in the background."""
    deadline = time.monotonic() + 60
    while True:
        gc.collect()
        found: dict[str, tuple[int, bool]] = defaultdict(lambda: (0, False))
        for event in apps.booked(module):
            nano, estimated = found[event.task]
            found[event.task] = (
                nano + event.cost_nano,
                estimated or event.price_source in ("estimate", "reserve"),
            )
        if len(found) >= wanted or time.monotonic() > deadline:
            return found


@pytest.mark.parametrize("start", range(0, CALLS, ROUND))
def test_what_is_booked_is_what_is_billed(start: int, root: Path, server: WireServer) -> None:
    module = f"round-{start}"
    apps.set_caps(root, {module: 10_000.0})
    plans = plans_of(f"{SEED}-{start}", start, min(CALLS - start, ROUND))
    server.plans = {plan.name: list(plan.says) for plan in plans}
    guard = BudgetGuard(module, cache=False, prompt_caching=False)
    make(guard, server, plans)
    booked = _booked(module, len(plans))
    wrong = [plan for plan in plans if not _is_right(plan, *booked[plan.name])]
    told = [(*plan[:4], plan.leaves_after, booked[plan.name], plan.truth, plan.exact) for plan in wrong]
    assert not wrong, f"{len(wrong)} of {len(plans)}: {told[:10]}"
    assert apps.month(module).reserved_nano == 0


@pytest.mark.parametrize("start", range(0, CALLS, 5 * ROUND))
@pytest.mark.parametrize("leases", ["", "0.25"])
def test_a_process_that_is_killed_among_its_calls_leaves_none_unbooked_and_nothing_held(
    leases: str, start: int, root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_LEASES", leases)
    apps.set_caps(root, {"killed": 10_000.0})
    seed = f"{SEED}-{start}-killed"
    plans = plans_of(seed, start, KILLS_AFTER)
    server.plans = {plan.name: list(plan.says) for plan in plans}
    program = [
        sys.executable,
        random_calls.__file__,
        server.url,
        "killed",
        seed,
        str(start),
        str(KILLS_AFTER),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(random_calls.__file__).parents[1])}
    killed = subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(random.Random(seed).randint(1, KILLS_AFTER)):
        assert server.arrived.acquire(timeout=60)
    killed.send_signal(signal.SIGKILL)
    killed.wait(60)
    BudgetGuard("killed")._accounts.books()  # whoever starts next
    asked = Counter(request.headers.get(PLAN_HEADER, "") for request in server.requests)
    booked = _booked("killed", 0)
    unsure = []
    for plan in plans:
        nano, estimated = booked[plan.name]
        answered = asked[plan.name] == len(plan.says)  # else at most refused so far
        if nano if not answered else not _is_right(plan, nano, estimated):
            held = plan.form == "claude_batch"  # until somebody reads its results
            assert held or not answered or nano >= plan.truth * 95 // 100, (plan.form, nano, plan.truth)
            unsure.append(plan)
    assert len(unsure) <= THREADS + LOOPED, "those in flight, at their reserve"
    with Ledger.open(settings=load()) as ledger:
        assert verify(ledger) == []


def _is_right(plan: Plan, nano: int, estimated: bool) -> bool:
    """Whether what is booked is what is billed, or within the margin where no usage was sent."""
    if plan.exact:
        return nano == plan.truth and not estimated
    fresh, written = PRICES[plan.model][:2]
    most = (
        plan.truth * MARGIN + FRAME * (fresh + written) + LIMIT * written * plan.form.startswith("responses")
    )
    return plan.truth * 95 <= nano * 100 and nano <= most


def test_no_cap_is_passed_however_many_call_at_once(root: Path, server: WireServer) -> None:
    cap = 0.01
    apps.set_caps(root, {"via": cap})
    guard = BudgetGuard("via", cache=False)
    clients = Clients(guard, server)
    plans = plans_of(str(SEED), 0, max(40, CALLS // 10))
    plans = [plan for plan in plans if plan.form in ("chat", "chat_stream", "claude", "gemini")]
    server.plans = {plan.name: list(plan.says) for plan in plans}
    refused = []

    def one(plan: Plan) -> None:
        with guard.task(plan.name):
            try:
                clients.call(plan)
            except BudgetExceededError:
                refused.append(plan)
            except Exception as error:
                assert "400" in str(error) or plan.says, error

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, plans * 3))
    gc.collect()
    assert refused
    assert apps.month("via").spent_nano() <= cap * 10**9
