"""Calls between reserve and settle, on disk: whatever happens to the process, none is lost and none counts twice.

Each process has a file of its own in `GAIA_BUDGET_HOME/calls`, locked while it lives. A call's latest line says
how to settle it: at its full reserve when it is admitted, at what it cost once that is known; `done` when ledger
and log have it. Leases that the process has taken stand in it too, until they are returned. Whoever starts next
settles what the dead have left. No prompt and no answer is in it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import uuid
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget import places
from gaia_budget.errors import LedgerError
from gaia_budget.model import Event  # noqa: TC001 (msgspec reads the annotation)
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIX = ".calls"
UNWRITABLE = "state-folder"
TRIM_BYTES = 1 << 20
WRITE = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


class Settlement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How to settle one call. `details` is for the log alone; `reserved` tells that the ledger holds money for it.

    `more` are events of what the call bills and nobody has a price for; `lease_id` names the lease that pays it.
    """

    call_id: str
    actual_nano: int
    event: Event
    details: str = ""
    reserved: bool = True
    more: tuple[Event, ...] = ()
    lease_id: str = ""


class Left(NamedTuple):
    """What a process has left: its open calls, as each was last written, and the leases that it had not returned."""

    calls: list[Settlement]
    leases: list[str]


class _Line(msgspec.Struct, omit_defaults=True):
    settle: Settlement | None = None
    done: str = ""
    lease: str = ""
    returned: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


class CallJournal:
    """This process's file. Safe for threads."""

    def __init__(self, folder: Path) -> None:
        files.make_folder(str(folder))
        self._path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        self._lock = threading.Lock()
        self._open: set[str] = set()
        self._leases: set[str] = set()
        self._held = files.Lock(_lock_path(self._path), 1.0)
        self._held.__enter__()
        self._handle = os.open(self._path, WRITE, files.PRIVATE_FILE)
        self._size, self._done = 0, b""
        weakref.finalize(
            self, _end, os.getpid(), self._path, self._handle, self._held, (self._open, self._leases)
        )

    def note(self, settlement: Settlement) -> None:
        """Write down how to settle a call, in place of what was written before. Raises OSError."""
        line = _encode(_Line(settle=settlement)) + b"\n"
        with self._lock:
            self._write(self._done + line)
            self._done = b""
            self._open.add(settlement.call_id)

    def done(self, call_id: str) -> None:
        """A call is settled everywhere. The line goes with the next one: a call settled twice is settled once."""
        with self._lock:
            self._open.discard(call_id)
            self._done += _encode(_Line(done=call_id)) + b"\n"
            if not self._open and self._size > TRIM_BYTES:
                os.ftruncate(self._handle, 0)
                self._size, self._done = 0, b""
                with contextlib.suppress(OSError):  # else they are held until they expire
                    self._write(b"".join(_encode(_Line(lease=one)) + b"\n" for one in self._leases))

    def taking(self, lease_id: str) -> None:
        """A lease is about to be taken. Raises OSError."""
        with self._lock:
            self._leases.add(lease_id)
            self._write(_encode(_Line(lease=lease_id)) + b"\n")

    def told(self, event_ids: Iterable[str]) -> None:
        """Calls that a lease has paid are in the ledger."""
        for event_id in event_ids:
            self.done(event_id)

    def returned(self, lease_id: str) -> None:
        """A lease is over. The line goes with the next one."""
        with self._lock:
            self._leases.discard(lease_id)
            self._done += _encode(_Line(returned=lease_id)) + b"\n"

    @property
    def has_open_calls(self) -> bool:
        """Whether any call in it is not settled yet."""
        return bool(self._open)

    def _write(self, data: bytes) -> None:
        written = os.write(self._handle, data)
        self._size += written
        if written < len(data):  # the disk is full: what is torn must not spoil the line after it
            self._done = b"\n" + self._done
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def unwritable(error: OSError) -> LedgerError:
    """Why a call is not sent: its journal cannot be written."""
    return LedgerError(
        f"the state folder {places.home()} cannot be written ({error.strerror}), so no call can be "
        "accounted for; nothing was sent",
        slug=UNWRITABLE,
    )


def _lock_path(path: Path) -> str:
    return f"{path}.lock"


def _end(pid: int, path: Path, handle: int, held: files.Lock, left: tuple[set[str], set[str]]) -> None:
    """Give the file up when the process ends; remove it when nothing is left to settle."""
    if pid != os.getpid():
        return  # a fork's copy: the file is its parent's
    with contextlib.suppress(OSError):
        os.close(handle)
        if not any(left):
            path.unlink()
        held.__exit__(None, None, None)
        if not any(left):
            Path(_lock_path(path)).unlink()


def abandoned(folder: Path) -> Iterator[Left]:
    """What each dead process has left, its file removed once the caller has settled it without an error."""
    for name in files.names_in(str(folder)):
        path = folder / name
        if path.suffix != SUFFIX:
            continue
        with contextlib.suppress(OSError), files.Lock(_lock_path(path), 0.0):
            if path.exists():
                yield read(path)
                path.unlink()
        if not path.exists():
            with contextlib.suppress(OSError):
                Path(_lock_path(path)).unlink()


def read(path: Path) -> Left:
    """What a file leaves open; a torn last line tells nothing."""
    left: dict[str, Settlement] = {}
    leases: dict[str, None] = {}
    for line in path.read_bytes().split(b"\n"):
        try:
            told = _decode(line)
        except msgspec.MsgspecError:
            continue
        if told.settle is not None:
            left[told.settle.call_id] = told.settle
        left.pop(told.done, None)
        if told.lease:
            leases[told.lease] = None
        leases.pop(told.returned, None)
    return Left(list(left.values()), list(leases))
