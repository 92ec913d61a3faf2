"""Who has started us: Claude Code, at however many removes, or somebody else.

A session is known by its variable, and by its processes: one of the client, or one that has the variable. What remains
possible to a program that leaves all of its ancestors behind is said in SECURITY.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "CLAUDECODE"
CLIENT = re.compile(
    r"^\"?(?:(?:[^\s\"]|\s(?!-))*[/\\])?claude(?:\.exe)?\"?(?:\s|$)|[/\\]claude(?:-code|[/\\]versions)[/\\]",
    re.IGNORECASE,
)
SECONDS = 20
POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
# By whole paths: the PATH is the caller's. The first two columns are numbers, the third is the command.
TABLES = {
    "darwin": ["/bin/ps", "-axo", "pid=,ppid=,command="],
    "win32": [
        POWERSHELL, "-NoProfile", "-Command",
        "Get-CimInstance Win32_Process | % { \"$($_.ProcessId) $($_.ParentProcessId) $($_.CommandLine)\" }",
    ],
}  # fmt: skip


class Process(NamedTuple):
    """What is known of a process: its parent, how it was started, if it has a session's variable, where it works."""

    parent: int
    command: str
    marked: bool = False
    folder: str = ""


def is_inside_a_session() -> bool:
    """Whether Claude Code has started us, at however many removes."""
    return bool(os.environ.get(VARIABLE)) or any(is_clients(one) for one in ancestors())


def is_clients(process: Process) -> bool:
    """Whether a process is Claude Code, or one of what it starts."""
    return process.marked or CLIENT.search(process.command[:400]) is not None


def working_folders() -> list[str]:
    """Where Claude Code and what it has started on the way to us work; none outside of a session, or where unknown."""
    found = []
    for one in ancestors() if VARIABLE in os.environ else ():
        found.append(one.folder)
        if CLIENT.search(one.command[:400]):
            break
    return [folder for folder in found if folder]


def ancestors(pid: int = 0) -> Iterator[Process]:
    """What started us, nearest first, as far as the system tells; of another process itself, and what started it."""
    known: Callable[[int], Process | None] = _of_linux if sys.platform == "linux" else _table().get
    seen, pid = {0}, pid or os.getppid()
    while pid not in seen and (found := known(pid)) is not None:
        yield found
        seen.add(pid)
        pid = found.parent


def _of_linux(pid: int) -> Process | None:
    folder = Path(f"/proc/{pid}")
    try:
        parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        words = (folder / "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    try:
        marked = f"\0{VARIABLE}=".encode() in b"\0" + (folder / "environ").read_bytes()
    except OSError:  # of another user
        marked = False
    script = words[1] if len(words) > 1 and b"/" in words[1] else b""
    try:
        works_in = str((folder / "cwd").readlink())
    except OSError:
        works_in = ""
    return Process(parent, b" ".join((words[0], script)).decode(errors="replace"), marked, works_in)


def _table() -> dict[int, Process]:
    return parsed(told(TABLES[sys.platform])) if sys.platform in TABLES else {}


def told(command: list[str]) -> str:
    """What a program of the system's tells, named by its whole path; nothing where it fails."""
    try:
        shown = subprocess.run(
            command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return shown.decode(errors="replace")


def parsed(shown: str) -> dict[int, Process]:
    """A table of processes, one a line: number, parent's number, command."""
    rows = (line.split(None, 2) for line in shown.splitlines())
    return {int(row[0]): Process(int(row[1]), row[2]) for row in rows if len(row) == 3 and row[1].isdecimal()}
