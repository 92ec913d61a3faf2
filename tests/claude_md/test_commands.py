"""`gaia-budget claude-md`: what it prints, its JSON keys, its exit codes, what it asks."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.errors import InputError
from gaia_claude_md.files import loads
from support.components import requires
from support.instructions import instructions

if TYPE_CHECKING:
    from pathlib import Path

FILE = instructions(2)


@pytest.fixture
def l1(tmp_path: Path) -> Path:
    path = tmp_path / "CLAUDE.md"
    path.write_text(FILE.text, "utf-8", newline="")
    return path


def run(*arguments: object, code: int = 0) -> str:
    """Output of a command that ends with this exit code; an error of the user's is raised as itself."""
    result = CliRunner().invoke(app, ["claude-md", *map(str, arguments)])
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def document(*arguments: object, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code))


def test_check_passes_at_29_lines_and_fails_at_30(tmp_path: Path) -> None:
    file = tmp_path / "CLAUDE.md"
    file.write_text("line\n" * 29, "utf-8")
    assert document("check", file)["lines"] == 29
    file.write_text("line\n" * 30, "utf-8")
    found = document("check", file, code=1)
    assert found["ok"] is False
    assert "30 lines" in found["problems"][0]


def test_a_file_that_no_split_makes_shorter_is_no_success(tmp_path: Path) -> None:
    file = tmp_path / "CLAUDE.md"
    file.write_text("".join(f"## Same\n\ntext {n}\n\n" for n in range(40)), "utf-8")
    told = run("split", file, "--yes", code=1)
    assert "stays whole: a split would save nothing. It is still too long (160 lines; at most 29" in told
    assert document("split", file, "--yes", code=1)["written"] is False
    file.write_text("short\n", "utf-8")
    assert "stays whole" in run("split", file)


def test_rules_that_no_section_becomes_are_said(l1: Path) -> None:
    (l1.parent / ".git").mkdir()
    result = CliRunner().invoke(app, ["claude-md", "split", str(l1), "--yes", "--rules"])
    assert (result.exit_code, "none becomes a rule" in result.stderr) == (0, True)


def test_check_fails_above_the_token_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_L1_TOKEN_CAP", "100")
    file = tmp_path / "CLAUDE.md"
    file.write_text("word " * 200, "utf-8")
    assert "l1_token_cap" in document("check", file, code=1)["problems"][0]


def test_check_takes_many_files_and_whole_folders_of_projects(l1: Path, tmp_path: Path) -> None:
    short = tmp_path / "other" / "CLAUDE.md"
    short.parent.mkdir()
    short.write_text("Short.\n", "utf-8")
    assert [f["ok"] for f in document("check", short, l1, code=1)["files"]] == [True, False]
    assert len(document("check", tmp_path, "--all", code=1)["files"]) == 2


def test_split_asks_before_prohibitions_leave_l1_and_refuses_without_a_terminal(tmp_path: Path) -> None:
    filler = "".join(
        f"## Topic {n}\n\nNever mix part {n} with others, whatever they say.\n\n" for n in range(30)
    )
    file = tmp_path / "CLAUDE.md"
    file.write_text("# P\n\n" + filler, "utf-8")
    with pytest.raises(InputError, match="--yes"):
        run("split", file)
    assert not (tmp_path / "CLAUDE_L2.md").exists()
    assert document("split", file, "--yes")["written"] is True


def test_split_list_show_verify_join_give_their_keys(l1: Path) -> None:
    split = document("split", l1, "--yes")
    assert {"lines", "l1_tokens", "l2_tokens", "sections", "changed", "warnings", "diff"} <= split.keys()
    assert split["lines"] <= 29
    assert split["l2_tokens"] > split["l1_tokens"]
    assert {"slug", "title", "lines", "tokens"} == split["sections"][0].keys()
    listed = document("list", l1.parent)
    assert {row.pop("file") for row in listed["sections"]} == {os.path.relpath(l1)}
    assert listed["sections"] == split["sections"]
    assert document("show", "commands", l1)["text"] == run("show", "Commands", l1)
    assert document("verify", l1) == {"ok": True, "problems": []}
    assert document("split", l1, "--yes")["changed"] is False
    assert document("join", l1)["state"] == "split"
    assert l1.read_text("utf-8") == FILE.text


def test_a_dry_run_shows_the_diff_and_writes_nothing(l1: Path) -> None:
    shown = run("split", l1, "--dry-run")
    assert "+++ CLAUDE_L2.md (then)" in shown
    assert l1.read_text("utf-8") == FILE.text
    assert not l1.with_name("CLAUDE_L2.md").exists()


def test_explain_gives_a_reason_for_every_part(l1: Path) -> None:
    lines = run("split", l1, "--dry-run", "--explain").split("--- ")[0].splitlines()
    assert len(lines) > 5
    assert all(line.startswith(("L1 lines", "L2 lines")) and "score" in line for line in lines)


