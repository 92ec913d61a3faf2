"""Keeps the ledger current while the server runs, and wakes whoever waits for what is new.

A thread takes in transcripts and logs when a file of theirs changes, and anyhow now and then: a watch can be lost. What
other machines write into a shared ledger changes no file here: it is looked for.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.observers import Observer

from gaia_budget import places
from gaia_budget.alerts.fired import Fired
from gaia_budget.errors import GaiaBudgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

log = logging.getLogger(__name__)
ANYHOW_SECONDS = 20.0
SETTLE_SECONDS = 0.15
"""A burst of writes is taken in as one."""
SHARED_SECONDS = 0.5
"""How often a shared ledger is looked at."""
NEWS = (".jsonl", ".db-wal", ".json", ".toml")


class Fresh:
    """The ledger's newest state as a number that grows: `version`."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self.ledger, self.settings, self.version, self.problem = ledger, settings, 1, ""
        self._ended = False
        self._changed, self._counting = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name="gaia-budget-fresh", daemon=True)
        self._observer = Observer()
        self._watched: set[Path] = set()
        self._state: object = None
        self._listeners: list[Callable[[], object]] = []

    def start(self) -> None:
        """Begin to watch."""
        self._observer.daemon = True
        self._observer.start()
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._ended = True
        self._changed.set()
        if self._observer.is_alive():
            self._observer.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def touch(self) -> None:
        """There is something new: a higher version."""
        with self._counting:
            self.version += 1
            for wake in self._listeners:
                wake()

    @contextmanager
    def waking(self, changed: asyncio.Event) -> Iterator[None]:
        """Set an event of the running loop with every new version; whoever waits for it clears it."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(changed.set)

        with self._counting:
            self._listeners.append(wake)
        try:
            yield
        finally:
            with self._counting:
                self._listeners.remove(wake)

    def _watch(self) -> None:
        """Watch the folders that are there; the others as soon as they are."""
        from watchdog.events import FileSystemEvent, FileSystemEventHandler

        changed = self._changed

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in ("created", "modified", "moved") and str(event.src_path).endswith(
                    NEWS
                ):
                    changed.set()

        folders = [(folder / "projects", True) for folder in places.claude_config_dirs()]
        for folder, deep in [*folders, (places.logs_dir(), False), (places.home(), False)]:
            try:
                if folder not in self._watched and Path(folder).is_dir():
                    self._observer.schedule(Handler(), str(folder), recursive=deep)
                    self._watched.add(folder)
            except OSError as error:  # no watches left in this system: then only now and then
                log.warning("cannot watch %s: %s", folder, error)
                self._watched.add(folder)

    def _run(self) -> None:
        while not self._ended:
            self._watch()
            self._take_in()
            if self._wait() and not self._ended:
                threading.Event().wait(SETTLE_SECONDS)
            self._changed.clear()

    def _wait(self) -> bool:
        """Until a file has changed; False where none has for long."""
        if not self.ledger.db.shared:
            return self._changed.wait(ANYHOW_SECONDS)
        for _ in range(int(ANYHOW_SECONDS / SHARED_SECONDS)):
            if self._changed.wait(SHARED_SECONDS):
                return True
            self._compare()
        return False

    def _take_in(self) -> None:
        from gaia_budget.ingest.run import refresh

        try:
            refresh(self.settings, self.ledger)
            self.problem = ""
        except (GaiaBudgetError, OSError) as error:
            self.problem = str(error)
            log.warning("these figures may lack what is newest: %s", error)
        self._compare()

    def _compare(self) -> None:
        """A newer version where the ledger's sums or alerts are others than they were."""
        state: object
        try:
            state = (self.ledger.spend(()).total, tuple(Fired(self.ledger).alerts_lately()), self.problem)
        except GaiaBudgetError as error:
            state = str(error)
        if state != self._state:
            self._state = state
            self.touch()
