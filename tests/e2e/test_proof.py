"""`init` ends with a proof: the real client, in a home of its own, against a stand-in, in a terminal."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.errors import InputError
from gaia_budget.setup import hookcopy, init
from gaia_budget.setup.init import Options, settings_path
from gaia_budget.setup.proof import proving, trial
from gaia_budget.setup.wiring import ARGUMENTS_SINCE
from support import components
from support.components import OLDEST, requires

if TYPE_CHECKING:
    from pathlib import Path

    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi

pytestmark = [requires("claude", "claude-197", "git"), pytest.mark.usefixtures("price_list")]


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claude Code can be found, and a busy machine has longer than a user would wait."""
    monkeypatch.setenv("PATH", f"{components.path('claude').parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(trial, "SECONDS", 60.0)


def wire() -> Path:
    init.apply(init.plan(Options()))
    return settings_path(None)


def change(file: Path, **keys: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | keys), "utf-8")


def test_init_ends_with_what_the_client_was_seen_to_do() -> None:
    done = CliRunner().invoke(app, ["init", "--yes"], catch_exceptions=False)
    said = " ".join(done.stdout.partition("\nProof")[2].split())
    assert said.startswith("Claude Code 2.1.") and said.endswith(
        "ran one prompt against a stand-in on this machine (no model was asked): the hook counted 12,345 tokens, "
        'the status line drew "session 6 % of 200,000 $0.05"'
    )


@pytest.mark.parametrize(
    "version", [OLDEST, *filter(None, os.environ.get("GAIA_TEST_CLIENTS", "").split(","))]
)
def test_each_client_that_is_wired_is_proven_and_an_older_one_is_told_why_not(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    program = components.claude_in(components.cache() / f"claude-{version}")
    assert program is not None, f"{version} is not in {components.cache()}"
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    if tuple(map(int, version.split("."))) < ARGUMENTS_SINCE:
        with pytest.raises(InputError, match=f"Claude Code {version} would not run our hooks"):
            init.plan(Options())
        return
    wire()
    found = proving.prove(None)
    assert (
        found.ok
        and found.said.startswith(
            f"Claude Code {version} ran one prompt against a stand-in on this machine (no model was asked): "
            'the hook counted 12,345 tokens, the status line drew "session 6 % of 200,000 $0.0'  # its model's price
        )
    )


def test_a_trial_asks_no_provider_starts_no_program_of_the_user_and_leaves_no_trace(
    home: Path, tmp_path: Path, api: ScriptedApi
) -> None:
    trace = tmp_path / "trace"
    acts = {"type": "command", "command": f"touch '{trace}'"}
    file = settings_path(None)
    file.parent.mkdir(parents=True)
    theirs = {
        "apiKeyHelper": acts["command"],
        "statusLine": acts,
        "hooks": {"SessionStart": [{"hooks": [acts]}], "UserPromptSubmit": [{"hooks": [acts]}]},
        "env": {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_AUTH_TOKEN": "theirs"},
    }
    file.write_text(json.dumps(theirs), "utf-8")
    wire()
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    found = proving.prove(None)
    assert found.ok, found
    assert not trace.exists() and api.requests == []
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_project_alone_is_proven_with_its_own_settings(claude: Claude) -> None:
    init.apply(init.plan(Options(project=claude.cwd)))
    assert proving.prove(claude.cwd).ok
    assert proving.prove(None).ok is False


@pytest.mark.parametrize(
    ("keys", "problem", "cure"),
    [
        ({"disableAllHooks": True}, "disableAllHooks", "Remove disableAllHooks"),
        ({"env": {"GAIA_BUDGET_OFF": "1"}}, "GAIA_BUDGET_OFF", "Remove it from env"),
    ],
    ids=["hooks switched off", "counting switched off"],
)
def test_a_link_that_does_not_hold_is_named_with_its_cure(
    keys: dict[str, object], problem: str, cure: str
) -> None:
    change(wire(), **keys)
    found = proving.prove(None)
    assert found.ok is False
    assert "none of our hooks fired" in found.said and problem in found.said and cure in found.cure


def test_a_file_that_the_client_drops_is_named_where_it_stops_at_a_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(wire(), cleanupPeriodDays=0)
    monkeypatch.setattr(trial, "SECONDS", 6.0)  # all of them pass: it asks what to do about the file
    found = proving.prove(None)
    assert found.ok is False
    assert "sent no prompt" in found.said and "cleanupPeriodDays: must be" in found.said
    assert found.cure.startswith("Fix that line of ")


def test_a_python_that_is_gone_is_named_with_its_cure(tmp_path: Path) -> None:
    file = wire()
    wired, gone = hookcopy.written_for(hookcopy.folder()), str(tmp_path / "python-that-was-uninstalled")
    for one in (hookcopy.folder() / hookcopy.MARKER, file):
        one.write_text(one.read_text("utf-8").replace(wired, gone), "utf-8")
    found = proving.prove(None)
    assert found.ok is False
    assert f"{gone} does not start" in found.said and found.cure == "gaia-budget init"