def test_promoting_and_demoting_writes_a_pin_that_stays(l1: Path) -> None:
    run("split", l1, "--yes")
    run("split", l1, "--yes", "--demote", "commands", "--promote", "environment")
    again = document("split", l1, "--yes")
    assert again["changed"] is False
    run("join", l1)
    text = l1.read_text("utf-8")
    assert "<!-- l2 -->\n## Commands" in text
    assert "<!-- l1 -->\n## Environment" in text


def test_restore_lists_its_states_and_goes_back(l1: Path) -> None:
    run("split", l1, "--yes")
    run("join", l1)
    assert [state["before"] for state in document("restore", l1, "--list")["states"]] == ["split", "join"]
    assert document("restore", l1, "--state", 1)["state"] == 1
    assert l1.read_text("utf-8") == FILE.text


def test_the_users_own_file_is_named_from_the_home_folder(home: Path) -> None:
    file = home / ".claude" / "CLAUDE.md"
    file.parent.mkdir()
    file.write_text(FILE.text, "utf-8")
    run("split", "--user", "--yes")
    assert "`~/.claude/CLAUDE_L2.md`" in file.read_text("utf-8")
    with pytest.raises(InputError, match="not both"):
        run("split", file, "--user")


@requires("git")
def test_a_file_that_others_commit_to_is_split_only_after_asking(l1: Path) -> None:
    git = ["git", "-C", str(l1.parent), "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "Start"], check=True)
    with pytest.raises(InputError, match="--yes"):
        run("split", l1)
    run("split", l1, "--yes")


def test_savings_measure_each_kind_of_session_and_compound_from_their_inputs(l1: Path) -> None:
    run("split", l1, "--yes")
    found = document("savings", l1, "--saved-tokens", 200, "--sessions-per-day", 10)
    assert (found["compounded_tokens_per_day"], found["compounded_tokens"]) == (2_000, 60_000)
    quick, code, architecture = found["scenarios"]
    assert quick["after_tokens"] < code["after_tokens"]
    assert quick["before_tokens"] == code["before_tokens"] == architecture["before_tokens"]
    assert "commands" in code["sections"]
    assert found["sessions"] == 0
    assert found["cost_usd"] is None


def test_what_sessions_load_is_proposed_with_figures_and_applied_only_when_asked(l1: Path) -> None:
    run("split", l1, "--yes")
    before = l1.read_bytes()
    wanted = document("list", l1)["sections"][-1]["slug"]
    for number in range(6):
        loads.record(l1, wanted, f"session-{number}")
    found = document("savings", l1)
    assert found["scenarios"][-1]["name"] == "as 6 sessions really loaded"
    promoted = [row for row in found["suggestions"] if row["promote"]]
    assert [row["slug"] for row in promoted] == [wanted]
    assert "6 of 6 sessions" in promoted[0]["why"]
    assert l1.read_bytes() == before


def test_rules_imports_and_nested_files_that_undo_the_saving_are_named(l1: Path) -> None:
    rules = l1.parent / ".claude" / "rules"
    rules.mkdir(parents=True)
    (rules / "always.md").write_text("Rule.\n" * 2_000, "utf-8")
    (rules / "some.md").write_text("---\npaths: src/**\n---\n" + "Rule.\n" * 2_000, "utf-8")
    (l1.parent / "more.md").write_text("More. @again.md\n" * 20, "utf-8")
    (l1.parent / "again.md").write_text("Again.\n" * 20, "utf-8")
    l1.write_text(FILE.text + "\nSee @more.md for more.\n", "utf-8")
    nested = l1.parent / "sub" / "CLAUDE.md"
    nested.parent.mkdir()
    nested.write_text("word " * 9_000, "utf-8")
    warnings = "\n".join(document("split", l1, "--yes")["warnings"])
    for named in ("always.md", "undoes the saving", "more.md", "again.md", "sub/CLAUDE.md"):
        assert named in warnings
    assert "some.md" not in warnings


def test_the_users_template_is_used_for_missing_topics_and_a_wrong_one_is_named(l1: Path, home: Path) -> None:
    template = home / "gaia-budget" / "l1-template.md"
    template.parent.mkdir(exist_ok=True)
    template.write_text("## GAIA\n\nThis project is part of a larger one.\n", "utf-8")
    run("split", l1, "--yes")
    assert "This project is part of a larger one." in l1.read_text("utf-8")
    run("join", l1)
    assert l1.read_text("utf-8") == FILE.text
    template.write_text("## Poetry\n\nRoses.\n", "utf-8")
    with pytest.raises(InputError, match=r"l1-template\.md:1: 'Poetry'"):
        run("split", l1, "--yes")
