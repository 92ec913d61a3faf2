"""The work beside the answers: what a cycle does, that one server does it for all, and that no answer depends on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gaia_budget import places
from gaia_budget.budgets import Budgets, spool
from gaia_budget.errors import LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_hooks.facts import snapshot
from gaia_mcp import worker
from support.events import event
from support.mcp_stdio import LINUX, PATIENCE, Stdio, children_of, gone, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_hooks.session import state

AT_ONCE = (
    "import gaia_mcp.worker as work\n"
    "work.FIRST_DELAY_SECONDS = 0.0\n"
    "work.ELECTION_SECONDS = work.AFTER_CRASH_SECONDS = 0.05\n"
)


QUESTIONS = """
import sys
from gaia_mcp import place, worker
from gaia_mcp.sections import resources
from gaia_mcp.server import build
from gaia_mcp.tools import definitions as tools
build()
worker.load_the_rest()
before = set(sys.modules)
tools.budget_spend()
tools.budget_spend("agent", "session")
tools.budget_spend("day", "month")
tools.budget_recommend("jd_parse", "shop")
tools.budget_recommend("rename a variable")
tools.budget_sections()
tools.budget_load_section("pricing-rules")
resources.sections(place.handbooks().files)
print(sorted(name for name in set(sys.modules) - before if name.startswith("gaia_")))
"""


def hold_and_owe() -> None:
    """A reservation and a lease that are overdue, and a report that the ledger could not take."""
    with Ledger.open(settings=load()) as ledger:
        scope = Budgets(ledger).module_scope("shop", 10**9)
        Budgets(ledger).reserve([scope], 30, call_id="overdue", ttl_s=-1)
        paid = Budgets(ledger).lease(scope, 50, ttl_s=-1)
        Budgets(ledger).lease(scope, 400, ttl_s=-1)
    spool.put(
        places.ensure_home(),
        spool.SpooledReport(paid.lease_id, 9, [event("e", cost_nano=9, module="shop")], returned=True),
    )


def test_a_cycle_books_what_is_owed_ends_what_is_overdue_and_tells_the_hooks(home: Path) -> None:
    hold_and_owe()
    worker.cycle()
    with Ledger.open(settings=load()) as ledger:
        month = Budgets(ledger).month("shop")
        assert (month.reserved_nano, month.assumed_nano) == (0, 30 + 400)
        assert ledger.spend().total.cost_nano == 9
        assert spool.replay(Budgets(ledger)) == 0
    assert snapshot.load(str(home / "gaia-budget"))["written_at"] > 0


def test_a_duty_that_fails_keeps_no_other_from_being_done(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "registry.json").write_text('{"projects": 3}', encoding="utf-8")
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    hold_and_owe()

    def away(_: object) -> int:
        raise LedgerError("the database cannot be reached", slug="ledger-unusable")

    monkeypatch.setattr(spool, "replay", away)
    worker.cycle()
    with Ledger.open(settings=load()) as ledger:
        assert Budgets(ledger).month("shop").reserved_nano == 0
    assert [part in caplog.text for part in ("cannot be reached", "registry.json")] == [True, True]


@LINUX
def test_several_servers_share_one_worker_which_ends_with_them() -> None:
    with Stdio().started() as first, Stdio().started() as second:
        pids = (first.process.pid, second.process.pid)
        wait_until(lambda: not worker.is_free() and len([c for pid in pids for c in children_of(pid)]) == 1)
        [[holder, child]] = [[pid, one] for pid in pids for one in children_of(pid)]
        owner, other = (first, second) if holder == first.process.pid else (second, first)
        owner.process.kill()
        wait_until(lambda: gone(child))
        wait_until(lambda: not worker.is_free())
        [heir] = children_of(other.process.pid)
        assert other.process.stdin is not None
        other.process.stdin.close()
        assert other.wait() == 0
        wait_until(lambda: gone(heir))
        assert worker.is_free()


@LINUX
def test_a_worker_that_crashes_is_replaced_and_no_answer_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_ONCE, encoding="utf-8")
    with Stdio(PYTHONPATH=str(tmp_path)).started() as server:
        wait_until(lambda: not worker.is_free() and children_of(server.process.pid))
        [child] = children_of(server.process.pid)
        os.kill(child, signal.SIGSTOP)  # it holds its lock and answers nobody
        assert not server.call("budget_sections").get("isError")
        os.kill(child, signal.SIGKILL)
        assert not server.call("budget_spend").get("isError")
        wait_until(lambda: not worker.is_free() and children_of(server.process.pid) not in ([], [child]))
    wait_until(worker.is_free)


@LINUX
def test_a_new_event_is_in_the_ledger_without_anybody_asking(home: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_ONCE, encoding="utf-8")
    logs = home / "gaia-budget" / "logs" / "shop"
    logs.mkdir(parents=True)
    line = {"ts": "2026-11-23T10:00:00+00:00", "component": "shop", "task": "t", "model": "claude-haiku-4-5",
            "cost_usd": 0.5, "input_tokens": 10, "output_tokens": 5, "status": "success"}  # fmt: skip

    def known() -> bool:
        with Ledger.open(settings=load()) as ledger:
            return bool(ledger.spend().total.events)

    Ledger.open(settings=load()).close()
    with Stdio(PYTHONPATH=str(tmp_path)).started():
        wait_until(lambda: snapshot.load(str(home / "gaia-budget"))["written_at"])
        assert not known()
        (logs / "2026-11-23.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
        wait_until(known)


def test_a_worker_beside_another_ends_at_once() -> None:
    with worker.lock():
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gaia_mcp.worker"],
            stdin=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("word", "works"),
    [("1", False), ("TRUE", False), (" yes ", False), ("on", False), ("0", True), ("Off", True)],
)
def test_turned_off_in_any_usual_spelling_the_worker_does_nothing(home: Path, word: str, works: bool) -> None:
    places.ensure_home()
    command = [sys.executable, "-P", "-m", "gaia_mcp.worker"]
    environment = os.environ | {"GAIA_BUDGET_OFF": word}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, env=environment, check=False)
    assert done.returncode == 0
    assert (home / "gaia-budget" / "worker.lock").exists() == works


def test_a_server_has_all_that_its_answers_need_before_an_upgrade_can_replace_it(
    session: state.State,
) -> None:
    ask = [sys.executable, "-c", QUESTIONS]
    environment = {**os.environ, "CLAUDE_CODE_SESSION_ID": session.session_id}
    done = subprocess.run(ask, capture_output=True, check=True, text=True, env=environment)
    assert done.stdout.strip() == "[]"
