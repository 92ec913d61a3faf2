"""Each place where two faces once told different things, or said nothing of what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gaia_budget import contradictions, owner, places, settings, snapshot
from gaia_budget.budgets import Budgets
from gaia_budget.cli.app import app
from gaia_budget.ledger import Ledger
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.thresholds import counted
from gaia_hooks.facts import severity
from gaia_hooks.machine import clock
from gaia_hooks.session import counting, months, sessions
from support.events import event
from support.rows import SESSION, assistant, write

PACKAGE = Path(counting.__file__).parents[2]
NOW = clock.iso(clock.now())[:19]


def asked(*words: str) -> Any:
    return json.loads(CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False).stdout)


def said(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    return done.output + str(done.exception or "")


def own(text: str) -> None:
    places.ensure_home()
    places.settings_file().write_text(text, "utf-8")


def budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **defaults: Any) -> None:
    document = {"$schema": "gaia-token-budget-v1", "defaults": defaults,
                "per_module": {"jseeker": {"monthly_budget_usd": 10}}}  # fmt: skip
    (tmp_path / "token_budget.json").write_text(json.dumps(document), "utf-8")
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))


def hook(home: Path, event_name: str, **fields: Any) -> dict[str, Any]:
    file = home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
    payload = {"session_id": SESSION, "transcript_path": str(file), "cwd": "/gone/shop", "hook_event_name": event_name,
               "source": "startup"} | fields  # fmt: skip
    code = f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); import gaia_hooks.main as m; m.run()"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], input=json.dumps(payload).encode(),
                          capture_output=True, check=True, env=os.environ)  # fmt: skip
    return json.loads(done.stdout) if done.stdout else {}


def test_a_session_type_of_the_owners_holds_in_hooks_and_on_every_face(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(tmp_path, monkeypatch, session_budgets={"research": {"max_tokens": 1_000}})
    monkeypatch.setenv("GAIA_SESSION_TYPE", "research")
    asked("ingest")
    file = home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
    write(file, assistant("a", output_tokens=850, timestamp=clock.iso(clock.now())))
    text = hook(home, "PreToolUse", tool_name="Read", tool_use_id="t")["systemMessage"]
    assert "80 % of this research session" in text and "`gaia-budget session type quick_fix`" in text
    session = asked("status", "--session", SESSION)["session"]
    assert (session["type"], session["chosen_by"], session["limit_tokens"]) == (
        "research",
        "environment",
        1_000,
    )


def test_a_session_type_that_is_none_is_said_at_the_start_and_by_doctor(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked("ingest")
    monkeypatch.setenv("GAIA_SESSION_TYPE", "bogus")
    write(home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl", {"type": "user", "sessionId": SESSION})
    assert "GAIA_SESSION_TYPE=bogus is no session type" in hook(home, "SessionStart")["systemMessage"]


def test_a_registry_that_was_edited_since_the_last_ingest_holds_for_the_next_session(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    registry = tmp_path / "registry.json"
    registry.write_text('{"$schema": "gaia-registry-v1", "projects": {}}', "utf-8")
    asked("ingest")
    registry.write_text(json.dumps({"projects": {"store": {"path": "/gone/shop"}}}), "utf-8")
    write(home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl", {"type": "user", "sessionId": SESSION})
    hook(home, "SessionStart")
    seen = sessions.read(str(places.home()), SESSION)
    assert seen is not None and seen.module == "store"


def test_a_cap_holds_for_a_project_that_the_registry_writes_with_capitals(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(tmp_path, monkeypatch)
    (tmp_path / "token_budget.json").write_text(
        json.dumps({"$schema": "gaia-token-budget-v1", "per_module": {"Shop": {"monthly_budget_usd": 0.01}}}),
        "utf-8",
    )
    (tmp_path / "registry.json").write_text(
        json.dumps({"$schema": "gaia-registry-v1", "projects": {"Shop": {"path": "/gone/shop"}}}), "utf-8"
    )
    own('claude_code_billing = "api"\n[modules.SHOP]\non_exceeded = "block"\ncounts_claude_code = true\n')
    asked("ingest")
    file = home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
    write(file, assistant("a", cwd="/gone/shop", input_tokens=90_000, timestamp=clock.iso(clock.now())))
    assert hook(home, "UserPromptSubmit", prompt="go")["decision"] == "block"
    assert [row["module"] for row in asked("spend", "--by", "module", "--since", "month")["rows"]] == ["shop"]


def test_a_module_that_is_none_is_said_with_the_one_that_is_meant(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(tmp_path, monkeypatch)
    own('[modules.jseekr]\non_exceeded = "block"\n[modules.brand_new]\nsession_type = "none"\n')
    found = contradictions.without_effect(settings.load(), owner.load_token_budget(), owner.load_registry())
    assert ["jseekr" in found[0] and "nearest: jseeker" in found[0], "session_type 'none'" in found[1]] == [
        True,
        True,
    ]
    asked("ingest")
    assert "[modules.jseekr] has no effect" in str(places.home().joinpath("snapshot.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("words", "nearest"),
    [(("spend", "--module", "jseekr"), "jseeker"), (("spend", "--session", "nosuch"), "unknown session 'nosuch'"),
     (("forecast", "--module", "jseekr"), "jseeker"), (("status", "--session", "nosuch"), "unknown session 'nosuch'")],
)  # fmt: skip
def test_a_name_that_nobody_knows_is_an_error_that_offers_the_nearest(
    words: tuple[str, ...], nearest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget(tmp_path, monkeypatch)
    assert nearest in said(*words)
    assert CliRunner().invoke(app, list(words)).exit_code != 0


def test_how_claude_code_is_paid_is_said_by_one_command_and_the_file_stays_as_it_was(home: Path) -> None:
    own('# mine\nbilling = "unknown"  \n[modules.shop]\ncounts_claude_code = true\n')
    with Ledger.open(settings=settings.load()) as ledger:
        spent = event("a", NOW, module="shop", source="claude_code", billing="unknown", cost_nano=3 * 10**9,
                      machine=ledger.machine)  # fmt: skip
        ledger.record([spent])
    monkey = asked("alerts", "--months")["months"]
    assert [one["spent_usd"] for one in monkey if one["module"] == "shop"] == ["3.0000"], "unknown counts"
    assert asked("pay", "plan") == {
        "setting": "plan",
        "billing": "plan",
        "counts_claude_code": False,
        "events_changed": 1,
    }
    text = places.settings_file().read_text("utf-8")
    assert text == '# mine\nclaude_code_billing = "plan"\n[modules.shop]\ncounts_claude_code = true\n'
    [month] = [one for one in asked("alerts", "--months")["months"] if one["module"] == "shop"]
    assert (month["spent_usd"], month["plan_equivalent_usd"], month["used_usd"]) == (
        "0.0000",
        "3.0000",
        "3.0000",
    )


def test_all_modules_together_have_a_cap_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_TOTAL_MONTHLY_BUDGET_USD", "4")
    with Ledger.open(settings=settings.load()) as ledger:
        ledger.record([event(name, NOW, module=name, cost_nano=2 * 10**9) for name in ("shop", "till")])
    total = asked("forecast")["total"]
    assert (total["spent_usd"], total["limit_usd"], total["percent"]) == ("4.0000", "4.0000", 100.0)
    assert {one["rule"] for one in asked("alerts")["alerts"]} >= {"total-warning", "total-critical"}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"])
def test_hooks_and_ledger_name_the_same_month_and_the_same_day_of_its_end(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", zone)
    with Ledger.open(settings=settings.load()) as ledger:
        held = Budgets(ledger).month("shop")
    policy = snapshot.write(settings.load(), snapshot.Months({}, 0))
    shown = months.MonthFile(str(places.home()), "shop", policy, clock.now())
    assert (shown.begins_on[:7], shown.resets_on) == (held.name, held.resets_on)
    assert policy["month_days"][2] > held.resets_on  # the end of a month that begins before the next ingest


def test_what_a_plan_pays_for_an_app_counts_nowhere_and_is_told_as_what_apps_spent() -> None:
    with Ledger.open(settings=settings.load()) as ledger:
        for paid, dollars in (("api", 1), ("plan", 2)):
            ledger.record([event(paid, NOW, module="shop", billing=paid, cost_nano=dollars * 10**9)])
        cap = Budgets(ledger).month("shop").spent_nano()
        asked_for = Asked("month", None, {"module": "shop"})
        assert sum(counted(ledger, settings.load(), "day", asked_for).values()) == cap == 10**9
    told = asked()
    assert told["apps_alone"] is False
    assert [one["apps_usd"] for one in told["projects"]] == ["3.0000"]


def test_an_alert_shows_how_things_stand_now(monkeypatch: pytest.MonkeyPatch) -> None:
    def spend(name: str, dollars: int) -> None:
        with Ledger.open(settings=settings.load()) as ledger:
            ledger.record([event(name, NOW, module="shop", cost_nano=dollars * 10**9)])

    spend("a", 8)
    [first] = [one for one in asked("alerts")["alerts"] if one["rule"] == "month-warning"]
    spend("b", 1)
    [now] = [one for one in asked("alerts")["alerts"] if one["rule"] == "month-warning"]
    assert now["cause"] == first["cause"] and "$9.0000 of $10.0000" in now["present"]


def test_of_two_alerts_the_one_that_passed_the_higher_threshold_is_worse() -> None:
    assert (
        severity.rank("critical", 100, 1)
        > severity.rank("critical", 95, 9)
        > severity.rank("warning", 100, 9)
    )


def test_outside_a_session_the_projects_month_comes_first_then_the_newest_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "till"
    (project / ".git").mkdir(parents=True)
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(project))
    with Ledger.open(settings=settings.load()) as ledger:
        ledger.record(
            [event("a", NOW, module="shop", source="claude_code", session_id="s-1", cost_nano=10**9)]
        )
    lines = said("status").splitlines()
    assert lines[0].startswith("till: ") and lines[1].startswith("newest session: s-1, shop, ")
    assert "This " not in lines[1]


def test_a_missing_budget_file_under_a_named_root_is_no_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    document = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert {one["name"]: one["ok"] for one in document["checks"]}["token_budget.json"] is False
