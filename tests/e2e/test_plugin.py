"""The repository as a Claude Code plugin: valid, installable, and harmless where our package is missing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.setup.checks import noted
from support import ecosystem
from support.components import requires
from support.scripted_api import reply, text, tool
from support.truth import dollars

if TYPE_CHECKING:
    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "git")

ROOT = Path(__file__).resolve().parents[2]
PARTS = (".claude-plugin", "hooks", "mcp_server", "plugin")
ADDED_CHARACTERS = 600  # to every request: a skill's line, the name of one tool; about 120 tokens


@pytest.fixture
def plugin(claude: Claude, tmp_path: Path) -> Path:
    """The plugin, installed into the client."""
    return install(claude, tmp_path)


def install(claude: Claude, tmp_path: Path) -> Path:
    """A copy of the plugin's parts in a folder with a difficult name, installed into the client."""
    folder = tmp_path / 'a plugin\'s "own" folder'
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    claude.env["GAIA_ROOT"] = str(ecosystem.make(tmp_path / "gaia", {"shop": claude.cwd}))
    claude.env["GAIA_BUDGET_HOME"] = str(claude.home / "gaia-budget")
    claude.env["GAIA_SESSION_TYPE"] = "quick_fix"
    claude.shell("claude", "plugin", "marketplace", "add", str(folder))
    claude.shell("claude", "plugin", "install", "gaia-budget@gaia")
    return folder


def test_the_client_finds_nothing_wrong_with_plugin_and_marketplace(claude: Claude) -> None:
    directory = ("--profile", "directory")  # what the catalog of plugins would refuse
    for options, target in ((directory, ""), (directory, ".claude-plugin/plugin.json"),
                            ((), ".claude-plugin/marketplace.json")):  # fmt: skip
        shown = claude.shell("claude", "plugin", "validate", "--strict", *options, str(ROOT / target))
        assert "Validation passed" in shown.stdout, shown.stdout


@pytest.mark.usefixtures("plugin")
def test_the_installed_plugin_counts_and_warns(claude: Claude, api: ScriptedApi) -> None:
    api.main(
        reply(tool("Bash", command="true", description="nothing"), input=100, write_5m=45_000),
        reply(text("done"), read=45_000),
    )
    run = claude.run("do nothing")
    assert any("GAIA budget: 80 %" in line for line in run.informational), run.informational
    states = list((claude.home / "gaia-budget" / "sessions").iterdir())
    assert any(run.session_id in state.name for state in states)
    assert dollars(run.result) > 0


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_is_disabled_is_told_from_one_that_is_on(claude: Claude) -> None:
    file = claude.home / ".claude" / "settings.json"
    for command, enabled in (("disable", False), ("enable", True)):
        claude.shell("claude", "plugin", command, "gaia-budget@gaia")
        found = noted.plugin([(file, json.loads(file.read_text("utf-8")))])
        assert found == noted.Plugin("gaia-budget@gaia", enabled, file)


def test_a_command_is_answered_without_asking_a_model(claude: Claude, api: ScriptedApi, plugin: Path) -> None:
    for words, said in (
        ("budget", "0 of 50,000 tokens of this quick_fix session"),
        ("type feature_dev", "a feature_dev session from now on"),
        ("report", "nothing has been answered"),
        ("claude-md", "CLAUDE.md"),
    ):
        run = claude.run(f"/gaia-budget:{words}")
        assert any(said in line for line in run.informational), (words, run.informational)
    assert api.messages() == []


def test_what_the_plugin_adds_to_each_request_is_small(
    claude: Claude, api: ScriptedApi, tmp_path: Path
) -> None:
    api.main(reply(text("hi")), reply(text("hi")))
    claude.run("hello")
    install(claude, tmp_path)
    claude.run("hello")
    before, after = (len(json.dumps(sent.body)) for sent in api.messages(""))
    assert 0 < after - before <= ADDED_CHARACTERS


def test_the_client_runs_the_cases_of_the_evaluation(claude: Claude, plugin: Path) -> None:
    """They load and run, no more: the scripted answers say nothing about a model."""
    wanted = os.environ.get("GAIA_TEST_EVALS", "plain-question")  # "*" runs all of them
    cases = [case.name for case in sorted((ROOT / "plugin" / "evals").iterdir())]
    assert len(cases) >= 12
    shown = claude.shell("claude", "plugin", "eval", str(plugin), "--case", wanted, "--runs", "1", "-j", "2",
                         "--trust-plugin", "--no-publish", check=False)  # fmt: skip
    run = [case for case in cases if f"{case} run 1/1 [with]: score" in shown.stderr]
    assert run == [case for case in cases if wanted in ("*", case)], shown.stderr[-2000:]


def test_without_its_files_the_plugin_stops_nothing(claude: Claude, api: ScriptedApi, plugin: Path) -> None:
    shutil.rmtree(plugin / "hooks" / "gaia_hooks")
    for copy in claude.home.glob(".claude/plugins/**/gaia_hooks"):
        shutil.rmtree(copy)
    api.main(reply(tool("Bash", command="echo it-works", description="say")), reply(text("done")))
    run = claude.run("say it")
    assert run.result["result"] == "done"
    assert "it-works" in json.dumps(run.tool_results)


@pytest.mark.parametrize("file", ["settings.json", "settings.local.json"])
@pytest.mark.usefixtures("plugin")
def test_no_program_that_a_project_names_is_started_as_the_plugins_server(
    claude: Claude, api: ScriptedApi, tmp_path: Path, file: str
) -> None:
    program, trace = tmp_path / "theirs" / "venv" / "bin" / "gaia-budget", tmp_path / "trace"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho \"$0\" >> '{trace}'\n")
    program.chmod(0o755)
    env = {
        "GAIA_BUDGET_PYTHON": str(program),
        "GAIA_BUDGET_HOME": str(tmp_path / "theirs"),
        "PYTHONPATH": str(claude.cwd),
    }
    for module in ("json", "contextlib", "venv", "gaia_hooks"):
        (claude.cwd / f"{module}.py").write_text(f"open({str(trace)!r}, 'a').write(__name__)\n")
    (claude.cwd / ".claude").mkdir()
    (claude.cwd / ".claude" / file).write_text(json.dumps({"env": env}))
    api.main(
        reply(tool("Bash", command="sleep 2", description="wait for servers"), input=100), reply(text("done"))
    )
    claude.run("do nothing")
    assert not trace.exists(), trace.read_text()
