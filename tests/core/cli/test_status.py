"""`status`: the session, the month, and what only Claude Code's status line is told, with its age."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget import settings
from gaia_budget.budgets import Budgets
from gaia_budget.cli.app import app
from gaia_budget.ingest.run import run
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_hooks import statusline
from gaia_hooks.facts.prices import plan
from gaia_hooks.machine import clock
from gaia_hooks.say import events
from gaia_hooks.session import counting as session
from support.ecosystem import make
from support.events import event
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path


def status(*words: str) -> Any:
    answer = CliRunner().invoke(app, ["status", *words, "--json"], catch_exceptions=False)
    return json.loads(answer.stdout)


def said(*words: str) -> str:
    return CliRunner().invoke(app, ["status", *words], catch_exceptions=False).stdout


def shown(home: Path, **payload: Any) -> None:
    """Claude Code draws its status line."""
    file = home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
    told = {"session_id": SESSION, "transcript_path": str(file), "cwd": "/home/dev/project"}
    statusline.run(json.dumps(told | payload).encode())


@pytest.fixture
def taken_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "UTC")
    file = home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
    write(
        file,
        assistant("a", input_tokens=10, write_5m=1000, output_tokens=9),
        assistant("b", second=1000, reads=0, write_5m=1100, input_tokens=10, output_tokens=5),
        assistant(
            "c",
            second=1010,
            reads=1110,
            input_tokens=10,
            output_tokens=1,
            model="claude-haiku-5-5",
            agent="x",
        ),
    )
    with Ledger.open(settings=load()) as ledger:
        run(settings.load(), ledger)
    return home


WINDOWS = {
    "five_hour": {"used_percentage": 60, "resets_at": 0},
    "seven_day": {"used_percentage": 12.5, "resets_at": 0},
}


def windows(five_hour_s: int, seven_day_s: int) -> dict[str, Any]:
    now = int(time.time())
    return {
        "five_hour": WINDOWS["five_hour"] | {"resets_at": now + five_hour_s},
        "seven_day": WINDOWS["seven_day"] | {"resets_at": now + seven_day_s},
    }


def test_the_session_is_complete(taken_in: Path) -> None:
    found = status("--session", SESSION)["session"]
    assert set(found) >= {
        "id", "type", "chosen_by", "limit_tokens", "budget_tokens", "recached_tokens", "percent", "cost_usd",
        "unattributed_usd", "cache_read_tokens", "models", "agents"}  # fmt: skip
    assert (found["recached_tokens"], found["recached_usd"]) == (
        1000,
        "0.0050",
    )  # at 5 dollars a million
    assert found["budget_tokens"] == 1019 + 1115 - 1000 + 11
    assert {one["model"] for one in found["models"]} == {"claude-opus-5-5", "claude-haiku-5-5"}
    assert {one["agent"] for one in found["agents"]} == {"main", "x"}
    assert "written again after a pause, not counted" in said("--session", SESSION)


def test_what_no_status_line_has_shown_is_null(taken_in: Path) -> None:
    document = status("--session", SESSION)
    assert document["plan"] == {"five_hour": None, "seven_day": None}
    assert document["context"] == {"percent": None, "as_of": None, "stale": None, "fills": []}
    assert document["cache"] == {
        "warm": None, "expires_at": None, "last_miss_cause": None, "as_of": None, "stale": None}  # fmt: skip


@pytest.mark.usefixtures("capfd")
def test_what_the_status_line_is_told_is_answered_with_its_age(taken_in: Path) -> None:
    shown(
        taken_in,
        rate_limits=windows(9_000, 600_000),
        context_window={"used_percentage": 37},
        prompt_cache={"warm": True, "expires_at": int(time.time()) + 300, "last_miss_cause": "ttl_expired"},
    )
    document = status("--session", SESSION)
    assert set(document["plan"]["five_hour"]) == {"percent", "resets_at", "reached_at", "as_of", "stale"}
    assert document["plan"]["five_hour"]["percent"] == 60
    assert not document["plan"]["five_hour"]["stale"]
    five = document["plan"]["five_hour"]
    assert five["as_of"] < five["reached_at"] < five["resets_at"]  # 60 % after half of the window
    assert document["plan"]["seven_day"]["percent"] == 12.5
    assert (document["context"]["percent"], document["context"]["stale"]) == (37, False)
    cache = document["cache"]
    assert (cache["warm"], cache["last_miss_cause"]) == (True, "ttl_expired")
    assert cache["expires_at"] > cache["as_of"]
    text = said("--session", SESSION)
    assert "5-hour window 60 %, at this pace full in 1 h" in text
    assert "context 37 % full" in text
    assert "prompt cache warm, last miss: ttl_expired" in text


@pytest.mark.usefixtures("capfd")
def test_what_is_old_is_shown_as_stale_and_an_expired_cache_as_cold(
    taken_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(
        taken_in,
        rate_limits=windows(1_200, 600_000),
        context_window={"used_percentage": 37},
        prompt_cache={"warm": True, "expires_at": int(time.time()) + 300, "last_miss_cause": None},
    )
    later = clock.now() + 1_500 * clock.MICRO
    monkeypatch.setattr(clock, "now", lambda: later)
    document = status("--session", SESSION)
    assert document["plan"]["five_hour"]["stale"]
    assert document["plan"]["seven_day"]["stale"]
    assert document["context"]["stale"]
    assert document["cache"]["warm"] is False
    assert "5-hour window 60 %" in said("--session", SESSION)
    assert "(stale: seen 0 h 25 ago)" in said("--session", SESSION)


@pytest.mark.usefixtures("capfd")
def test_figures_that_do_not_change_are_kept_with_a_new_age(
    taken_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = windows(9_000, 600_000)
    shown(taken_in, rate_limits=limits)
    kept = taken_in / "gaia-budget" / "plan.json"
    before = kept.stat().st_ino, plan.read(str(kept.parent))["as_of"]
    shown(taken_in, rate_limits=limits)
    assert kept.stat().st_ino == before[0]  # within a minute nothing is written
    later = before[1] + plan.REFRESHED
    monkeypatch.setattr(clock, "now", lambda: later)
    shown(taken_in, rate_limits=limits)
    assert plan.read(str(kept.parent))["as_of"] == later


def test_the_month_keeps_two_kinds_of_money_apart_and_tells_where_it_ends(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "UTC")
    monkeypatch.setenv("GAIA_ROOT", str(make(tmp_path / "gaia", {"shop": tmp_path / "shop"})))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(tmp_path / "shop"))
    day, now = 86_400 * clock.MICRO, clock.now()
    spent = [
        event(f"{days}", clock.iso(now - days * day)[:19], module="shop", cost_nano=3_000_000_000)
        for days in range(40)
    ]
    kinds = (("claude_code", "api", 5), ("claude_code", "unknown", 7), ("claude_code", "plan", 11))
    spent += [
        event(billing, clock.iso(now)[:19], module="shop", source=source, billing=billing, cost_nano=nano)
        for source, billing, nano in kinds
    ]
    with Ledger.open(settings=load()) as ledger:
        ledger.record(spent)
        app_nano = Budgets(ledger).month("shop").app_nano
    month = status()["month"]
    assert (month["module"], month["limit_usd"]) == ("shop", "10.0000")
    assert month["spent_usd"] == month["app_usd"] == f"{app_nano // 10**9}.0000"
    assert (month["claude_code_usd"], month["plan_equivalent_usd"]) == ("0.000000012", "0.000000011")
    assert float(month["projected_usd"]) >= app_nano / 1e9
    assert month["exhausted_on"][:7] == month["month"]
    assert month["percent"] == app_nano / 1e8


def test_what_fills_the_context_and_what_we_take_ourselves(taken_in: Path) -> None:
    file = taken_in / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
    call = assistant("d", second=1020, model="claude-opus-4-6")
    call["message"]["content"] = [
        {"type": "tool_use", "id": f"t{size}", "name": name, "input": {}}
        for name, size in (("mcp__gaia-budget__budget_spend", 40), ("Bash", 400))
    ]
    results = [
        {"type": "tool_result", "tool_use_id": f"t{size}", "content": "x" * size} for size in (40, 400)
    ]
    write(
        file, call,
        {"type": "user", "sessionId": SESSION, "timestamp": call["timestamp"], "message": {"content": results}},
    )  # fmt: skip
    with session.lock_of(str(taken_in / "gaia-budget"), SESSION, 5) as lock:
        mine = session.opened(str(taken_in / "gaia-budget"), SESSION, lock)
        for _ in range(2):
            payload = {
                "hook_event_name": "PreToolUse",
                "transcript_path": str(file),
                "cwd": "/home/dev/project",
            }
            events.handle(mine, payload | {"session_id": SESSION, "tool_name": "Bash"})
        mine.store()
        took = mine.state.took
    document = status("--session", SESSION)
    assert [(one["tool"], one["result_tokens"]) for one in document["context"]["fills"]] == [
        ("Bash", 120), ("mcp__gaia-budget__budget_spend", 12)]  # fmt: skip
    assert took[0] == 2
    assert document["footprint"] == {"ms_per_tool_call": round(took[1] / 2000, 1), "result_tokens": 12}
    assert "about 12 tokens of results" in said("--session", SESSION)


def test_dollars_of_a_plan_are_labelled(taken_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not billed" not in said("--session", SESSION)
    monkeypatch.setenv("GAIA_BUDGET_BILLING", "plan")
    assert "at API prices, not billed" in said("--session", SESSION)


def test_where_the_clients_own_total_is_lower_it_is_said(taken_in: Path) -> None:
    nano = round(float(status("--session", SESSION)["session"]["cost_usd"]) * 10**9)
    home = taken_in
    shown(home, cost={"total_cost_usd": nano / 10**9})
    assert "own total" not in said("--session", SESSION)
    shown(home, cost={"total_cost_usd": (nano - 10**7) / 10**9})
    assert "it may be older" in said("--session", SESSION)
