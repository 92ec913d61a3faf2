"""What `init` says to a person: before, after, and when everything is taken out again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gaia_budget import places, settings
from gaia_budget.cli.app import app
from gaia_budget.cli.deciding import pay
from gaia_budget.setup import init, undo, wiring
from gaia_budget.setup.init import Options, settings_path

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Claude Code on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("COLUMNS", "80")


def run(*words: str) -> Result:
    done = CliRunner().invoke(app, [*words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def session(home: Path, tokens: int) -> None:
    rows = [
        {"type": "user", "cwd": str(home / "shop"), "message": {"role": "user", "content": "add a search box"}},
        {"type": "assistant", "sessionId": "s1", "cwd": str(home / "shop"), "timestamp": "2026-11-20T10:00:00.000Z",
         "message": {"id": "m1", "model": "claude-sonnet-4-5", "usage": {"input_tokens": tokens, "output_tokens": 0}}},
    ]  # fmt: skip
    file = home / ".claude" / "projects" / "-shop" / "s1.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_the_letter_names_what_is_added_where_and_how_it_is_taken_out_on_one_screen(home: Path) -> None:
    shown = run("init", "--yes", "--no-replay").stdout
    assert all(tool.rpartition("__")[2] in " ".join(shown.split()) for tool in wiring.UNASKED_TOOLS)
    assert "~/.claude/settings.json" in shown and "init --undo" in shown
    assert len(shown.splitlines()) < 20 and max(map(len, shown.splitlines())) <= 80
    assert "exec(" not in shown
    assert "what was spent, once Claude Code is on the PATH" in " ".join(shown.split())
    assert (home / ".claude" / "settings.json").exists()


def test_an_upgrade_says_what_stays_what_is_renewed_and_what_is_new(home: Path) -> None:
    run("init", "--yes", "--no-replay")
    file = home / ".claude" / "settings.json"
    document = json.loads(file.read_text("utf-8"))
    del document["hooks"]["Stop"]
    document["permissions"]["allow"].remove("mcp__gaia-budget__budget_session")
    file.write_text(json.dumps(document), "utf-8")
    shown = run("init", "--yes", "--no-replay").stdout
    assert "renews what it has in Claude Code." in shown
    flat = " ".join(shown.split())
    assert "Keeps all that was counted" in flat
    assert "Adds the hook Stop; tools that Claude may use without asking you: budget_session Where" in flat
    assert len(shown.splitlines()) < 20 and max(map(len, shown.splitlines())) <= 80


def test_the_letter_ends_with_what_was_found_and_what_to_try(home: Path) -> None:
    session(home, 41_000)
    shown = " ".join(run("init", "--yes").stdout.split())
    assert "1 Claude Code session since 2026-11-20; counted now" in shown
    assert "$0.12 in all" in shown
    assert "0 of your 1 session would have warned at 80 % of its limit" in shown
    assert "Try gaia-budget where everything stands" in shown


def test_where_there_is_no_session_yet_a_played_one_is_offered() -> None:
    assert "gaia-budget demo" in run("init", "--yes").stdout


def test_how_it_is_paid_is_one_question_whose_usual_answer_is_what_was_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, choices, usual = pay.question(settings.load(), has_caps=True)
    assert (usual, choices["1"], choices["3"]) == ("", ("api", True), ("api", False))
    assert choices[""] == ("auto", None) and "caps" in text
    text, choices, _ = pay.question(settings.load(), has_caps=False)
    assert choices["1"] == ("api", None) and "caps" not in text
    monkeypatch.setenv("GAIA_BUDGET_CLAUDE_CODE_BILLING", "plan")
    _, choices, usual = pay.question(settings.load(), has_caps=True)
    assert (usual, choices[""]) == ("2", ("plan", None))


def test_one_answer_makes_claude_code_count_in_every_module_that_does_not_say_otherwise(home: Path) -> None:
    run("pay", "api", "--counts")
    with places.settings_file().open("a", encoding="utf-8") as file:
        file.write("[modules.own]\ncounts_claude_code = false\n[modules.other]\non_exceeded = 'warn'\n")
    stored = settings.load()
    assert stored.module("shop").counts_claude_code and stored.module("other").counts_claude_code
    assert not stored.module("own").counts_claude_code
    assert "counts against the monthly caps" in run("pay").stdout


def test_undo_takes_out_everything_that_was_ever_wired_and_says_what_stays(
    home: Path, tmp_path: Path
) -> None:
    before = b'{"model": "opus"}'
    settings_path(None).parent.mkdir(parents=True)
    settings_path(None).write_bytes(before)
    project = tmp_path / "shop"
    project.mkdir()
    for options in (Options(), Options(project)):
        init.apply(init.plan(options))
    shown = run("init", "--undo", "--yes")
    assert "~/.claude/settings.json" in shown.stdout and str(project) in shown.stdout
    assert settings_path(None).read_bytes() == before
    assert list(project.iterdir()) == []
    assert "stays" in shown.stderr
    assert "Nothing of ours was there" in run("init", "--undo", "--yes").stdout


def test_undo_works_without_the_state_folder_too(home: Path) -> None:
    init.apply(init.plan(Options()))
    places.settings_file().with_name("setup.json").unlink()
    undo.apply(undo.plan(None))
    assert not settings_path(None).exists()


@pytest.mark.parametrize("own", ["{}\n", '{"model": "opus"}\n'])
def test_undo_without_the_state_folder_leaves_a_file_that_holds_nothing_of_ours(home: Path, own: str) -> None:
    settings_path(None).parent.mkdir(exist_ok=True)
    settings_path(None).write_text(own, encoding="utf-8")
    undo.apply(undo.plan(None))
    assert settings_path(None).read_text("utf-8") == own
