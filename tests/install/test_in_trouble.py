"""Installing on machines that lack something: it says what happened, what was not done, and what to do."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gaia_budget.errors import InstallError
from gaia_budget.setup.installing import making
from support import installer

NOTHING = "Nothing was wired."
POSIX = pytest.mark.skipif(os.name == "nt", reason="needs a limit or a folder of a POSIX machine")


def may_mount() -> bool:
    """Whether this machine lets the tests have mounts of their own, which nobody else sees."""
    words = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(words, capture_output=True, check=False).returncode
    )


MOUNTS = pytest.mark.skipif(
    not may_mount(), reason="needs mounts of its own; as root: apt-get install util-linux"
)


def on_mount(home: Path, options: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Install where home lies on a file system of its own, in which `before` was done first."""
    script = (
        f'mount -t tmpfs -o {options.partition(",")[0]} tmpfs "$2"; cd "$2"; {before or "true"}; '
        f'mount -o remount,{options} "$2"; exec "$0" "$1" --yes'
    )
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, sys.executable, installer.SCRIPT, home],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, env={
            "PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1",
        },
    )  # fmt: skip


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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:  # fmt: skip
    for name, value in {"PIP_RETRIES": "0", "PIP_TIMEOUT": "5", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InstallError, match=rf"{NOTHING} Behind a proxy .* PIP_NO_INDEX=1") as failure:
        making.pip(Path(sys.executable), "--target", str(tmp_path / "t"), "no-such-package-of-ours==1")
    assert failure.value.slug == "no-packages"
    assert "no-such-package-of-ours" in str(failure.value)


@pytest.mark.parametrize(
    ("said", "cure", "slug"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
         "disk is full", "disk-full"),
        ("ERROR: [WinError 32] The process cannot access the file", "close Claude Code", "in-use"),
        ("ERROR: No matching distribution found for typer", "Behind a proxy", "no-packages"),
    ],
)  # fmt: skip
def test_the_cure_fits_what_pip_said(said: str, cure: str, slug: str) -> None:
    text, named = making.trouble(f"Collecting typer\n{said}\n", making.NO_PACKAGES)
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


@MOUNTS
def test_a_home_on_a_mount_that_only_reads_is_told(home: Path) -> None:
    done = on_mount(home, "size=1m,ro")
    told(done, "place-unwritable", home)
    assert "Read-only file system" in done.stderr and "GAIA_BUDGET_HOME" in done.stderr


@MOUNTS
def test_a_disk_that_has_no_room_for_the_environment_is_told_before_anything_is_fetched(home: Path) -> None:
    done = on_mount(home, "size=3m")
    told(done, "disk-full", home)
    assert "about 200 MB are needed" in done.stderr


@MOUNTS
@pytest.mark.parametrize(("options", "slug"), [("size=1m,ro", "place-unwritable"), ("size=3m", "disk-full")])
def test_an_upgrade_that_cannot_be_written_says_that_the_old_version_goes_on(
    home: Path, options: str, slug: str
) -> None:
    installed = ".local/share/gaia-budget/venv/lib/python3.11/site-packages/gaia_token_budget-0.1.0.dist-info"
    done = on_mount(home, options, f"mkdir -p {installed}")
    assert done.returncode == 1
    assert "Upgrading GAIA Token Budget from 0.1.0" in done.stdout
    assert f"[{slug}]\nVersion 0.1.0, which was there before, goes on as it was.\n" in done.stderr


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_or_pip_is_told_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else object())
    with pytest.raises(InstallError, match=rf"has no {module}. {NOTHING} .*-venv") as failure:
        making.make(tmp_path / "venv")
    assert failure.value.slug == "no-venv"
    assert not (tmp_path / "venv").exists()


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
