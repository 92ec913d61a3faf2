"""What is wired for one project stays out of its repository, and the undo leaves no trace of that either."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gaia_budget import places
from gaia_budget.cli.setup import letter
from gaia_budget.setup import init, out_of_git, undo
from gaia_budget.setup.init import Options
from support.components import requires

pytestmark = requires("git")


def git(*words: str, cwd: Path) -> str:
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=", *words], cwd=cwd, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, on a machine without Claude Code on the PATH."""
    project = tmp_path / "my shop"
    project.mkdir()
    git("init", "-q", cwd=project)
    monkeypatch.setenv("PATH", str(Path(shutil.which("git") or "").parent))
    monkeypatch.setattr("gaia_budget.setup.mcp_server.client", lambda: None)
    return project


def wire(project: Path) -> init.Plan:
    plan = init.plan(Options(project))
    init.apply(plan)
    return plan


def unwire(project: Path | None) -> None:
    undo.apply(undo.plan(project))


@pytest.mark.parametrize("within", ["", "web/page"], ids=["its-root", "a-folder-of-it"])
def test_git_sees_nothing_of_what_is_wired_and_the_letter_names_the_list(project: Path, within: str) -> None:
    folder = project / within
    folder.mkdir(parents=True, exist_ok=True)
    before = out_of_git.file_of(folder).read_bytes()  # type: ignore[union-attr]
    said = " ".join(letter.before(wire(folder)).split())
    assert git("status", "--porcelain", "--untracked-files=all", cwd=project) == ""
    assert str(project / ".git" / "info" / "exclude") in said.replace("~", str(Path.home()))
    assert not init.plan(Options(folder)).changed
    unwire(None)
    assert out_of_git.file_of(folder).read_bytes() == before  # type: ignore[union-attr]


def test_what_somebody_added_since_stays_and_what_was_lost_is_taken_out_all_the_same(project: Path) -> None:
    file = project / ".git" / "info" / "exclude"
    file.write_text("mine", "utf-8")
    wire(project)
    with file.open("a", encoding="utf-8") as stream:
        stream.write("*.later\n")
    (places.home() / "setup.json").unlink()
    unwire(project)
    assert file.read_text("utf-8") == "mine\n*.later\n"


def test_a_line_that_stands_there_is_not_written_again(project: Path) -> None:
    file = project / ".git" / "info" / "exclude"
    lines = "/.claude/settings.local.json\n/.mcp.json\n"
    file.write_text(lines, "utf-8")
    wire(project)
    assert file.read_text("utf-8") == lines
    unwire(None)
    assert file.read_text("utf-8") == lines


@pytest.mark.parametrize("linked", [".git", ".git/info", ".git/info/exclude"])
def test_a_list_that_leads_elsewhere_is_not_written(project: Path, tmp_path: Path, linked: str) -> None:
    place, elsewhere = project / linked, tmp_path / "elsewhere"
    shutil.move(place, elsewhere)
    place.symlink_to(elsewhere)
    before = out_of_git.content_of(project / ".git" / "info" / "exclude")
    wire(project)
    assert out_of_git.content_of(project / ".git" / "info" / "exclude") == before


def test_without_a_repository_no_list_is_made(tmp_path: Path) -> None:
    assert out_of_git.change(tmp_path, [tmp_path / ".mcp.json"]) is None
