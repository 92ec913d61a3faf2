"""pip in an environment, seen from outside: how far it is, and what helps where it fails."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import InstallError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

EXTRAS = {
    "openai": ["openai"],
    "gemini": ["google-genai"],
    "postgres": ["psycopg", "psycopg-binary"],
    "argus": ["streamlit", "plotly"],
    "otlp": ["opentelemetry-exporter-otlp-proto-http"],
}
"""What `install.py --with` knows, and the packages of each; the versions are those that were tested."""
LOCK, TEST_LOCK = "requirements.lock", "requirements-test.lock"
STAMP = "gaia-token-budget.lock"  # what an environment holds, so that an unchanged one costs nothing
PIP = (
    "-I",
    "-m",
    "pip",
    "install",
    "--disable-pip-version-check",
    "--no-input",
    "--progress-bar",
    "off",
    "--no-compile",
)  # fmt: skip (compiling is a third of the time; what is used is compiled when it is first used)
NEEDED_MB = 200
SHOWN_LINES = 15  # of pip's, where it fails
SLOW_SECONDS = 15  # so long without a word from pip is told to be the network


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


def trouble(said: str, otherwise: Trouble) -> Trouble:
    """What helps, by what the system said."""
    if any(words in said for words in ("No space left", "File too large", "Disk quota")):
        return FULL
    if "Read-only file system" in said:
        return UNWRITABLE
    return IN_USE if "WinError 32" in said or "WinError 5]" in said else otherwise


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
