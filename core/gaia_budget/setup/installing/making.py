"""The program's own environment, made by venv and pip beside the one that is there, and put in its place whole.

What an upgrade ends in is what a fresh install ends in, and whoever ends it halfway leaves the old one as it was.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget import places
from gaia_budget.errors import InstallError
from gaia_budget.setup.installing.environment import (
    EXTRAS,
    PROGRAM,
    STAMP,
    WINDOWS,
    folder,
    python_of,
    scripts_of,
)
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

OLDEST = (3, 11)
LOCK, TEST_LOCK = "requirements.lock", "requirements-test.lock"
PIP = ("-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off",
       "--no-compile")  # fmt: skip
"""Compiling is a third of the time; what is used is compiled when it is first used."""
NEEDED_MB = 200
SHOWN_LINES = 15  # of pip's, where it fails
SLOW_SECONDS = 15  # so long without a word from pip is told to be the network
BESIDE, GONE = "next", "gone"  # `next` is as long as `venv`: programs name their interpreter by its path
ANOTHER_SECONDS = 900  # so long one process may install while another waits for it


class Trouble(NamedTuple):
    """What helps, and its slug."""

    cure: str
    slug: str


NO_PACKAGES = Trouble(
    "Behind a proxy or a company index: set up pip first (pip config set global.proxy http://…). Offline: fetch "
    "the packages of requirements.lock elsewhere (pip download), then set PIP_FIND_LINKS and PIP_NO_INDEX=1",
    slug="no-packages",
)
UNWRITABLE = Trouble("Make that place writable, or set GAIA_BUDGET_HOME", slug="place-unwritable")
FULL = Trouble(
    f"The disk is full: about {NEEDED_MB} MB are needed. Make room, or set GAIA_BUDGET_HOME to another folder",
    slug="disk-full",
)
IN_USE = Trouble("A program of ours still runs: close Claude Code and run this again", slug="in-use")
NO_ENVIRONMENT = Trouble(
    "Make room there, or set GAIA_BUDGET_HOME to another folder", slug="environment-failed"
)


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
    if shutil.disk_usage(environment.parent).free >> 20 < NEEDED_MB:  # venv does not say that this is why
        raise InstallError(f"{environment} has no room. Nothing was wired. {FULL.cure}", slug=FULL.slug)
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
    old, holds = environment / STAMP, content(clone / LOCK, wanted)
    if old.exists() and old.read_text("ascii") == holds and works(python_of(environment)):
        shutil.copytree(environment, beside, symlinks=True)
    else:
        install_lock(make(beside), clone / LOCK)
        if wanted:
            install_extras(python_of(beside), clone, wanted)
        (beside / STAMP).write_text(holds, "ascii")
    install_ours(python_of(beside), clone)


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
            said = f"{what} is in use ({error.strerror}). Nothing was changed. {IN_USE.cure}"
            raise InstallError(said, slug=IN_USE.slug) from None
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
        helps = trouble(shown, NO_ENVIRONMENT)
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


def content(lock: Path, extras: list[str]) -> str:
    """What an environment holds once a lock file and these extras are installed in it."""
    return " ".join([hashlib.sha256(lock.read_bytes()).hexdigest(), *extras])


def install_lock(python: Path, lock: Path) -> None:
    """Install what a lock file pins, each file checked against its hash."""
    # The file is complete, so nothing is resolved: with an extra among the requirements (`google-auth[requests]`),
    # older versions of pip would look for its newest release, which has no hash here.
    pip(python, "--no-deps", "--require-hashes", "--requirement", str(lock))


def install_extras(python: Path, clone: Path, names: list[str]) -> None:
    """Install extras in the versions that were tested."""
    text = (clone / TEST_LOCK).read_text("utf-8")
    pins = dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", text))
    pip(python, *(f"{name}=={pins[name]}" for extra in names for name in EXTRAS[extra]))


def install_ours(python: Path, clone: Path, *, editable: bool = False) -> None:
    """Install the program itself, from its clone."""
    how = "--editable" if editable else "--force-reinstall"
    pip(python, "--no-deps", "--no-build-isolation", how, str(clone))


def pip(python: Path, *words: str) -> None:
    """`pip install` in the environment, telling how far it is. Raises InstallError."""
    said = Progress(sys.stdout)
    with subprocess.Popen(
        [str(python), *PIP, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as started:
        assert started.stdout is not None
        for line in started.stdout:
            said.take(line)
        said.end()
    if started.returncode:
        helps = trouble("".join(said.lines), NO_PACKAGES)
        shown = "".join(said.lines[-SHOWN_LINES:])
        raise InstallError(f"pip could not install:\n{shown}Nothing was wired. {helps.cure}", slug=helps.slug)


class Progress:
    """What pip says, as one line on a terminal: how many packages are there, and which one is being fetched."""

    def __init__(self, stream: TextIO) -> None:
        self.lines: list[str] = []
        self.fetched = 0
        self._stream = stream
        self._shown = 0
        self._last = time.monotonic()

    def take(self, line: str) -> None:
        """One line of pip's."""
        self.lines.append(line)
        words = line.split()
        if words[:1] == ["Collecting"]:
            self.fetched += 1
            slow = time.monotonic() - self._last > SLOW_SECONDS
            self._say(
                f"  {self.fetched} packages, now {words[1]}" + (" (the network is slow)" if slow else "")
            )
        elif words[:2] == ["Installing", "collected"]:
            self._say(f"  {self.fetched} packages are here, unpacking them")
        self._last = time.monotonic()

    def end(self) -> None:
        """Take the line away."""
        self._say("")
        if self._shown:
            self._stream.write("\r")
            self._stream.flush()

    def _say(self, text: str) -> None:
        if self._stream.isatty():
            self._stream.write("\r" + text[:79].ljust(self._shown))
            self._stream.flush()
            self._shown = max(self._shown, len(text[:79]))


def trouble(said: str, otherwise: Trouble) -> Trouble:
    """What helps, by what the system said."""
    if any(words in said for words in ("No space left", "File too large", "Disk quota")):
        return FULL
    if "Read-only file system" in said:
        return UNWRITABLE
    return IN_USE if "WinError 32" in said or "WinError 5]" in said else otherwise
