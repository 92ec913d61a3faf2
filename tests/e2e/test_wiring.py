"""`init` and its way back, with the real client reading what was written."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.components import requires
from support.scripted_api import reply, text
from support.world import World, wired

if TYPE_CHECKING:
    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "git")

SETTINGS = b"""{\r
    "theme": "dark",   "model": "opus",\r
    "hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "true"}]}]},\r
    "permissions": {\r
        "allow": [ "Bash(git status)" ]\r
    }\r
}"""


def settings(claude: Claude) -> Path:
    """The user's settings file."""
    return claude.home / ".claude" / "settings.json"


@pytest.fixture
def with_settings(claude: Claude) -> Claude:
    """A client whose user has settings of their own."""
    settings(claude).parent.mkdir(parents=True, exist_ok=True)
    settings(claude).write_bytes(SETTINGS)
    return claude


def test_a_second_init_changes_nothing_and_undo_gives_the_bytes_back(
    with_settings: Claude, tmp_path: Path
) -> None:
    world = wired(with_settings, tmp_path)
    once = settings(with_settings).read_bytes()
    assert once != SETTINGS
    again = world.ask("init", "--yes", "--no-replay", "--no-proof")
    assert again["changed"] == []
    assert again["diff"] == ""
    assert settings(with_settings).read_bytes() == once

    world.run("init", "--undo", "--yes")
    assert settings(with_settings).read_bytes() == SETTINGS
    assert "gaia-budget" not in world.claude.shell("claude", "mcp", "list").stdout


def test_a_file_that_was_not_there_is_gone_after_undo(claude: Claude, tmp_path: Path) -> None:
    world = wired(claude, tmp_path)
    assert settings(claude).exists()
    world.run("init", "--undo", "--yes")
    assert not settings(claude).exists()


@pytest.mark.parametrize("broken", ['{"hooks": {}, // why\n}', '{"hooks": {]'])
def test_a_file_that_is_not_plain_json_is_refused_with_its_place(
    claude: Claude, tmp_path: Path, broken: str
) -> None:
    settings(claude).parent.mkdir(parents=True, exist_ok=True)
    settings(claude).write_text(broken, "utf-8")
    refused = World(claude, tmp_path, Path(sys.executable)).run("init", "--yes", check=False)
    assert refused.returncode == 1
    assert re.search(r"settings\.json:\d+:\d+", refused.stderr)
    assert settings(claude).read_text("utf-8") == broken


def test_the_client_connects_to_the_server_and_takes_every_hook(world: World, api: ScriptedApi) -> None:
    assert re.search(r"gaia-budget: .*Connected", world.claude.shell("claude", "mcp", "list").stdout)
    api.main(reply(text("hello"), input=700, output=12))
    run = world.claude.run("say hello")
    ours = [row for row in run.hooks if row["subtype"] == "hook_response"]
    assert {row["hook_event"] for row in ours} >= {"SessionStart", "UserPromptSubmit", "Stop"}
    assert {row.get("exit_code", 0) for row in ours} == {0}
    assert not [line for line in run.informational if "hook" in line.lower()]


def test_one_project_alone_is_wired_in_its_private_settings(
    claude: Claude, tmp_path: Path, api: ScriptedApi
) -> None:
    world = wired(claude, tmp_path)
    world.run("init", "--undo", "--yes")
    world.run("init", "--project", str(claude.cwd), "--yes", "--no-replay", "--no-proof")
    assert not settings(claude).exists()
    private = json.loads((claude.cwd / ".claude" / "settings.local.json").read_text("utf-8"))
    assert "PreToolUse" in private["hooks"]
    assert not (claude.cwd / ".mcp.json").exists()
    api.main(reply(text("hello"), input=700, output=12))
    run = claude.run("say hello")
    world.run("ingest")
    assert world.ask("status", "--session", run.session_id)["session"]["budget_tokens"] == 712


def test_init_ends_with_what_past_sessions_have_cost(
    claude: Claude, tmp_path: Path, api: ScriptedApi
) -> None:
    api.main(reply(text("hello"), input=45_000, output=12))
    claude.run("before anything of ours was here")
    world = wired(claude, tmp_path)
    replay = world.ask("init", "--yes", "--no-proof")["replay"]
    assert replay
    assert "0.18" in json.dumps(replay)
    assert not world.lines(), "history goes to the ledger, not into the logs"
