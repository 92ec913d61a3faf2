"""A child process that dies at the n-th change of the file system, as a machine that loses power would."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

KILLED = 77
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.chmod", "os.truncate"}


def run_and_kill(work: Callable[[], object], at: int) -> bool:
    """Run `work` in a forked child that ends at its n-th change (from 1); whether it was killed.

    What counts as a change: opening a file to write, renaming, removing, creating a folder, changing a mode.
    """
    child = os.fork()
    if child == 0:
        try:
            _arm(at)
            work()
            os._exit(0)
        except BaseException:  # the child must never go on with the parent's tests
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), code
    return code == KILLED


def _arm(at: int) -> None:
    left = at

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if writes or event in CHANGES:
            left -= 1
            if left == 0:
                os._exit(KILLED)

    sys.addaudithook(watch)
