"""The diff that people are shown before they say yes: short enough to read, and nothing left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.setup import init, showing, wiring
from gaia_budget.setup.hookcopy import HOOK_MODULE, bootstrap
from gaia_budget.setup.init import Options, settings_path
from gaia_budget.setup.journal import FileChange

HOOK = "exec('try:"  # how every program of ours begins
COPY = Path("/state/hook/1-abc")


@pytest.fixture(autouse=True)
def no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Claude Code on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def shown(*words: str) -> str:
    return CliRunner().invoke(app, ["init", *words], catch_exceptions=False).stdout


def test_a_person_sees_the_program_named_once_and_no_line_that_runs_off_the_screen() -> None:
    diff = shown("--dry-run")
    assert HOOK not in diff
    assert all(f'"{event}"' in diff for event in ("SessionStart", "PreToolUse", "Stop", "SessionEnd"))
    assert diff.count("exit 0") == 1
    assert diff.count("\n") < 110


def test_a_program_gets_the_diff_to_the_letter() -> None:
    diff = json.loads(shown("--dry-run", "--json"))["diff"]
    assert diff == init.plan(Options()).diff
    assert diff.count(HOOK) == 10


def test_what_a_person_sees_leaves_nothing_out() -> None:
    plan = init.plan(Options())
    added = [line[1:] for line in showing.readable(plan.changes, COPY).splitlines()[3:] if line[0] == "+"]
    program = bootstrap(plan.wiring.copy, HOOK_MODULE)
    unfolded = "\n".join(added).replace("<bootstrap>", json.dumps(program))
    assert plan.changes[0].after is not None
    assert json.loads(unfolded) == json.loads(plan.changes[0].after)


def test_another_program_has_another_name() -> None:
    entries = [wiring.handler("Stop", Path("python"), COPY / str(n)) for n in (1, 2)]
    before, after = (json.dumps({"hooks": {"Stop": [{"hooks": [entry]}]}}).encode() for entry in entries)
    diff = showing.readable([FileChange(settings_path(None), before, after)], COPY)
    gone, come = (line for line in diff.splitlines() if '"hooks"' in line)
    assert gone.startswith("-") and '"-c", <bootstrap>]' in gone
    assert come.startswith("+") and '"-c", <bootstrap 2>]' in come


@pytest.mark.parametrize(
    "text", ['gaia_root = "/x/gaia_hooks"\n', "", '{"hooks": [1]}', '{"hooks": {"Stop": 1}}']
)
def test_other_files_are_shown_as_they_are(text: str) -> None:
    change = FileChange(Path("settings.toml"), None, text.encode())
    assert showing.readable([change], COPY) == showing.exact([change])


def test_undo_is_as_short() -> None:
    init.apply(init.plan(Options()))
    diff = shown("--undo", "--dry-run")
    assert HOOK not in diff
    assert "-          {" in diff
