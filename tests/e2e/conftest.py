"""The real client in a world of its own: a scripted API, a home, a project with git, nothing else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from support import components
from support.claude_client import Claude
from support.scripted_api import ScriptedApi
from support.world import World, wired

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    """A scripted Messages API on loopback."""
    with ScriptedApi() as api:
        yield api


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder under git with one file in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "notes.txt").write_text("first line\n", "utf-8")
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "notes.txt"],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "start"],
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)
    return folder


@pytest.fixture
def claude(home: Path, project: Path, api: ScriptedApi) -> Claude:
    """The newest client we are held to; the test carries `requires("claude")`."""
    return Claude(components.path("claude"), home, project, api)


@pytest.fixture
def claude_197(home: Path, project: Path, api: ScriptedApi) -> Claude:
    """The oldest client we are held to; the test carries `requires("claude-197")`."""
    return Claude(components.path("claude-197"), home, project, api)


@pytest.fixture
def world(claude: Claude, tmp_path: Path, price_list: None) -> World:
    """The newest client, wired; the project is the module `shop` and a session of type quick_fix."""
    return wired(claude, tmp_path)


@pytest.fixture
def world_197(claude_197: Claude, tmp_path: Path, price_list: None) -> World:
    """The same with the oldest client."""
    return wired(claude_197, tmp_path)
