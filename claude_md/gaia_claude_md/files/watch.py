"""Keeping split files in step while people and tools edit them: debounced, and never in the middle of a git command."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError
from gaia_claude_md.files import finding, operations, reading, repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.events import FileSystemEvent

    from gaia_claude_md.plan.splitting import SplitOptions

SETTLE_SECONDS = 0.5
LOOK_SECONDS = 1.0


class Synced(NamedTuple):
    """What came of edits: taken in (`written`), or waiting for a person; `message` says which."""

    written: bool
    message: str


def sync(l1: Path, options: SplitOptions) -> Synced | None:
    """Take edits of a split pair in; None when there was nothing to do.

    A file that was never split is left alone, and so is a pair whose update would take prohibitions out of L1:
    both need a person. Raises InputError.
    """
    if not finding.l2_of(l1).exists():
        if l1.is_file():
            reading.refuse_markers(l1, l1.read_text("utf-8", "replace"))
        return None
    proposal = operations.propose(l1, options)
    if proposal.source.state == "whole" or not proposal.changed:
        return None
    if proposal.leaving:
        waiting = f"{l1}: edits wait: {len(proposal.leaving)} prohibitions would leave it"
        return Synced(False, f"{waiting}. Run `gaia-budget claude-md split`")
    operations.apply(proposal)
    return Synced(True, f"{l1}: edits taken in")


class Watcher:
    """Watches files, or a folder and all below it, from `run` until `stop`.

    Our own writes need no exception: after them there is nothing left to do. Folders are watched, not files, so
    that an editor may write by rename; a folder that is moved away and comes back is watched again.
    """

    def __init__(
        self,
        roots: list[Path],
        options: SplitOptions,
        report: Callable[[str], None],
        *,
        recursive: bool,
        settle: float = SETTLE_SECONDS,
    ) -> None:
        self._roots, self._options, self._report = roots, options, report
        self._recursive, self._settle = recursive, settle
        self._pending: dict[Path, float] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._watched: dict[Path, tuple[Any, tuple[int, int]]] = {}
        self._said: dict[Path, str] = {}
        self._observer: Any = None

    def dispatch(self, event: FileSystemEvent) -> None:
        """Called by watchdog, in its own thread, for every event."""
        if event.event_type in ("opened", "closed_no_write"):
            return
        for path in (event.src_path, event.dest_path):
            l1 = _l1_of(Path(str(path))) if path else None
            if l1 and (self._recursive or l1 in self._roots):
                self._expect(l1)

    def stop(self) -> None:
        """Make `run` return."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:
        """Watch until `stop`; edits made before the start are taken in first."""
        self._observer = _observer()
        self._observer.start()
        try:
            while not self._stopped:
                self._follow_folders()
                for l1 in self._settled():
                    self._sync(l1)
        finally:
            self._observer.stop()
            self._observer.join()

    def _expect(self, l1: Path) -> None:
        with self._changed:
            self._pending[l1] = time.monotonic() + self._settle
            self._changed.notify()

    def _settled(self) -> list[Path]:
        """Wait for an event or a second; the files that have been quiet for long enough."""
        with self._changed:
            now = time.monotonic()
            due = min(self._pending.values(), default=now + LOOK_SECONDS)
            if not self._stopped and due > now:
                self._changed.wait(min(due - now, LOOK_SECONDS))
            now = time.monotonic()
            ready = [l1 for l1, at in self._pending.items() if at <= now]
            for l1 in ready:
                del self._pending[l1]
            return ready

    def _sync(self, l1: Path) -> None:
        if repository.git_is_busy(l1):
            self._expect(l1)
            return
        try:
            done = sync(l1, self._options) if l1.exists() else None
        except InputError as error:
            done = Synced(False, f"{l1}: {error}")
        if done and (done.written or done.message != self._said.get(l1)):
            self._report(done.message)
        self._said[l1] = done.message if done else ""

    def _follow_folders(self) -> None:
        """Watch every root's folder that is there, anew when it is another one than before."""
        folders = {root if self._recursive else root.parent for root in self._roots}
        if not self._recursive:
            folders |= {rules for root in self._roots if (rules := reading.rules_folder(root)).is_dir()}
        for folder in sorted(folders):
            identity = _identity(folder)
            known = self._watched.get(folder)
            if known and known[1] == identity:
                continue
            if known:
                self._observer.unschedule(known[0])
                del self._watched[folder]
                self._report(f"{folder}: the folder was moved or removed")
            if identity:
                handler: Any = self
                watch = self._observer.schedule(handler, str(folder), recursive=self._recursive)
                self._watched[folder] = (watch, identity)
                for l1 in finding.below(folder) if self._recursive else self._roots:
                    self._expect(l1)


def _l1_of(path: Path) -> Path | None:
    """The L1 that an event on a file concerns."""
    if path.name == finding.NAME:
        return path
    if path.parent.name == "rules" and path.parent.parent.name == ".claude":
        with suppress(InputError):
            return finding.locate(path.parent.parent.parent)
        return None
    if path.stem.endswith("_L2"):
        return path.with_name(path.stem.removesuffix("_L2") + path.suffix)
    return path if path.suffix == ".md" else None


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _observer() -> Any:
    from watchdog.observers import Observer

    return Observer()
