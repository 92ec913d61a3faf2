"""At a cap nothing is sent; below it nothing is refused; and no race, crash or task mixes that up."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard, get_session_costs
from gaia_budget.budgets import Budgets
from gaia_budget.errors import InputError
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support import apps
from support.racers import MESSAGE, Racer, reserve_of_one

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer


def _cap(root: Path, nano: int) -> None:
    apps.set_caps(root, {"jseeker": nano / 1e9, "raven": 10.0})


@pytest.mark.parametrize("stream", [False, True])
def test_at_the_cap_the_call_raises_before_any_request_and_says_the_way_out(
    stream: bool, root: Path, server: WireServer
) -> None:
    _cap(root, 1000)
    client = BudgetGuard("jseeker").wrap(apps.claude(server))
    with pytest.raises(BudgetExceededError) as raised:
        client.messages.create(**MESSAGE, stream=stream)
    assert server.requests == []
    refusal = raised.value
    assert refusal.scope.startswith("module jseeker")
    assert (refusal.spent_nano, refusal.limit_nano) == (0, 1000)
    assert refusal.resets_on
    assert refusal.resets_on in str(refusal)
    assert "gaia-budget override add jseeker" in str(refusal)
    assert apps.month().reserved_nano == 0
    del raised, refusal
    gc.collect()
    assert apps.booked() == [], "a call that was refused was not made"


@pytest.mark.parametrize("provider", ["openai", "openai async", "gemini", "gemini async", "claude async"])
def test_every_client_raises_it_unchanged(provider: str, root: Path, server: WireServer) -> None:
    _cap(root, 1)
    guard = BudgetGuard("jseeker")
    asked: dict[str, Any] = {"model": "gpt-4o-mini", "input": "hi"}
    generate = {"model": "gemini-2.5-flash", "contents": "hi"}

    async def beside_a_loop() -> None:
        if provider == "openai async":
            await guard.wrap(apps.gpt_async(server)).responses.create(**asked)
        elif provider == "claude async":
            await guard.wrap(apps.claude_async(server)).messages.create(**MESSAGE)
        else:
            client = guard.wrap(apps.gemini(server))
            await client.aio.models.generate_content(**generate)

    with pytest.raises(BudgetExceededError):
        if provider == "openai":
            guard.wrap(apps.gpt(server)).responses.create(**asked)
        elif provider == "gemini":
            client = guard.wrap(apps.gemini(server))
            client.models.generate_content(**generate)
        else:
            asyncio.run(beside_a_loop())
    assert server.requests == []


@pytest.mark.parametrize("leases", ["", "0.50"])
def test_sixteen_processes_with_eight_threads_on_a_budget_for_three_and_a_half_send_three(
    leases: str, root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_LEASES", leases)
    one = reserve_of_one(BudgetGuard("jseeker"), server)
    _cap(root, one * 7 // 2)
    server.hold = threading.Event()
    per_app = 16 if hasattr(os, "fork") else 1
    racers = [Racer(server, threads=8, processes=per_app) for _ in range(16 // per_app)]
    words: queue.Queue[str] = queue.Queue()
    for racer in racers:
        racer.say_when_ready()
    for racer in racers:
        racer.go(words)
    try:
        for _ in range(3):
            assert server.arrived.acquire(timeout=60)
        refused = [words.get(timeout=60) for _ in range(16 * 8 - 3)]  # while three are in flight
        assert set(refused) == {"refused"}
        assert len(server.requests) == server.most_at_once == 3
    finally:
        server.hold.set()
    assert [words.get(timeout=60) for _ in range(3)] == ["answered"] * 3
    for racer in racers:
        racer.end()
    server.hold = None
    month = apps.month()
    assert month.reserved_nano == 0
    assert month.app_nano == 3 * (1000 * 1000 + 50 * 5000)
    server.requests.clear()
    client = BudgetGuard("jseeker").wrap(apps.claude(server))
    client.messages.create(**MESSAGE)  # what settled below its reserve has made room again
    assert len(server.requests) == 1


@pytest.mark.parametrize("reached", ["in flight", "answered"])
@pytest.mark.parametrize("leases", ["", "0.50"])
def test_a_killed_call_is_settled_at_the_next_start_and_counts_once(
    leases: str, reached: str, root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_LEASES", leases)
    one = reserve_of_one(BudgetGuard("jseeker"), server)
    server.hold = threading.Event()
    app, words = Racer(server, threads=1), queue.Queue[str]()
    app.say_when_ready()
    app.go(words)
    assert server.arrived.acquire(timeout=60)
    if reached == "answered":
        server.hold.set()
        assert words.get(timeout=60) == "answered"
    app.kill()
    server.hold.set()
    expected = one if reached == "in flight" else 1000 * 1000 + 50 * 5000
    for _ in range(2):  # the second start finds nothing left to do
        guard = BudgetGuard("jseeker")
        guard._accounts.books()
        guard.close()
        (event,) = apps.booked()
        month = apps.month()
        assert (event.cost_nano, month.app_nano + month.assumed_nano, month.reserved_nano) == (
            expected,
            expected,
            0,
        )
        (line,) = apps.logged(root)
        assert (line["event_id"], line["cost_nano_usd"]) == (event.event_id, expected)


def test_a_task_has_a_cap_of_its_own_and_tasks_nest(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("raven")
    client = guard.wrap(apps.claude(server))
    with guard.task("deep_audit", cap_usd="0.0060") as outer:
        client.messages.create(**MESSAGE)
        with guard.task("quick_scan", cap_usd="5.00") as inner:
            with pytest.raises(BudgetExceededError) as raised:
                client.messages.create(**MESSAGE)
            assert "deep_audit" in raised.value.scope
        assert (outer.cost_nano, outer.calls, inner.cost_nano) == (1_250_000, 1, 0)
        assert outer.cost_usd == "0.00125"
    client.messages.create(**MESSAGE)
    assert [event.task for event in apps.booked("raven")] == ["deep_audit", "messages"]


def test_costs_of_tasks_side_by_side_do_not_mix(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))

    def job(number: int) -> tuple[int, int]:
        with guard.task(f"job_{number}") as task:
            for _ in range(number):
                client.messages.create(**MESSAGE)
            return number, task.cost_nano

    with ThreadPoolExecutor(8) as pool:
        costs = dict(pool.map(job, [1, 2, 3, 4, 1, 2, 3, 4]))
    assert costs == {number: number * 1_250_000 for number in (1, 2, 3, 4)}


def test_tasks_of_one_event_loop_do_not_mix(guard: BudgetGuard, server: WireServer) -> None:
    async def job(client: Any, number: int) -> tuple[str, int]:
        with guard.task(f"job_{number}") as task:
            await asyncio.gather(*(client.messages.create(**MESSAGE) for _ in range(number)))
            return task.name, task.cost_nano

    async def all_jobs() -> list[tuple[str, int]]:
        async with guard.wrap(apps.claude_async(server)) as client:
            return await asyncio.gather(*(job(client, number) for number in (1, 2, 3)))

    assert asyncio.run(all_jobs()) == [(f"job_{number}", number * 1_250_000) for number in (1, 2, 3)]
    assert sorted(event.task for event in apps.booked()) == [
        "job_1",
        "job_2",
        "job_2",
        "job_3",
        "job_3",
        "job_3",
    ]


def test_a_thread_that_is_given_the_context_books_to_its_task(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))
    with guard.task("outer") as task, ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, client.messages.create, **MESSAGE).result()
    assert task.calls == 1


def test_a_session_may_have_a_cap(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("raven", session_cap_usd="0.0060")
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    with pytest.raises(BudgetExceededError, match="session"):
        client.messages.create(**MESSAGE)


def test_a_cheaper_allowed_model_answers_where_that_is_configured_and_it_is_announced(
    root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_MODULES", '{"jseeker": {"on_exceeded": "downgrade"}}')
    apps.set_caps(root, {"jseeker": 0.02}, models=("sonnet", "haiku", "opus"))
    guard = BudgetGuard("jseeker")
    dear = {**MESSAGE, "model": "claude-opus-5-5"}
    answer = guard.wrap(apps.claude(server)).messages.create(**dear)
    assert answer.model == server.requests[0].body["model"] != "claude-opus-5-5"
    assert "haiku" in answer.model
    assert "claude-opus-5-5" in guard.notices[-1]
    (line,) = apps.logged(root)
    assert line["details"].startswith("downgraded from claude-opus-5-5")
    with pytest.raises(BudgetExceededError):  # nor does the cheaper one fit for ever
        for _ in range(200):
            guard.wrap(apps.claude(server, max_retries=0)).messages.create(**dear)


def test_without_that_setting_no_model_is_changed(root: Path, server: WireServer) -> None:
    apps.set_caps(root, {"jseeker": 0.02}, models=("haiku", "opus"))
    with pytest.raises(BudgetExceededError):
        BudgetGuard("jseeker").wrap(apps.claude(server)).messages.create(
            **{**MESSAGE, "model": "claude-opus-5-5"}
        )
    assert server.requests == []


def test_an_override_of_a_human_makes_room(root: Path, server: WireServer) -> None:
    _cap(root, 1000)
    client = BudgetGuard("jseeker").wrap(apps.claude(server))
    with pytest.raises(BudgetExceededError):
        client.messages.create(**MESSAGE)
    assert server.requests == []
    with Ledger.open(settings=load()) as ledger:
        Budgets(ledger).add_override("jseeker", 10**9, "the yearly review")
    client.messages.create(**MESSAGE)
    assert len(server.requests) == len(apps.logged(root)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_books_through_a_ledger_of_its_own(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    child = os.fork()
    if child == 0:
        try:
            assert get_session_costs() == []  # they are its parent's
            guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    client.messages.create(**MESSAGE)
    assert len(apps.booked()) == 3
    assert apps.month().reserved_nano == 0


@pytest.mark.parametrize("amount", [0.5, "much", "-1", "NaN"])
def test_an_amount_that_is_not_exact_is_refused(amount: Any) -> None:
    with pytest.raises(InputError):
        BudgetGuard("jseeker").task("x", cap_usd=amount)


def test_a_task_is_entered_once(guard: BudgetGuard) -> None:
    task = guard.task("x")
    with task:
        pass
    with pytest.raises(InputError, match="make a new one"), task:
        pass
