"""With leases switched on a process spends in memory: nothing is asked, nothing is lost, no cap is passed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from gaia_budget.budgets import Budgets
from gaia_budget.errors import LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.verify import verify
from gaia_budget.middleware.books import rounds
from gaia_budget.settings import load
from support import apps
from support.racers import MESSAGE, reserve_of_one
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

COST = 1000 * 1000 + 50 * 5000


@pytest.fixture(autouse=True)
def leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_LEASES", "0.50")


def _gone(*_: object, **__: object) -> Any:
    raise LedgerError("the database is gone", slug="ledger-unusable")


def _sound() -> bool:
    with Ledger.open(settings=load()) as ledger:
        return verify(ledger) == []


def test_calls_are_spent_in_memory_and_all_are_booked_when_the_guard_is_closed(
    guard: BudgetGuard, server: WireServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    assert apps.month().reserved_nano > 100 * COST, "a part is set aside"
    monkeypatch.setattr(guard._accounts.books().budgets, "reserve", _gone)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.messages.create(**MESSAGE), range(40)))
    guard.close()
    month = apps.month()
    assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (41 * COST, 0, 0)
    assert len(apps.booked()) == len(apps.logged(root)) == 41
    assert _sound()


def test_while_the_ledger_is_gone_calls_go_on_and_the_next_process_books_them(
    guard: BudgetGuard, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, books = guard.wrap(apps.claude(server)), guard._accounts.books()
    client.messages.create(**MESSAGE)
    with monkeypatch.context() as away:
        for name in ("reserve", "report", "lease"):
            away.setattr(books.budgets, name, _gone)
        for _ in range(3):
            client.messages.create(**MESSAGE)
        with pytest.raises(LedgerError):
            client.messages.create(**{**MESSAGE, "max_tokens": 20_000, "model": "claude-opus-4-6"})
        guard.close()
    with Ledger.open(settings=load()) as ledger:
        assert ledger.spend(()).total.responses < 4
    BudgetGuard("jseeker")._accounts.books()
    month = apps.month()
    assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (4 * COST, 0, 0)
    assert _sound()


def test_near_the_cap_a_call_is_held_by_itself_and_none_passes_it(root: Path, server: WireServer) -> None:
    one = reserve_of_one(BudgetGuard("jseeker"), server)
    apps.set_caps(root, {"jseeker": one * 3 / 1e9})
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    with pytest.raises(BudgetExceededError):
        for _ in range(20):
            client.messages.create(**MESSAGE)
    guard.close()
    spent = apps.month().spent_nano()
    assert spent == len(server.requests) * COST
    assert one * 2 < spent <= one * 3, "only the last call's room is left over"


def test_what_one_task_was_granted_is_not_set_aside_for_others(root: Path, server: WireServer) -> None:
    one = reserve_of_one(BudgetGuard("jseeker"), server)
    apps.set_caps(root, {"jseeker": one / 8e9})
    with Ledger.open(settings=load()) as ledger:
        Budgets(ledger).add_override("jseeker", 20 * one, "audit", task="big")
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    with guard.task("big"):
        client.messages.create(**MESSAGE)
    with pytest.raises(BudgetExceededError):
        client.messages.create(**MESSAGE)
    guard.close()
    with Ledger.open(settings=load()) as ledger:
        (override,) = Budgets(ledger).overrides()
    assert override.used_nano == COST - one // 8, "what was drawn and not used is given back"


def test_caps_of_tasks_and_sessions_hold_and_each_module_has_a_lease(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    for _ in range(3):
        client.messages.create(**MESSAGE)
        with guard.task("library", caller="via"):
            client.messages.create(**MESSAGE)
    with guard.task("small", cap_usd="0.0060") as small:
        client.messages.create(**MESSAGE)
        with pytest.raises(BudgetExceededError):
            client.messages.create(**MESSAGE)
    assert small.cost_nano == COST
    guard.close()
    assert [apps.month(name).app_nano for name in ("jseeker", "via")] == [4 * COST, 3 * COST]
    assert _sound()


def test_a_response_in_the_background_is_held_in_the_ledger_for_whoever_reads_it(
    guard: BudgetGuard, server: WireServer
) -> None:
    begun = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5", "status": "queued", "output": [],
             "parallel_tool_calls": False, "tools": [], "tool_choice": "auto", "usage": None}  # fmt: skip
    done = {**begun, "status": "completed", "usage": {"input_tokens": 1000, "output_tokens": 100}}
    server.script(*[Say(document=document) for document in (begun, done)])
    guard.wrap(apps.gpt(server)).responses.create(
        model="gpt-5", input="hi", background=True, max_output_tokens=4000
    )
    guard.close()
    assert apps.month().reserved_nano >= 4000 * 10_000
    BudgetGuard("jseeker").wrap(apps.gpt(server)).responses.retrieve("resp_1")
    month = apps.month()
    assert (month.app_nano, month.reserved_nano) == (1000 * 1250 + 100 * 10_000, 0)


def test_a_lease_that_nobody_spends_is_given_back_without_a_word_of_the_app(
    guard: BudgetGuard, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(rounds, "TURN_SECONDS", 0.01)
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    deadline = time.monotonic() + 60
    while apps.month().reserved_nano and time.monotonic() < deadline:
        pass
    month = apps.month()
    assert (month.app_nano, month.reserved_nano) == (COST, 0)
