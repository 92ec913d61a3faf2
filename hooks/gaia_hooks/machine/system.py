"""The process and its system: the calls, the environment, standard input, programs that outlive us.

Only builtin modules: `os` would cost a hook more than all its work.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AT_ONCE = 64 << 10  # bytes of a read: what most events have, and no more memory than they need
WINDOWS = sys.platform == "win32"
if TYPE_CHECKING:
    import os as calls  # the same functions, with their types
elif WINDOWS:
    import nt as calls
else:
    import posix as calls

__all__ = ["WINDOWS", "calls", "read_stdin", "start_detached", "variable"]


def variable(name: str) -> str:
    """An environment variable, or the empty string."""
    environment: "Any" = calls.environ  # text on Windows, bytes elsewhere
    if WINDOWS:
        return str(environment.get(name.upper(), ""))
    value: bytes = environment.get(name.encode(), b"")
    return value.decode("utf-8", "surrogateescape")


def variables() -> "list[str]":
    """The names of all environment variables."""
    names: "Any" = calls.environ
    return [name if WINDOWS else name.decode("utf-8", "surrogateescape") for name in names]


def forget(name: str) -> None:
    """Take a variable out of the environment of this process, and of what it starts."""
    loaded = sys.modules.get("os")  # which has its own view of the environment
    if loaded is not None:
        loaded.environ.pop(name, None)
    environment: "Any" = calls.environ
    environment.pop(name.upper() if WINDOWS else name.encode("utf-8", "surrogateescape"), None)


def working_folder() -> str:
    """The working directory; empty where it is gone."""
    try:
        return calls.getcwd()
    except OSError:
        return ""


def own_home() -> str:
    """The user's home folder by the system's own list of users, where no variable names it."""
    if WINDOWS:
        return ""
    import pwd  # builtin

    try:
        return pwd.getpwuid(calls.getuid()).pw_dir
    except KeyError:
        return ""


def read_stdin(limit: int) -> bytes:
    """Everything on standard input, up to `limit` bytes."""
    parts, left = [], limit
    while left > 0:
        part = calls.read(0, min(left, AT_ONCE))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def start_detached(command: "list[str]") -> None:
    """Start a program that outlives us and shares none of our streams. Raises OSError."""
    if WINDOWS:
        import subprocess

        flags = 0x00000008 | 0x08000000 | 0x00000200  # detached, without a window, in a group of its own
        subprocess.Popen(  # a console window must not flash up, and no handle may be inherited
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=True, creationflags=flags)  # fmt: skip
        return
    null = calls.open("/dev/null", calls.O_RDWR)
    try:
        actions = [(calls.POSIX_SPAWN_DUP2, null, stream) for stream in (0, 1, 2)]
        calls.posix_spawn(command[0], command, calls.environ, file_actions=actions, setsid=True)
    finally:
        calls.close(null)
