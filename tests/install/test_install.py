"""`install.py`: what it decides and says. That both of its commands work on a clean clone is shown in tests/e2e."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.errors import InstallError
from gaia_budget.setup.installing import environment, making
from gaia_budget.setup.wiring import handler
from support.installer import run
from support.pythons import interpreters

if TYPE_CHECKING:
    from types import ModuleType

OLD = [program for program in interpreters() if "python3.9" in str(program.resolve().name)]


def test_help_names_every_way_to_call_it(install: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("--dry-run", "--undo", "--test", "--quick", "--with"))


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("", "Installing GAIA Token Budget 2.0 into"),
        ("2.0", "2.0 again"),
        ("1.9", "from 1.9 to 2.0. What is new:\n"),
    ],
)
def test_it_says_from_which_version_to_which(
    install: ModuleType, tmp_path: Path, before: str, said: str
) -> None:
    if before:
        packages = tmp_path / "lib" / "python3.11" / "site-packages"
        (packages / f"gaia_token_budget-{before}.dist-info").mkdir(parents=True)
    assert environment.version(tmp_path) == before
    assert said in install.greeting(before, "2.0", tmp_path, [])
    assert "2.0 with openai and postgres" in install.greeting(before, "2.0", tmp_path, ["openai", "postgres"])


def test_an_upgrade_shows_in_short_what_the_versions_since_bring_and_where_the_rest_stands(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "CLONE", tmp_path)
    part = "## {version}\n\nIn short:\n\n- `thing` of {version}\n- another\n\nAll of it:\n\n- **More**\n\n"
    text = "# Changes\n\n" + "".join(part.format(version=version) for version in ("4.0", "3.0", "1.9"))
    (tmp_path / "CHANGELOG.md").write_text(text, "utf-8")
    assert install.news("1.9").splitlines() == [
        "What is new:", "  thing of 4.0", "  another", "  thing of 3.0", "  another",
        f"  all changes: {tmp_path / 'CHANGELOG.md'}",
    ]  # fmt: skip


def test_what_is_new_in_this_version_is_told_in_lines_that_fit(install: ModuleType) -> None:
    first, *lines, last = install.news("0.1.0").splitlines()
    assert first == "What is new:" and 4 <= len(lines) <= install.HEADLINES
    assert max(map(len, lines)) <= 80 and last.endswith("CHANGELOG.md")


def test_extras_are_taken_out_of_what_init_gets_and_unknown_ones_named(install: ModuleType) -> None:
    assert install.extras(["--yes", "--with", "postgres,openai", "--dry-run"]) == (
        ["postgres", "openai"],
        ["--yes", "--dry-run"],
    )
    assert install.extras(["--yes"]) == ([], ["--yes"])
    for words in (["--with", "postgress"], ["--with"]):
        with pytest.raises(InstallError, match="openai, gemini, postgres"):
            install.extras(words)


def test_progress_is_one_line_on_a_terminal_and_nothing_in_a_pipe() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    lines = ["Collecting typer==1 (from -r x)\n", "  Downloading typer\n", "Collecting rich==2\n",
             "Installing collected packages: rich, typer\n", "Successfully installed\n"]  # fmt: skip
    shown = {}
    for stream in (Terminal(), io.StringIO()):
        progress = making.Progress(stream)
        for line in lines:
            progress.take(line)
        progress.end()
        shown[type(stream)] = stream.getvalue()
        assert progress.lines == lines
    assert "1 packages, now typer==1" in shown[Terminal] and "2 packages are here" in shown[Terminal]
    assert "\n" not in shown[Terminal] and shown[Terminal].endswith(" \r")
    assert shown[io.StringIO] == ""


def test_the_tests_have_a_help_of_their_own_that_makes_nothing(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "call", lambda *_, **__: pytest.fail("nothing is to be started"))
    assert install.main(["--test", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--quick" in shown and "is skipped" in shown and "pytest --help" in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_undo_before_any_install_installs_nothing(
    install: ModuleType, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install.main(["--undo"]) == 0
    assert "Nothing is installed" in capsys.readouterr().out
    assert list(home.iterdir()) == []


def test_undo_after_the_state_folder_was_deleted_sees_that_claude_code_is_still_wired(
    install: ModuleType, home: Path
) -> None:
    assert not install.still_wired()
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(
        json.dumps({"hooks": {"Stop": [{"hooks": [handler("Stop", Path("python"), Path("/copy"))]}]}})
    )
    assert install.still_wired()


@pytest.mark.parametrize(
    ("arguments", "added"),
    [([], ["--yes"]), (["--undo"], ["--yes"]), (["--yes"], []), (["-y"], []), (["--dry-run"], [])],
)
def test_where_nobody_can_be_asked_running_it_is_the_answer(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, arguments: list[str], added: list[str]
) -> None:
    with open(os.devnull) as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert install.consent(arguments) == added


@pytest.mark.skipif(
    not OLD, reason="needs a Python 3.9, which is not on this machine; install: pyenv install 3.9"
)
def test_an_old_python_goes_on_with_a_newer_one_or_says_which_is_needed(tmp_path: Path) -> None:
    refused = run("--undo", python=OLD[0], PATH=str(tmp_path))
    assert refused.returncode == 1
    assert "Python 3.11 or newer is needed; this is 3.9" in refused.stderr
    assert "Nothing was wired" in refused.stderr and "[no-newer-python]" in refused.stderr
    (tmp_path / f"python3.{sys.version_info[1]}").symlink_to(sys.executable)
    done = run("--undo", python=OLD[0], PATH=str(tmp_path))
    assert (done.returncode, done.stdout.strip()) == (0, "Nothing is installed for this user.")
