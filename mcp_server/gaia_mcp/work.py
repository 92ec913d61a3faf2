"""Sees to it that one process on this machine does the heavy work while servers live, and that it is not ours.

Ingest, snapshot and alerts run in a child (`gaia_mcp.worker`). Several servers at once elect it by a lock that the
child holds: the others look from time to time whether it is free, and start a child of their own when it is.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time

from gaia_budget import places
from gaia_hooks.machine import files
from gaia_mcp import worker

log = logging.getLogger(__name__)
FIRST_DELAY_SECONDS = 3.0  # the client's first questions come before the child's imports
ELECTION_SECONDS = 5.0
AFTER_CRASH_SECONDS = 60.0


def start() -> None:
    """Begin to supervise, in a thread of its own."""
    threading.Thread(target=_supervise, daemon=True).start()


def _supervise() -> None:
    pause = FIRST_DELAY_SECONDS
    while True:
        time.sleep(pause)
        pause = ELECTION_SECONDS
        try:
            if worker.is_free():
                with start_child() as child:
                    crashed = child.wait() != 0
                pause = AFTER_CRASH_SECONDS if crashed else ELECTION_SECONDS
        except OSError as error:
            log.warning("cannot start the background work: %s", error)
            pause = AFTER_CRASH_SECONDS


def start_child() -> subprocess.Popen[bytes]:
    """Start the child; it ends when our end of its stdin is closed, which our death does as well."""
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return subprocess.Popen(
        places.program("gaia_mcp.worker"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        creationflags=hidden,
        cwd=files.parent(__file__),
    )
