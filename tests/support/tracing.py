"""What a command and all that it starts do, by the system's own word (strace): writes, programs, connections.

    done, seen = traced([program, "status"], writable=[project, home], programs=("git",), cwd=project)

`seen` names what is not allowed. Each process has a log of its own, in which a file is named as the kernel resolved it.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import components

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OPENS = ("open", "openat", "openat2", "creat")
CHANGES = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "symlink", "symlinkat",
           "link", "linkat", "chmod", "fchmodat", "truncate", "mknod", "mknodat")  # fmt: skip
CALLS = ("execve", "execveat", "connect", "sendto", "sendmsg", *OPENS, *CHANGES)
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?", re.DOTALL)
QUOTED = re.compile(r'(?:AT_FDCWD|\d+)?(?:<([^>"]*)>)?(?:, )?"((?:[^"\\]|\\.)*)"')
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
DEVICES = ("/dev/null", "/dev/tty", "/dev/pts")


def traced(
    command: Sequence[str], writable: Sequence[Path], programs: Sequence[str], **options: Any
) -> tuple[subprocess.CompletedProcess[bytes], list[str]]:
    """Run a command to its end; what it printed, and what it did that is not allowed."""
    with tempfile.TemporaryDirectory() as logs:
        strace = [
            str(components.path("strace")),
            "-ff",
            "-qq",
            "-y",
            "-s",
            "4096",
            "--seccomp-bpf",
            "-e",
            "signal=none",
        ]
        done = subprocess.run(
            [*strace, "-e", f"trace=?{',?'.join(CALLS)}", "-o", f"{logs}/log", *command],
            capture_output=True, stdin=subprocess.DEVNULL, check=False, **options,
        )  # fmt: skip
        lines = [
            line
            for log in sorted(Path(logs).iterdir())
            for line in log.read_text(errors="replace").splitlines()
        ]
    allowed = tuple(os.path.realpath(one) for one in writable)
    return done, [line for line in lines if not _is_allowed(line, allowed, programs)]


def _is_allowed(line: str, writable: tuple[str, ...], programs: Sequence[str]) -> bool:
    call = CALL.match(line)
    if call is None:
        return True
    name, arguments, result, opened = call[1], call[2], int(call[3]), call[4] or ""
    if name in ("connect", "sendto", "sendmsg"):
        return "AF_INET" not in arguments
    if result < 0:
        return True
    if name.startswith("execve"):
        return os.path.basename(arguments.partition('"')[2].partition('"')[0]) in programs
    if name in OPENS:
        return not WRITING.search(arguments) or _within(opened, writable)
    return all(_within(path, writable) for path in _named(arguments))


def _named(arguments: str) -> Iterator[str]:
    """The folders that the paths of a call lie in, the last link of each not followed."""
    for folder, path in QUOTED.findall(arguments):
        yield os.path.realpath(os.path.dirname(os.path.join(folder, path)))


def _within(path: str, writable: tuple[str, ...]) -> bool:
    place = path.removesuffix(" (deleted)")
    return place.startswith(DEVICES) or any(f"{place}/".startswith(f"{one}/") for one in writable)
