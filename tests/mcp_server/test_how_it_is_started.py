"""The command that is wired: it starts wherever we are installed, and nothing of a project gets in its way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gaia_budget.setup import mcp_server
from support.mcp_stdio import Stdio

BASE = Path(getattr(sys, "_base_executable", "") or sys.executable)


@pytest.fixture
def user_site(home: Path) -> Path:
    """This user's own site-packages, where `pip install --user` would have put us, for the base interpreter."""
    shown = subprocess.run(
        [str(BASE), "-m", "site", "--user-site"], capture_output=True, text=True, check=False
    )
    folder = Path(shown.stdout.strip())
    if not folder.is_relative_to(home):
        pytest.skip("this interpreter keeps its user site elsewhere")
    folder.mkdir(parents=True)
    ours = [
        entry for entry in sys.path if entry and Path(entry).is_dir() and "python3" not in Path(entry).name
    ]
    (folder / "ours.pth").write_text("\n".join(ours), encoding="utf-8")
    return folder


def test_an_installation_for_this_user_alone_is_found(user_site: Path) -> None:
    program, *arguments = mcp_server.wanted(None).command
    assert program == sys.executable
    with Stdio([str(BASE), *arguments]).started() as server:
        assert not server.call("budget_sections").get("isError")


def test_no_module_of_a_project_takes_the_place_of_ours(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mcp", "pydantic", "gaia_mcp", "queue"):
        (project / f"{name}.py").write_text("raise SystemExit('not ours')", encoding="utf-8")
    monkeypatch.chdir(project)
    with Stdio(mcp_server.wanted(None).command, PYTHONPATH=os.curdir).started() as server:
        assert not server.call("budget_sections").get("isError")
