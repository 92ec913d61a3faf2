"""Booked is billed, and no cap is passed, whatever ends a process (`support/random_plans.py`, `random_calls.py`).

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
from pathlib import Path
from typing import Any

import pytest

from gaia_budget import BudgetGuard
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.verify import verify
from gaia_budget.settings import load
from support import apps, random_calls
from support.random_calls import LOOPED, THREADS, asked, make
from support.random_plans import LIMIT, PRICES, Plan, plans_of
from support.wire_server import PLAN_HEADER, Received, WireServer

CALLS = int(os.environ.get("GAIA_TEST_CALLS", "80"))
SEED = int(os.environ.get("GAIA_TEST_SEED", "1"))
ROUND = 1_000
"""Calls of one guard, after which its books are compared."""
KILLS_AFTER = 200
"""Calls of a process that is killed somewhere among them."""
MARGIN, FRAME = 4, 200
"""What an estimate may be above the truth: so many times, and so many tokens of the request's frame."""
HANGS = 300
"""Seconds without a call, after which a process hangs, however busy the machine is."""
MOST_MARKS = 4
"""Of a cache, in one request."""


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
    guard = BudgetGuard(module, cache=False)
    make(guard, server, plans)
    booked = _booked(module, len(plans))
    wrong = [plan for plan in plans if not _is_right(plan, *booked[plan.name])]
    told = [(plan, plan.truth, booked[plan.name]) for plan in wrong]
    assert not wrong, f"{len(wrong)} of {len(plans)}: {told[:10]}"
    assert apps.month(module).reserved_nano == 0
    named = {plan.name: plan for plan in plans}
    altered = [one for one in server.requests if not _is_as_asked(one, named[one.headers[PLAN_HEADER]])]
    assert not altered, altered[:3]


@pytest.mark.parametrize("start", range(0, CALLS, 5 * ROUND))
@pytest.mark.parametrize("leases", ["", "0.25"])
def test_a_process_that_is_killed_among_its_calls_leaves_none_unbooked_and_nothing_held(
    leases: str, start: int, root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
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
    environment["PYTHONFAULTHANDLER"] = "1"
    with (tmp_path / "said").open("wb") as said:
        killed = subprocess.Popen(program, env=environment, stdout=said, stderr=said)
    calls = range(random.Random(seed).randint(1, KILLS_AFTER))
    arrived = all(server.arrived.acquire(timeout=HANGS) for _ in calls)
    killed.send_signal(signal.SIGKILL if arrived else signal.SIGABRT)  # which tells where it stands
    killed.wait(60)
    assert arrived, (tmp_path / "said").read_text("utf-8")[-4_000:]
    BudgetGuard("killed")._accounts.books()  # whoever starts next
    asked = Counter(request.headers.get(PLAN_HEADER, "") for request in server.requests)
    booked = _booked("killed", 0)
    unsure = []
    for plan in plans:
        nano, estimated = booked[plan.name]
        answered = asked[plan.name] == len(plan.says)  # else at most refused so far
        if nano if not answered else not _is_right(plan, nano, estimated):
            held = plan.form.endswith("_batch")  # until somebody reads its results
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
    return (plan.truth + plan.lost) * 95 <= nano * 100 and nano <= most + plan.lost * plan.most


def _is_as_asked(request: Received, plan: Plan) -> bool:
    """Whether a request is what the app asked, but for marks of a cache where they are allowed, and the usage asked."""
    if plan.form.endswith("_batch") or plan.form.startswith("gemini"):
        return True
    marks: list[dict[str, Any]] = []
    body = _without_marks(request.body, marks)
    body.pop("stream_options", None)
    wanted = {key: value for key, value in asked(plan).items() if key != "extra_headers"}
    wanted = _without_marks(wanted, [])
    if not wanted["stream"]:
        body.setdefault("stream", False)
    allowed = all(one.get("text", "-").strip() and not one.get("defer_loading") for one in marks)
    return body == wanted and allowed and len(marks) <= MOST_MARKS


def _without_marks(value: Any, marks: list[dict[str, Any]]) -> Any:
    """A request without marks, which are collected; a text of one block as the text itself."""
    if isinstance(value, list):
        if len(value) == 1 and set(value[0]) - {"cache_control"} == {"type", "text"}:
            return _without_marks(value[0], marks)["text"]
        return [_without_marks(one, marks) for one in value]
    if not isinstance(value, dict):
        return value
    if "cache_control" in value:
        marks.append(value)
    return {key: _without_marks(one, marks) for key, one in value.items() if key != "cache_control"}


def test_no_cap_is_passed_however_many_call_at_once(root: Path, server: WireServer) -> None:
    plans = plans_of(f"{SEED}-caps", 0, max(120, CALLS // 10))
    plans = [plan for plan in plans if plan.form != "openai_batch"]  # what stands in a file nobody can hold
    server.plans = {plan.name: list(plan.says) for plan in plans}
    cap = sum(plan.truth for plan in plans) // 3
    apps.set_caps(root, {"via": cap / 10**9})
    make(BudgetGuard("via", cache=False), server, plans)
    booked = _booked("via", 0)
    sent = Counter(request.headers[PLAN_HEADER] for request in server.requests)
    billed = sum(plan.truth for plan in plans if sent[plan.name] >= len(plan.says))
    refused = [plan for plan in plans if not sent[plan.name]]
    assert refused
    assert sum(nano for nano, _ in booked.values()) == apps.month("via").spent_nano() <= cap
    assert billed * 95 <= cap * 100
