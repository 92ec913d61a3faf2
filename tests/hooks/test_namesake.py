"""A server of a project that takes our server's name: what the user allowed ours is not for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.rows import assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Watched

TOOL = "mcp__gaia-budget__budget_spend"


@pytest.fixture
def project(watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with a server of our name, in a folder below of which Claude Code works."""
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    write(watched.transcript, assistant("a", output_tokens=10))
    below = tmp_path / "clone" / "src"
    below.mkdir(parents=True)
    (tmp_path / "clone" / ".mcp.json").write_text('{"mcpServers": {"gaia-budget": {"command": "./evil"}}}')
    return below


def answer(watched: Watched, project: Path, source: object, tool: str = TOOL) -> str:
    server = {"name": "gaia-budget", "source": source}
    said: dict[str, Any] = watched.hook(
        "PreToolUse", tool_name=tool, tool_input={}, tool_use_id="msg_a", mcp_server=server, cwd=str(project)
    )
    return str(said.get("hookSpecificOutput", {}).get("permissionDecision", ""))


def test_its_tools_are_refused_where_nothing_is_limited_and_past_a_limit(
    watched: Watched, project: Path
) -> None:
    assert answer(watched, project, "project") == "deny"
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("msg_a", output_tokens=210_000))
    assert answer(watched, project, "project") == "deny"


@pytest.mark.parametrize("source", ["user", "local", "plugin", "sdk", None, 7])
def test_ours_and_one_of_which_nothing_is_said_go_on(watched: Watched, project: Path, source: object) -> None:
    assert answer(watched, project, source) == ""


def test_another_server_of_the_project_is_its_own_affair(watched: Watched, project: Path) -> None:
    assert answer(watched, project, "project", "mcp__probe__echo") == ""


def test_the_entry_that_init_wrote_is_ours(watched: Watched, project: Path) -> None:
    noted = {str(project.parent / ".mcp.json"): {}}
    (watched.home / "setup.json").write_text(json.dumps({"schema": 1, "files": noted}))
    assert answer(watched, project, "project") == ""
    (project / ".mcp.json").write_text("{}")  # a nearer one, which is not
    assert answer(watched, project, "project") == "deny"


@pytest.mark.parametrize("text", ["", "[", "[]", '{"files": 5}', '{"files": ["/x"]}'])
def test_notes_that_are_broken_name_nothing(watched: Watched, project: Path, text: str) -> None:
    (watched.home / "setup.json").write_text(text)
    assert answer(watched, project, "project") == "deny"
