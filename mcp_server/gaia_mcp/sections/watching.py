"""Watches folders, and calls once for each burst of changes in files that matter."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.events import FileSystemEvent

HARMLESS = ("opened", "closed_no_write")


class SectionsWatch:
    """Calls `changed` from a thread of its own, `settle` seconds after the first change of a burst.

    Only files whose name `matters` count. Raises OSError when the system grants no further watch.
    """

    def __init__(
        self,
        folders: list[Path],
        matters: Callable[[str], bool],
        changed: Callable[[], None],
        *,
        settle: float,
        recursive: bool = False,
    ) -> None:
        from watchdog.observers import Observer

        self._matters, self._changed, self._settle = matters, changed, settle
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._observer = Observer()
        handler: Any = self
        for folder in folders:
            self._observer.schedule(handler, str(folder), recursive=recursive)
        self._observer.start()

    def dispatch(self, event: FileSystemEvent) -> None:
        """Called by watchdog for each event: the first one of a burst starts the clock."""
        if event.event_type in HARMLESS or event.is_directory:
            return
        if not any(self._matters(Path(str(path)).name) for path in (event.src_path, event.dest_path)):
            return
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(self._settle, self._fire)
                self._timer.daemon = True
                self._timer.start()

    def _fire(self) -> None:
        with self._lock:
            self._timer = None
        self._changed()

    def stop(self) -> None:
        """End the watch and its threads."""
        self._observer.stop()
        self._observer.join()
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
