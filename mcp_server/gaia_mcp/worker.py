"""The heavy work of all servers on this machine, in one process, so that no answer waits for it.

`python -m gaia_mcp.worker`, a child of a server, takes in what is new, and keeps snapshot and alerts. It ends at once
when another one holds the lock, and when its stdin ends. The other servers look from time to time whether the lock is
free, and start a child of their own when it is.
"""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.errors import GaiaBudgetError
from gaia_budget.ingest import telemetry
from gaia_hooks.facts.places import off
from gaia_hooks.machine import files
from gaia_mcp import receiver
from gaia_mcp.sections.watching import SectionsWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)
FIRST_DELAY_SECONDS = 3.0  # the client's first questions come before the child's imports
ELECTION_SECONDS = 5.0
AFTER_CRASH_SECONDS = 60.0
SETTLE_SECONDS = 0.5  # a new fact is on every face within a second
EVERY_SECONDS = 60.0  # what comes with time alone: alerts, a new day, expired reservations
UNWATCHED_SECONDS = 5.0
ASKED_LATER = (
    "gaia_budget.ingest.run",
    "gaia_budget.ledger.ledger",
    "gaia_budget.reports.books",
    "gaia_budget.reports.money.month",
    "gaia_budget.reports.money.spend",
    "gaia_budget.reports.recommendation",
    "gaia_budget.reports.sessions.beside_client",
    "gaia_budget.routing.advice",
    "gaia_budget.routing.policy",
    "gaia_budget.routing.upkeep.review",
    "gaia_budget.routing.upkeep.reviewed",
    "gaia_claude_md.files.finding",
    "gaia_claude_md.files.loads",
    "gaia_claude_md.files.source",
    "gaia_claude_md.markdown.lookup",
)
LAST_WORDS_SECONDS = 3.0  # Claude Code sends the rest of its telemetry after it has let go of its servers


def supervise() -> None:
    """See to it that a worker lives while this server does, in a thread of its own."""
    threading.Thread(target=_supervise, daemon=True).start()


def _supervise() -> None:
    pause = FIRST_DELAY_SECONDS
    while True:
        time.sleep(pause)
        load_the_rest()
        pause = ELECTION_SECONDS
        try:
            if is_free():
                with start_child() as child:
                    crashed = child.wait() != 0
                pause = AFTER_CRASH_SECONDS if crashed else ELECTION_SECONDS
        except OSError as error:
            log.warning("cannot start the background work: %s", error)
            pause = AFTER_CRASH_SECONDS


def load_the_rest() -> None:
    """Import what a server's questions need and its start did not: an upgrade beside it must not mix two versions."""
    try:
        for name in ASKED_LATER:
            importlib.import_module(name)
    except ImportError as error:  # replaced already: the client starts a new server with its next session
        log.warning("this server is older than what is installed: %s", error)


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


def lock() -> files.Lock:
    """The lock that the one worker of this state folder holds while it lives."""
    return files.Lock(str(places.home() / "worker.lock"), 0)


def is_free() -> bool:
    """Whether no worker runs."""
    try:
        with lock():
            return True
    except files.LockTimeout:
        return False


def main() -> None:
    """Work until stdin ends."""
    logging.basicConfig(level=logging.WARNING, format="gaia-budget worker: %(levelname)s %(message)s")
    if off():
        return
    try:
        with lock():
            threading.Thread(target=_end_with_stdin, daemon=True).start()
            if hasattr(os, "nice"):
                os.nice(10)  # whatever else runs comes first
            _attempt(receiver.start)
            _work()
    except files.LockTimeout:
        log.debug("another worker is at it")


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    if telemetry.endpoint() is not None:
        time.sleep(LAST_WORDS_SECONDS)
    os._exit(0)


def _work() -> None:
    changed = threading.Event()
    watch = Sources(changed.set)
    while True:
        _attempt(watch.refresh)
        _attempt(cycle)
        changed.wait(EVERY_SECONDS if watch.complete else UNWATCHED_SECONDS)
        changed.clear()


def cycle() -> None:
    """Do what is due; what fails is named, done the next time, and keeps nothing else from being done.

    Calls that could not be booked are booked, what was held for too long is settled, what is new is taken in, the
    alerts are judged and told, and the hooks get their snapshot. Raises LedgerError, ConfigError where nothing can be
    done at all.
    """
    from gaia_budget import settings
    from gaia_budget.budgets import Budgets, spool
    from gaia_budget.ingest.run import run
    from gaia_budget.ledger import Ledger

    chosen = settings.load()
    with Ledger.open(settings=chosen) as ledger:
        _attempt(lambda: spool.replay(Budgets(ledger)))
        _attempt(Budgets(ledger).expire)
        _attempt(lambda: run(chosen, ledger))


def _attempt(duty: Callable[[], object]) -> None:
    try:
        duty()
    except (
        GaiaBudgetError,
        OSError,
    ) as error:  # a broken file of the user's, a full disk, a server that is away
        log.warning("%s", error)


class Sources:
    """The folders that new facts appear in, watched as soon as they are there."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._watched: dict[Path, SectionsWatch] = {}
        self.complete = True

    def refresh(self) -> None:
        """Watch what has appeared since the last time; `complete` tells whether everything there is watched."""
        self.complete = True
        for folder in (*(one / "projects" for one in places.claude_config_dirs()), places.logs_dir()):
            if folder not in self._watched and folder.is_dir():
                try:
                    self._watched[folder] = SectionsWatch(
                        [folder], _is_source, self._changed, settle=SETTLE_SECONDS, recursive=True
                    )
                except OSError as error:  # no watches left in this system: look often instead
                    self.complete = False
                    log.warning("cannot watch %s: %s", folder, error)


def _is_source(name: str) -> bool:
    return name.endswith(".jsonl")


if __name__ == "__main__":
    main()
