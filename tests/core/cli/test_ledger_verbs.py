"""spend, status, verify, rebuild, export, override and migrate-db on the command line."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.errors import GaiaBudgetError, InputError
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support.events import event

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: str, code: int = 0) -> str:
    """Run a command; errors of ours come out as they are."""
    ended = CliRunner().invoke(app, words)
    if isinstance(ended.exception, GaiaBudgetError):
        raise ended.exception
    assert ended.exit_code == code, ended.output
    return ended.stdout


def asked(*words: str, code: int = 0) -> Any:
    return json.loads(run(*words, "--json", code=code))


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger in the state folder with two calls."""
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "UTC")
    with Ledger.open(settings=load()) as ledger:
        ledger.record(
            [
                event("a", task="jd_parse", session_id="s", output_tokens=5, cost_nano=2_500_000_000),
                event("b", module="via", cost_nano=None),
            ]
        )


@pytest.mark.usefixtures("spent")
def test_spend_tells_people_and_programs_the_same() -> None:
    document = asked("spend", "--by", "module,task")

    assert document["total"]["cost_usd"] == "2.5000"
    assert document["total"]["unpriced_responses"] == 1
    assert [row["key"] for row in document["rows"]] == [["jseeker", "jd_parse"], ["via", ""]]
    text = run("spend")
    assert "$2.5000" in text
    assert "1 without a known price" in text
    assert len(asked("spend", "--by", "response", "--top", "1")["rows"]) == 1
    assert asked("spend", "--by", "tool")["rows"] == []


@pytest.mark.usefixtures("spent")
def test_status_has_the_keys_of_the_interface() -> None:
    document = asked("status", "--session", "s")

    assert {"session", "month", "plan", "context", "cache"} <= set(document)
    assert document["session"]["cost_usd"] == "2.5000"
    assert document["session"]["limit_tokens"] == 200_000
    assert document["month"]["module"] == "jseeker"
    assert "feature_dev session has used 5 of 200,000 tokens" in run("status", "--session", "s")
    with pytest.raises(InputError, match=r"unknown session 'absent'\. The last ones: s\. "):
        run("status", "--session", "absent")


@pytest.mark.usefixtures("spent")
def test_verify_and_rebuild_prove_and_mend_the_ledger() -> None:
    assert asked("verify") == {"ok": True, "problems": []}
    with Ledger.open(settings=load()) as ledger:
        ledger.db.write(lambda tx: tx.text("DELETE FROM rollups WHERE grain = 'day'") and None)

    assert asked("verify", code=1)["problems"][0]["check"] == "sums"
    assert asked("rebuild") == {"ok": True, "problems": [], "from_sources": 0, "carried_over": 2}
    assert asked("verify")["ok"]
    assert asked("spend")["total"]["cost_usd"] == "2.5000"


@pytest.mark.usefixtures("spent")
def test_an_export_is_csv_with_one_line_per_event(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("export", "csv"))))
    assert [(row["event_id"], row["cost_usd"]) for row in rows] == [("a", "2.5000"), ("b", "")]
    assert asked("export", "csv", "--out", str(tmp_path / "e.csv"))["events"] == 2
    with pytest.raises(InputError, match="cannot be written"):
        run("export", "csv", "--out", str(tmp_path / "absent" / "e.csv"))


def test_no_name_in_an_export_steers_a_terminal_or_begins_a_line() -> None:
    evil = "a\x1b]0;t\x07\u202eb\n# c"
    with Ledger.open(settings=load()) as ledger:
        ledger.record([event("a", model=evil, branch=evil, skill=evil, task=evil)])
    for form in ("csv", "json"):
        said = run("export", form)
        assert len(said.splitlines()) == {"csv": 2, "json": 1}[form]
        assert not any(sign in said for sign in ("\x1b", "\x07", "\u202e", "\\u001b", "\\u202e"))
        assert "a]0;tb # c" in said


def test_an_override_is_granted_by_a_human_listed_and_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    made = asked("override", "add", "jSeeker", "--usd", "2.50", "--reason", "report", "--yes")
    assert (made["module"], made["usd"], made["used_usd"]) == ("jseeker", "2.5000", "0.0000")
    assert [one["id"] for one in asked("override", "list")["overrides"]] == [made["id"]]
    assert asked("override", "revoke", made["id"])["revoked"]
    for wrong in ("-1", "x", "0", "0.0000000001", "inf"):
        with pytest.raises(InputError, match="--usd"):
            run("override", "add", "jseeker", f"--usd={wrong}", "--reason", "r", "--yes")
    monkeypatch.setenv("CLAUDECODE", "1")
    with pytest.raises(InputError, match="terminal of your own"):
        run("override", "add", "jseeker", "--usd", "5", "--reason", "r", "--yes")


def test_what_people_are_shown_is_what_was_given_but_never_steers_their_terminal() -> None:
    reason = "[b]old[/b] [/x] :smile: \x1b]0;title\x07\x1b[31mred"
    shown = run("override", "add", "jseeker", "--usd", "5", "--reason", reason, "--yes")
    assert "[b]old[/b] [/x] :smile: ]0;title[31mred\n" in shown
    assert asked("override", "list")["overrides"][0]["reason"] == reason


def test_an_override_ends_at_a_time_of_the_configured_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "Europe/Berlin")
    run("override", "add", "jseeker", "--usd", "5", "--reason", "r", "--expires", "2099-12-24", "--yes")
    assert "until 2099-12-25 00:00 CET" in run("override", "list")


@pytest.mark.parametrize(
    "words",
    [
        ("spend",),
        ("ingest",),
        ("init", "--dry-run"),
        ("override", "add", "jseeker", "--usd", "1", "--reason", "r", "--yes"),
    ],
)
def test_a_broken_budget_file_is_named_also_where_the_answer_does_not_need_it(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token_budget.json").write_text('{\n  "defaults": {"session_budgets": 7}\n}')
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    ended = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert ended.exit_code == 0
    json.loads(ended.stdout)
    assert "token_budget.json:2:16: defaults.session_budgets:" in ended.stderr


@pytest.mark.usefixtures("spent")
def test_the_ledger_moves_to_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{(tmp_path / 'new.db').as_posix()}"
    assert asked("migrate-db", url)["rows"]["events"] == 2
    monkeypatch.setenv("GAIA_BUDGET_DB", url)
    assert asked("spend")["total"]["cost_usd"] == "2.5000"


@pytest.mark.usefixtures("spent")
def test_what_an_app_has_just_logged_is_in_the_next_answer_without_an_ingest(home: Path) -> None:
    logs = home / "gaia-budget" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    line = {"ts": "2026-11-20T10:00:00Z", "component": "raven", "task": "quick_scan", "model": "claude-haiku-4-5",
            "cost_usd": 0.25, "input_tokens": 10, "output_tokens": 5, "details": ""}  # fmt: skip
    (logs / "raven_runtime.jsonl").write_text(json.dumps(line) + "\n", encoding="ascii")
    keys = [row["key"] for row in asked("spend", "--by", "module", "--since", "2026-11-01")["rows"]]
    assert "raven" in keys


@pytest.mark.usefixtures("spent")
def test_an_answer_that_may_lack_what_is_newest_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    (tmp_path / "registry.json").write_text('{"modules": [', encoding="utf-8")
    ended = CliRunner().invoke(app, ["spend", "--json"])
    assert json.loads(ended.stdout)["total"]["cost_usd"] == "2.5000"
    assert "may lack what is newest" in ended.stderr
    assert "registry.json" in ended.stderr
