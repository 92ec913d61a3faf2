"""What an app's process does beside its calls: it tells what was spent of leases, and looks after alerts.

Nobody has to run a command for either. One thread does it for as long as there is something to do; at most one
process of a machine looks after alerts, once a minute, and each once more when it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.errors import ConfigError, GaiaBudgetError
from gaia_budget.middleware import beside
from gaia_hooks.machine import clock, files

if TYPE_CHECKING:
    from gaia_budget.budgets.leased import LeasedBudget
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

log = logging.getLogger("gaia_budget")
TURN_SECONDS = 1.0
"""How long a call that a lease has paid waits at most until the ledger knows of it."""
FIRST_SECONDS, LOOK_SECONDS = 2.0, 60.0
"""When a process looks after alerts for the first time, and how often any process of a machine does."""
IDLE_SECONDS = 30.0
"""How long a lease is kept without a call."""
END_SECONDS = 5.0

_unlooked: set[Rounds] = set()
"""Those that have booked something since they looked after alerts."""


class Rounds:
    """The rounds of one process over one ledger. Safe for threads."""

    def __init__(self, ledger: Ledger, settings: Settings, leased: LeasedBudget | None) -> None:
        self._ledger, self._settings, self._leased = ledger, settings, leased
        self._home = str(places.home())
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._booked = time.monotonic()
        self._next_look = self._booked + FIRST_SECONDS

    def booked(self) -> None:
        """A call was booked. Never raises, never waits."""
        self._booked = time.monotonic()
        _unlooked.add(self)
        if self._thread is not None or self._stop.is_set():
            return
        with self._lock, contextlib.suppress(RuntimeError):  # the interpreter is ending
            if self._thread is None:
                made = threading.Thread(target=self._go, name="gaia-budget rounds", daemon=True)
                made.start()
                self._thread = made

    def end(self) -> None:
        """No round any more: tell what is spent and return what is held. Never raises."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(END_SECONDS)
        if self._leased is not None:
            try:
                self._leased.close()
            except OSError as error:  # the journal has it
                log.warning("a lease's spend is told by the next process: %s", error)

    def _go(self) -> None:
        while not self._stop.wait(TURN_SECONDS):
            beside.within(self._turn)
            with self._lock:
                if self._is_idle():
                    self._thread = None
                    return

    def _is_idle(self) -> bool:
        if self in _unlooked:
            return False
        return self._leased is None or time.monotonic() - self._booked > IDLE_SECONDS

    def _turn(self) -> None:
        if self._leased is not None:
            if time.monotonic() - self._booked > IDLE_SECONDS:
                self._leased.give_back()
            else:
                self._leased.tell()
        if self in _unlooked and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self.look(LOOK_SECONDS)

    def look(self, every_seconds: float) -> None:
        """Judge and send alerts, where no process of this machine has done so in that time. Never raises."""
        seen = files.join(self._home, "alerts.seen")
        try:
            if self._home != str(places.home()):
                _unlooked.discard(self)
                return
            with files.Lock(f"{seen}.lock", 0.0):
                if clock.now() - files.changed_at(seen) < every_seconds * clock.MICRO:
                    return
                self._ledger.db.check()  # else a server that is gone would be waited for
                _unlooked.discard(self)
                self._judge()
                files.replace(seen, b"", durable=False)
        except files.LockTimeout:
            return  # another process is at it
        except (GaiaBudgetError, OSError) as problem:
            log.warning("alerts are looked after later: %s", problem)

    def _judge(self) -> None:
        from gaia_budget.alerts import channels, evaluation
        from gaia_budget.settings import load

        try:
            settings = load()
        except ConfigError:  # the last ones that could be read
            settings = self._settings
        evaluation.evaluate(self._ledger, settings)
        channels.send(self._ledger, settings)


@atexit.register
def _at_exit() -> None:
    for rounds in list(_unlooked):
        rounds.end()
        beside.within(lambda rounds=rounds: rounds.look(0.0))  # type: ignore[misc]


def forget() -> None:
    """Look no more: for a process that was forked, and for tests, each with a home of its own."""
    for rounds in list(_unlooked):
        rounds._stop.set()
    _unlooked.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlooked.clear)
