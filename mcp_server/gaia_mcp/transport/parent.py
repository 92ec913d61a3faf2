"""Waits for the death of the process that started us: a client that was killed closes no pipe it has shared."""

from __future__ import annotations

import os
import select
import sys
import time

POLL_SECONDS = 1.0  # where the system cannot tell us


def wait() -> None:
    """Return when the parent process has ended; at once when it is gone already."""
    parent = os.getppid()
    if sys.platform == "win32":
        _wait_windows(parent)
    elif sys.platform == "linux":
        _wait_linux(parent)
    else:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)


if sys.platform == "linux":

    def _wait_linux(parent: int) -> None:
        try:
            handle = os.pidfd_open(parent)
        except ProcessLookupError:
            return
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()


if sys.platform == "win32":

    def _wait_windows(parent: int) -> None:
        import _winapi

        synchronize = 0x00100000
        try:
            handle = _winapi.OpenProcess(synchronize, False, parent)
        except OSError:
            return
        _winapi.WaitForSingleObject(handle, _winapi.INFINITE)
