"""Whatever becomes of our package while a session runs, the session's tools and prompts go on working."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gaia_budget
import gaia_claude_md
import gaia_hooks
import gaia_mcp
from support.components import requires
from support.scripted_api import reply, text, tool
from support.world import wired

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")

OPENING = {"input": 2_100, "output": 61, "write_5m": 45_000}


@pytest.fixture
def own_environment(tmp_path: Path) -> Path:
    """A Python environment with a copy of our packages, which a test may ruin; the libraries are shared."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    places = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=places))
    for package in (gaia_budget, gaia_claude_md, gaia_hooks, gaia_mcp):
        source = Path(package.__path__[0])
        shutil.copytree(source, packages / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    (packages / "shared_libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return folder


@pytest.fixture
def world(claude: Claude, tmp_path: Path, own_environment: Path) -> World:
    """The client wired by the program of that environment."""
    return wired(claude, tmp_path, own_environment / "bin" / "python")


def uninstalled(world: World) -> None:
    """The whole environment is gone, the hooks' copy stays."""
    shutil.rmtree(world.python.parent.parent)


def wiped(world: World) -> None:
    """Environment and state folder are gone, the hooks' copy with it."""
    uninstalled(world)
    shutil.rmtree(world.claude.home / "gaia-budget")


def moved(world: World) -> None:
    """Both lie somewhere else now."""
    world.python.parent.parent.rename(world.claude.home / "moved-environment")
    (world.claude.home / "gaia-budget").rename(world.claude.home / "moved-state")


def half_upgraded(world: World) -> None:
    """Every second module of the packages and of the hooks' copy is missing, another one is cut in its middle."""
    for folder in (world.python.parent.parent, world.claude.home / "gaia-budget" / "hook"):
        modules = sorted(file for file in folder.rglob("gaia_*/**/*.py*") if file.is_file())
        assert len(modules) > 8
        for file in modules[::2]:
            file.unlink()
        modules[1].write_bytes(modules[1].read_bytes()[:100])


def emptied(world: World) -> None:
    """Every file of the hooks' copy is there and empty, as after a full disk."""
    for file in (world.claude.home / "gaia-budget" / "hook").rglob("*.py*"):
        file.write_bytes(b"")


@pytest.mark.parametrize("happens", [uninstalled, wiped, moved, half_upgraded, emptied])
def test_tools_and_prompts_go_on_when_the_package_is(
    world: World, api: ScriptedApi, happens: Callable[[World], None]
) -> None:
    command = tool("Bash", command="echo it-works", description="say")
    api.main(reply(command, **OPENING), reply(text("before"), read=40_000))
    with world.claude.conversation() as talk:
        assert talk.say("first")["result"] == "before"
        happens(world)
        api.main(
            reply(command, read=40_000),
            reply(tool("mcp__gaia-budget__budget_spend"), read=40_000),
            reply(text("after"), read=40_000),
        )
        assert talk.say("second")["result"] == "after"
        run = talk.close()
    assert run.returncode == 0
    assert json.dumps(run.tool_results).count("it-works") == 2

    api.main(reply(command, read=40_000), reply(text("in a new session"), read=40_000))
    later = world.claude.run("third")
    assert later.result["result"] == "in a new session"
    assert "it-works" in json.dumps(later.tool_results)


def test_the_hook_that_is_gone_is_not_the_reason_that_tools_work(world: World, api: ScriptedApi) -> None:
    """The other side of the test above: while all is in place, the same session is counted and warned."""
    api.main(reply(tool("Bash", command="true", description="nothing"), **OPENING), reply(text("done")))
    run = world.claude.run("first")
    assert any("GAIA budget: 80 %" in line for line in run.informational)


def test_switched_off_it_says_and_writes_nothing(world: World, api: ScriptedApi) -> None:
    world.claude.env["GAIA_BUDGET_OFF"] = "1"
    api.main(reply(tool("Bash", command="true", description="nothing"), **OPENING), reply(text("done")))
    run = world.claude.run("first")
    assert run.result["result"] == "done"
    assert not [line for line in run.informational if "GAIA" in line]
    assert not world.lines()
    assert not list((world.claude.home / "gaia-budget").glob("sessions/*"))
