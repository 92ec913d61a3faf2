"""The plugin's server: at once the real one where it is installed, else it installs it and hands over."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_hooks.say import news
from support.mcp_stdio import Stdio, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
REAL = f"#!/bin/sh\nexec {sys.executable} -P -m gaia_mcp\n"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs of a POSIX machine")


@pytest.fixture
def state(home: Path) -> Path:
    folder = home / "gaia-budget"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def plugin(tmp_path: Path, state: Path) -> Callable[[str], Stdio]:
    """The plugin's folder, whose installer does what it is told; its server, started."""

    def started(installer: str) -> Stdio:
        folder = tmp_path / 'a plugin\'s "own" folder'
        shutil.copytree(ROOT / "hooks", folder / "hooks", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "mcp_server").mkdir()
        shutil.copy(ROOT / "mcp_server" / "launch.py", folder / "mcp_server")
        (folder / "install.py").write_text(installer, encoding="utf-8")
        return Stdio([sys.executable, str(folder / "mcp_server" / "launch.py")], GAIA_BUDGET_HOME=str(state))

    return started


def installing(state: Path) -> str:
    program = state / "venv" / "bin" / "gaia-budget"
    return (
        "import pathlib, sys\n"
        "assert sys.argv[1:] == ['--environment']\n"
        f"p = pathlib.Path({str(program)!r})\np.parent.mkdir(parents=True)\n"
        f"p.write_text({REAL!r})\np.chmod(0o755)\n"
    )


def tools(server: Stdio) -> set[str]:
    return {tool["name"] for tool in server.ask("tools/list")["result"]["tools"]}


def test_the_tools_are_there_in_the_same_session_once_they_are_installed(
    plugin: Callable[[str], Stdio], state: Path
) -> None:
    with plugin(installing(state)).started() as server:
        wait_until(lambda: any(b"tools/list_changed" in line for line in server.lines))
        assert "budget_spend" in tools(server)
        wait_until(lambda: Path(news.path_of(str(state))).exists())
    assert "its tools are ready" in news.told(str(state))
    assert news.told(str(state)) == ""


def test_why_it_could_not_be_installed_is_said(plugin: Callable[[str], Stdio], state: Path) -> None:
    with plugin("import sys\nsys.exit('install.py: there is no network')\n").started() as server:
        assert tools(server) == {"budget_setup"}
        wait_until(lambda: server.call("budget_setup").get("isError"))
        assert "there is no network" in json.dumps(server.call("budget_setup"))
    assert "could not be installed: install.py: there is no network" in news.told(str(state))


def test_what_is_installed_is_started_at_once(plugin: Callable[[str], Stdio], state: Path) -> None:
    exec(installing(state).replace("assert sys.argv[1:] == ['--environment']", ""))
    with plugin("raise SystemExit('not needed')").started() as server:
        assert "budget_spend" in tools(server)


def test_beside_the_server_that_init_registered_it_has_no_tools(
    plugin: Callable[[str], Stdio], state: Path
) -> None:
    (state / "setup.json").write_text(json.dumps({"servers": [{"scope": "user"}]}), encoding="utf-8")
    with plugin("raise SystemExit('not needed')").started() as server:
        assert tools(server) == set()
