"""Installing on machines that lack something: it says what happened, what was not done, and what to do."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import installer

if TYPE_CHECKING:
    from types import ModuleType

NOTHING = "Nothing was wired."
POSIX = pytest.mark.skipif(os.name == "nt", reason="needs a limit or a folder of a POSIX machine")


def told(done: subprocess.CompletedProcess[str], slug: str, home: Path) -> None:
    """It failed with this slug after the words that nothing was wired, and nothing was."""
    assert done.returncode == 1, done.stdout
    assert re.search(rf"{NOTHING} .+ \[{slug}\]\n$", done.stderr), done.stderr
    assert not (home / ".claude").exists() and not (home / ".local").exists()


def test_offline_the_whole_command_says_how_packages_come_another_way(home: Path) -> None:
    done = installer.run(PIP_NO_INDEX="1")
    told(done, "no-packages", home)
    assert done.stdout.startswith("Installing GAIA Token Budget")
    assert "PIP_FIND_LINKS" in done.stderr and "No matching distribution found" in done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"},
        {"PIP_INDEX_URL": "http://packages.invalid/simple", "PIP_PROXY": "http://127.0.0.1:9"},
    ],
    ids=["index-unreachable", "proxy-unreachable"],
)
def test_where_index_or_proxy_does_not_answer_the_ways_are_named(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name, value in {"PIP_RETRIES": "0", "PIP_TIMEOUT": "5", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(install.Failure, match=rf"{NOTHING} Behind a proxy .* PIP_NO_INDEX=1") as failure:
        install.pip(Path(sys.executable), "--target", str(tmp_path / "t"), "no-such-package-of-ours==1")
    assert failure.value.slug == "no-packages"
    assert "no-such-package-of-ours" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "cure", "slug"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
         "disk is full", "disk-full"),
        ("ERROR: [WinError 32] The process cannot access the file", "close Claude Code", "in-use"),
        ("ERROR: No matching distribution found for typer", "Behind a proxy", "no-packages"),
    ],
)  # fmt: skip
def test_the_cure_fits_what_pip_said(install: ModuleType, said: str, cure: str, slug: str) -> None:
    text, named = install.cure(f"Collecting typer\n{said}\n", install.NO_PACKAGES)
    assert cure in text and named == slug


@POSIX
def test_a_full_disk_is_told_as_such(home: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$0" "$1" --yes', sys.executable, installer.SCRIPT],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(home)}, check=False,
    )  # fmt: skip
    told(done, "disk-full", home)


@POSIX
def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file stands where the home should be: root may write into every folder."""
    home = tmp_path / "home"
    home.touch()
    monkeypatch.delenv("GAIA_BUDGET_HOME")
    told(installer.run("--yes", HOME=str(home)), "place-unwritable", home)
    assert home.read_bytes() == b""


@POSIX
def test_where_only_the_data_folder_can_be_written_the_command_is_told_by_its_path(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    program = tmp_path / "gaia-budget"
    assert install.put_on_path(program) == f"The command: {program}"
    assert "the short name gaia-budget is left out" in capsys.readouterr().out


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_or_pip_is_told_the_cure(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else object())
    with pytest.raises(install.Failure, match=rf"has no {module}. {NOTHING} .*-venv") as failure:
        install.environment(tmp_path / "venv")
    assert failure.value.slug == "no-venv"
    assert not (tmp_path / "venv").exists()


def test_an_environment_that_lost_its_pip_is_made_anew(install: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (folder / "left").touch()
    assert install.works(install.environment(folder))
    assert not (folder / "left").exists()


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ('{\n  // mine\n  "model": "opus"\n}\n', ":2:3: a comment"),
        ('{"model": "opus",}\n', ":1:18: "),
        ('{"hooks": []}\n', ":1:11: hooks: must be an object"),
    ],
    ids=["comments", "broken", "another-shape"],
)
def test_settings_that_cannot_be_read_are_named_by_place_and_stay(
    home: Path, settings: str, place: str
) -> None:
    file = home / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text(settings, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "gaia_budget", "init", "--yes"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"{file}{place}" in done.stderr and "fix the file and run init again" in done.stderr.lower()
    assert file.read_text("utf-8") == settings
    assert not (home / "gaia-budget" / "hook").exists()


def test_a_second_clone_takes_over_what_the_first_installed(install: ModuleType) -> None:
    """One environment per user: the other clone renews it, and says from which version to which."""
    folder = install.state_folder() / "venv"
    packages = folder / "lib" / "python3.11" / "site-packages" / "gaia_token_budget-0.1.0.dist-info"
    packages.mkdir(parents=True)
    assert "Upgrading GAIA Token Budget from 0.1.0 to" in install.greeting(
        install.installed_version(folder), install.version_here(), folder
    )
    assert str(installer.SCRIPT.parent) not in str(folder)
