"""The repository as a Claude Code plugin: valid, installable, and harmless where our package is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import ecosystem
from support.components import requires
from support.scripted_api import reply, text, tool
from support.truth import dollars

if TYPE_CHECKING:
    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "git")

ROOT = Path(__file__).resolve().parents[2]
PARTS = (".claude-plugin", "hooks", "mcp_server")


@pytest.fixture
def plugin(claude: Claude, tmp_path: Path) -> Path:
    """A copy of the plugin's parts in a folder with a difficult name, installed into the client."""
    folder = tmp_path / 'a plugin\'s "own" folder'
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    claude.env["GAIA_ROOT"] = str(ecosystem.make(tmp_path / "gaia", {"shop": claude.cwd}))
    claude.env["GAIA_BUDGET_HOME"] = str(claude.home / "gaia-budget")
    claude.env["GAIA_SESSION_TYPE"] = "quick_fix"
    claude.shell("claude", "plugin", "marketplace", "add", str(folder))
    claude.shell("claude", "plugin", "install", "gaia-token-budget@gaia")
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


def test_without_its_files_the_plugin_stops_nothing(claude: Claude, api: ScriptedApi, plugin: Path) -> None:
    shutil.rmtree(plugin / "hooks" / "gaia_hooks")
    for copy in claude.home.glob(".claude/plugins/**/gaia_hooks"):
        shutil.rmtree(copy)
    api.main(reply(tool("Bash", command="echo it-works", description="say")), reply(text("done")))
    run = claude.run("say it")
    assert run.result["result"] == "done"
    assert "it-works" in json.dumps(run.tool_results)
