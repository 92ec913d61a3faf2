"""The program's own environment: made beside the one that is there, and put in its place whole.

What an upgrade ends in is what a fresh install ends in, and whoever ends it halfway leaves the old one as it was.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.errors import InstallError
from gaia_budget.setup.installing import packages
from gaia_hooks.facts import places as named
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from pathlib import Path

OLDEST = (3, 11)
WINDOWS = os.name == "nt"
PROGRAM = "gaia-budget.exe" if WINDOWS else "gaia-budget"
BESIDE, GONE = "next", "gone"  # `next` is as long as `venv`: programs name their interpreter by its path
ANOTHER_SECONDS = 900  # so long one process may install while another waits for it
NO_ENVIRONMENT = packages.Trouble(
    "Make room there, or set GAIA_BUDGET_HOME to another folder", slug="environment-failed"
)


def folder() -> Path:
    """Where the environment lies, for this user. Raises InstallError where this Python would write it elsewhere."""
    home = places.home().absolute()
    if named.redirected(str(home), sys.base_prefix):
        raise InstallError(
            f"the Python of the Microsoft Store writes {home} elsewhere, where Claude Code does not look. Nothing "
            "was wired. Take the Python of python.org, or set GAIA_BUDGET_HOME to a folder outside of AppData",
            slug="store-python",
        )
    return home / "venv"


def scripts_of(environment: Path) -> Path:
    """Where an environment keeps its programs."""
    return environment / ("Scripts" if WINDOWS else "bin")


def python_of(environment: Path) -> Path:
    """The Python of an environment."""
    return scripts_of(environment) / ("python.exe" if WINDOWS else "python")


def program() -> Path:
    """The command, as it lies in this user's environment."""
    return scripts_of(folder()) / PROGRAM


def version(environment: Path) -> str:
    """The version that is installed in an environment; empty where there is none."""
    found = sorted(environment.glob("[Ll]ib/**/site-packages/gaia_token_budget-*.dist-info"))
    return found[-1].name.split("-")[1].removesuffix(".dist") if found else ""


def extras(environment: Path) -> list[str]:
    """What was installed with `--with`; PostgreSQL's driver also where the settings name such a database."""
    stamp = environment / packages.STAMP
    kept = set(stamp.read_text("ascii").split()[1:] if stamp.exists() else ())
    settings = places.settings_file()
    said = settings.read_text("utf-8", "replace") if settings.exists() else ""
    if re.search("postgres(ql)?://", said + os.environ.get("GAIA_BUDGET_DB", "")):
        kept.add("postgres")
    return sorted(kept & packages.EXTRAS.keys())


def renew(clone: Path, wanted: list[str], *, missing_alone: bool = False) -> None:
    """Make this user's environment from the clone, with these extras; one process at a time.

    With `missing_alone` one that is there stays as it is. Raises InstallError and OSError.
    """
    environment = folder()
    places.ensure_home()
    lock = str(environment.with_name("install.lock"))
    try:
        with files.Lock(lock, 0):
            _renew(environment, clone, wanted, missing_alone)
    except files.LockTimeout:
        sys.stdout.write("Another installation is under way; this one goes on when it has ended.\n")
        sys.stdout.flush()
        with files.Lock(lock, ANOTHER_SECONDS):
            _renew(environment, clone, wanted, missing_alone)


def _renew(environment: Path, clone: Path, wanted: list[str], missing_alone: bool) -> None:
    beside, gone = environment.with_name(BESIDE), environment.with_name(GONE)
    if gone.exists() and not environment.exists():
        gone.rename(environment)  # somebody was ended between the two renames of `_put_in_place`
    if missing_alone and (scripts_of(environment) / PROGRAM).exists():
        return
    shutil.rmtree(beside, ignore_errors=True)
    if (
        shutil.disk_usage(environment.parent).free >> 20 < packages.NEEDED_MB
    ):  # venv does not say that this is why
        raise InstallError(
            f"{environment} has no room. Nothing was wired. {packages.FULL.cure}", slug=packages.FULL.slug
        )
    try:
        _fill(beside, environment, clone, wanted)
        for file in (beside / "pyvenv.cfg", *scripts_of(beside).iterdir()):
            _name_place(file, beside, environment)
        _put_in_place(beside, environment, gone)
    finally:
        for left in (beside, gone) if environment.exists() else (beside,):
            shutil.rmtree(left, ignore_errors=True)


def _fill(beside: Path, environment: Path, clone: Path, wanted: list[str]) -> None:
    """An environment with the program and these extras: anew, or from the one that holds the same packages."""
    stamp, holds = packages.STAMP, packages.content(clone / packages.LOCK, wanted)
    old = environment / stamp
    if old.exists() and old.read_text("ascii") == holds and works(python_of(environment)):
        shutil.copytree(environment, beside, symlinks=True)
    else:
        packages.install_lock(make(beside), clone / packages.LOCK)
        if wanted:
            packages.install_extras(python_of(beside), clone, wanted)
        (beside / stamp).write_text(holds, "ascii")
    packages.install_ours(python_of(beside), clone)


def _name_place(file: Path, beside: Path, environment: Path) -> None:
    """In a program of the new environment, the path where it will lie."""
    before, after = os.fsencode(beside), os.fsencode(environment)
    if not file.is_symlink() and file.is_file() and before in (text := file.read_bytes()):
        file.write_bytes(text.replace(before, after))


def _put_in_place(beside: Path, environment: Path, gone: Path) -> None:
    """Two renames; where the second cannot be done, the old environment stays. Raises InstallError and OSError."""
    if environment.exists():
        shutil.rmtree(gone, ignore_errors=True)
        try:
            environment.rename(gone)
        except PermissionError as error:  # Windows, while a program of it runs
            what = held(environment) or environment
            helps = packages.IN_USE
            raise InstallError(
                f"{what} is in use ({error.strerror}). Nothing was changed. {helps.cure}", slug=helps.slug
            ) from None
    try:
        beside.rename(environment)
    except OSError:
        if gone.exists():
            gone.rename(environment)
        raise


def held(environment: Path) -> Path | None:
    """A program or library of an environment that somebody runs: it cannot be written."""
    kinds = {".exe", ".pyd", ".dll"} if WINDOWS else {"", ".so"}
    for file in environment.rglob("*"):
        if file.suffix in kinds and file.is_file() and not file.is_symlink():
            try:
                file.open("r+b").close()
            except OSError:
                return file
    return None


def make(environment: Path) -> Path:
    """Make an environment with nothing but pip in it; its Python. Raises InstallError."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise InstallError(
                f"this Python ({sys.executable}) has no {module}. Nothing was wired. On Debian and Ubuntu: "
                f"apt install python3.{sys.version_info[1]}-venv; elsewhere install Python from its own installer",
                slug="no-venv",
            )
    command = [sys.executable, "-I", "-m", "venv", "--clear", str(environment)]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    python = python_of(environment)
    if made.returncode or not works(python):
        shown = made.stdout.decode(errors="replace").strip()
        helps = packages.trouble(shown, NO_ENVIRONMENT)
        raise InstallError(
            f"no environment could be made in {environment}:\n{shown}\nNothing was wired. {helps.cure}",
            slug=helps.slug,
        )
    return python


def works(python: Path) -> bool:
    """Whether an environment's Python starts, is new enough and has pip."""
    question = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    try:
        return not subprocess.call([str(python), "-I", "-c", question], stderr=subprocess.DEVNULL)
    except OSError:
        return False
