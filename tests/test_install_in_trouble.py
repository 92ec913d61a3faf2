"""`install.py` on machines that lack something: it says what happened, that nothing was wired, and what to do."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parent.parent / "install.py"


@pytest.fixture
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "variables",
    [
        {"PIP_NO_INDEX": "1"},
        {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"},
        {"PIP_INDEX_URL": "http://packages.invalid/simple", "PIP_PROXY": "http://127.0.0.1:9"},
    ],
    ids=["offline", "index-unreachable", "proxy-unreachable"],
)
def test_without_a_way_to_the_packages_the_ways_are_named(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name, value in {"PIP_RETRIES": "0", "PIP_TIMEOUT": "5", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(install.Failure, match=r"nothing was wired. Behind a proxy .* PIP_NO_INDEX=1"):
        install.pip(Path(sys.executable), "--target", str(tmp_path / "t"), "no-such-package-of-ours==1")
    assert "no-such-package-of-ours" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
        ),
        ("ERROR: [WinError 32] The process cannot access the file", "close Claude Code"),
        ("ERROR: No matching distribution found for typer", "Behind a proxy"),
    ],
)
def test_the_cure_fits_what_pip_said(install: ModuleType, said: str, cure: str) -> None:
    assert cure in install.cure(["Collecting typer\n", said + "\n"])


@pytest.mark.skipif(os.name == "nt", reason="needs a limit of the shell")
def test_a_full_disk_is_told_and_nothing_is_wired(home: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$0" "$1" --yes', sys.executable, SCRIPT],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(home)}, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "Nothing was wired. Make room there" in done.stderr
    assert not (home / ".claude").exists()


@pytest.mark.skipif(os.name == "nt", reason="a file in the place of a folder is told otherwise there")
def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file stands where the home should be: root may write into every folder."""
    (tmp_path / "home").touch()
    variables = {name: value for name, value in os.environ.items() if name != "GAIA_BUDGET_HOME"}
    done = subprocess.run(
        [sys.executable, SCRIPT, "--yes"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**variables, "HOME": str(tmp_path / "home")}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Make that place writable, or set GAIA_BUDGET_HOME" in done.stderr


def test_a_second_clone_takes_over_what_the_first_installed(install: ModuleType, tmp_path: Path) -> None:
    """One environment per user: the other clone renews it, and says from which version to which."""
    folder = install.state_folder() / "venv"
    packages = folder / "lib" / "python3.11" / "site-packages" / "gaia_token_budget-0.1.0.dist-info"
    packages.mkdir(parents=True)
    assert "Upgrading GAIA Token Budget from 0.1.0 to" in install.greeting(
        install.installed_version(folder), install.version_here(), folder
    )
    assert str(SCRIPT.parent) not in str(folder)
