"""The short name: made by `init` in the environment of `install.py`, told in the letter, taken out by the undo."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.setup import init, short_command, undo
from gaia_budget.setup.init import Options
from gaia_budget.setup.installing import environment

LINKS = pytest.mark.skipif(os.name == "nt", reason="Windows has a .cmd file in place of a link")


@pytest.fixture
def program(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This very program, as if it ran from the environment that `install.py` makes."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "prefix", str(environment.folder()))
    program = environment.program()
    program.parent.mkdir(parents=True)
    program.touch()
    return program


@LINKS
def test_init_makes_it_says_so_and_undo_takes_it_out(program: Path, home: Path) -> None:
    place = home / ".local" / "bin" / "gaia-budget"
    runner = CliRunner()
    shown = runner.invoke(app, ["init", "--yes", "--no-proof"], catch_exceptions=False).stdout
    assert place.resolve() == program.resolve()
    assert "the command gaia-budget, in ~/.local/bin" in shown
    assert '\n          export PATH="$HOME/.local/bin:$PATH"\n' in shown
    assert not init.plan(Options()).changed
    assert "the command ~/.local/bin/gaia-budget" in runner.invoke(app, ["init", "--undo", "--yes"]).stdout
    assert not place.is_symlink()


@LINKS
def test_what_takes_its_place_while_undo_asks_stays(program: Path, home: Path) -> None:
    place = home / ".local" / "bin" / "gaia-budget"
    short_command.make(place)
    planned = undo.plan(None)
    assert planned.link == place
    place.unlink()
    place.write_text("theirs")
    undo.apply(planned)
    assert place.read_text() == "theirs"


@LINKS
def test_a_dry_run_and_a_program_that_came_another_way_make_none(
    program: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CliRunner().invoke(app, ["init", "--dry-run"], catch_exceptions=False)
    monkeypatch.setattr(sys, "prefix", "/usr")
    CliRunner().invoke(app, ["init", "--yes", "--no-replay", "--no-proof"], catch_exceptions=False)
    assert not (home / ".local").exists()
    assert (short_command.ours(), short_command.off_the_path()) == (None, None)


@LINKS
def test_one_that_leads_nowhere_is_renewed_and_what_is_not_ours_stays(program: Path, home: Path) -> None:
    place = home / ".local" / "bin" / "gaia-budget"
    place.parent.mkdir(parents=True)
    place.symlink_to(home / "gone")
    assert short_command.wanted() == (place, [])
    short_command.make(place)
    assert place.resolve() == program.resolve()
    place.unlink()
    place.write_text("theirs")
    wanted, [notice] = short_command.wanted()
    assert wanted is None and "is not ours and stays" in notice and str(program) in notice
    assert short_command.off_the_path() == (f"the command is {program}", "")
    assert place.read_text() == "theirs"


@LINKS
def test_where_the_folder_is_on_the_path_nothing_is_said_of_it(
    program: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(home / ".local" / "bin"))
    short_command.make(home / ".local" / "bin" / "gaia-budget")
    assert short_command.off_the_path() is None


@LINKS
def test_where_its_folder_cannot_be_written_the_program_is_told_by_its_whole_path(
    program: Path, home: Path
) -> None:
    (home / ".local").touch()
    wanted, _ = short_command.wanted()
    assert wanted is not None
    short_command.make(wanted)
    assert short_command.off_the_path() == (f"the command is {program}", "")


def test_a_windows_user_with_umlauts_in_the_name_gets_a_command_that_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "Jürgen Groß" / "AppData" / "Local"
    apps = local / "Microsoft" / "WindowsApps"
    apps.mkdir(parents=True)
    monkeypatch.setattr(environment, "WINDOWS", True)
    monkeypatch.setattr(environment, "program", lambda: local / "gaia-budget" / "100%" / "gaia-budget.exe")
    monkeypatch.setattr(sys, "prefix", str(environment.folder()))
    monkeypatch.setenv("LOCALAPPDATA", str(local))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert short_command.wanted() == (None, [])
    monkeypatch.setenv("PATH", str(apps))
    place, notices = short_command.wanted()
    assert place == apps / "gaia-budget.cmd" and notices == []
    place.write_text("@theirs %*")
    assert short_command.wanted()[0] is None and place.read_text() == "@theirs %*"
    place.unlink()
    short_command.make(place)
    within = Path("gaia-budget", "100%%", "gaia-budget.exe")
    assert place.read_bytes().decode("ascii") == f'@"%LOCALAPPDATA%{os.sep}{within}" %*\r\n'
    assert short_command.ours() == place
