"""Which program of this machine asks: anything here may look at the page, but an alert is a human's to take note of.

A connection's far end belongs to processes, which the system names; where one of them is Claude Code's, or is not told,
no human asks. Who asks from another machine has shown the token, which a human was told.
"""

from __future__ import annotations

import ipaddress
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gaia_budget import ancestry
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Scope

SECONDS = 20
POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"


def require_a_human(scope: Scope, what: str, otherwise: str) -> None:
    """Raises InputError where what asks runs inside of a session, or cannot be told; `otherwise` says what to do."""
    (host, port), (_, asked) = scope.get("client") or ("", 0), scope.get("server") or ("", 0)
    holders = set(_holders(int(port), int(asked or 0)))
    elsewhere = not holders and not _is_here(str(host))
    if elsewhere or (holders and not any(map(_is_a_sessions, holders))):
        return
    raise InputError(
        f"{what} is for a human alone, and what asks runs inside of a Claude Code session, or the system does not tell "
        f"what it is: {otherwise}",
        slug="human-alone",
    )


def _is_a_sessions(pid: int) -> bool:
    return any(map(ancestry.is_clients, ancestry.ancestors(pid)))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _holders(port: int, asked: int) -> Iterator[int]:
    """The processes that hold the asker's end of a connection, by the ports of both ends."""
    if sys.platform == "linux":
        yield from _of_linux(port, asked)
    elif command := COMMANDS.get(sys.platform):
        try:
            shown = subprocess.run(
                command(port, asked), capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False
            ).stdout  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return
        yield from set(parsed(shown.decode(errors="replace"))) - {os.getpid()}  # `lsof` names both ends


COMMANDS: dict[str, Callable[[int, int], list[str]]] = {
    "darwin": lambda port, asked: ["/usr/sbin/lsof", "-nP", "-Fp", f"-iTCP:{port}"],
    "win32": lambda port, asked: [
        POWERSHELL, "-NoProfile", "-Command",
        f"Get-NetTCPConnection -LocalPort {port} -RemotePort {asked} | % {{ \"p$($_.OwningProcess)\" }}",
    ],
}  # fmt: skip
"""By whole paths: the PATH is the caller's."""


def parsed(shown: str) -> list[int]:
    """The processes of a list that has one in each line that begins with a p."""
    return [int(number) for number in re.findall(r"(?m)^p(\d{1,9})\s*$", shown)]


def _of_linux(port: int, asked: int) -> Iterator[int]:
    ends = {f"socket:[{inode}]" for name in ("tcp", "tcp6") for inode in _inodes(name, port, asked)}
    for folder in Path("/proc").iterdir() if ends else ():
        if folder.name.isdecimal() and not ends.isdisjoint(_open_in(folder / "fd")):
            yield int(folder.name)


def _inodes(name: str, port: int, asked: int) -> Iterator[str]:
    """Of a system's table of connections: addresses and ports of both ends in hexadecimal, then the socket's number."""
    try:
        rows = Path("/proc/net", name).read_text("ascii").splitlines()[1:]
    except OSError:
        return
    for row in rows:
        words = row.split()
        if [end.rpartition(":")[2] for end in words[1:3]] == [f"{port:04X}", f"{asked:04X}"]:
            yield words[9]


def _open_in(folder: Path) -> Iterator[str]:
    try:
        descriptors = list(folder.iterdir())
    except OSError:  # another user's, or one that has just ended
        return
    for descriptor in descriptors:
        with suppress(OSError):  # closed meanwhile, as any of a busy program: the others count
            yield str(descriptor.readlink())
