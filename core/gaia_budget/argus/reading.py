"""Reading one event file from where the last reading stopped, every line of it."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.argus.shapes import OWN_COUNTS, LoggedCall, Origin, UnreadableLine, call_of, is_own
from gaia_budget.transcripts.lines import TOO_LONG, bounded
from gaia_budget.transcripts.position import Position, position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gaia_budget.model import Event

SUFFIX = ".jsonl"
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class LogBookmark(msgspec.Struct, array_like=True):
    """How far a log has been read; `ours` where every line of it so far was written by us."""

    position: Position = Position()
    lines: int = 0
    ours: bool = False


class LogSkip(NamedTuple):
    """A line that could not be taken in, and why."""

    line: int
    reason: str


class LogReading(NamedTuple):
    """What a log told. `other` counts lines that tell of no billed call (builds, work without a model)."""

    calls: list[LoggedCall]
    other: int
    skipped: list[LogSkip]
    bookmark: LogBookmark
    bytes_read: int


def read(path: Path, origin: Origin, known: LogBookmark | None) -> LogReading:
    """Read what a log has grown by; one that was truncated, rotated or replaced is read anew. Raises OSError."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        goes_on = known is not None and known.position.continues(file, status)
        start = known if known is not None and goes_on else LogBookmark(ours=True)
        file.seek(start.position.offset)
        reading = _Reading(path, origin, start)
        for line, length in bounded(file):
            reading.take(line, length)
        bookmark = LogBookmark(position(file, reading.offset, status), reading.lines, reading.ours)
    read_bytes = reading.offset - start.position.offset
    return LogReading(reading.calls, reading.other, reading.skipped, bookmark, read_bytes)


def family(path: Path) -> list[Path]:
    """A log and all that was rotated out of it, from any one of them."""
    log = path.name.partition(SUFFIX)[0] + SUFFIX
    return sorted(one for one in path.parent.glob(log + "*") if is_log(one.name) and one.is_file())


def is_log(name: str) -> bool:
    """Whether a file is an event log, or one that was rotated: `x.jsonl`, `x.jsonl.1`."""
    _, found, number = name.partition(SUFFIX)
    return bool(found) and (not number or number[1:].isdigit())


def decode(line: bytes) -> Any:
    """A line as JSON, numbers with a fraction as Decimal. Raises UnreadableLine."""
    try:
        return _DECODER.decode(line.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableLine(f"not JSON: {error}") from None


class _Reading:
    """The state of reading one log."""

    def __init__(self, path: Path, origin: Origin, start: LogBookmark) -> None:
        self.path, self.origin = path, origin
        self.offset, self.lines, self.ours = start.position.offset, start.lines, start.ours
        self.calls: list[LoggedCall] = []
        self.skipped: list[LogSkip] = []
        self.other = 0

    def take(self, line: bytes, length: int) -> None:
        """Take in one line; a last one without its line end counts when it is whole, and is read again later."""
        complete = line.endswith(b"\n")
        if complete:
            self.offset += length
            self.lines += 1
        if length > len(line):
            self.ours = False
            self.skipped.append(LogSkip(self.lines, TOO_LONG))
        if not line.strip():
            return
        try:
            row = decode(line)
            self.ours = self.ours and is_own(row)
            call = call_of(row, line, self.origin)
        except UnreadableLine as error:
            self.ours = False
            if complete:
                self.skipped.append(LogSkip(self.lines, str(error)))
            return
        if call is None:
            self.other += 1
        elif call.corrects:
            self.calls.append(LoggedCall(self._corrected(call), legacy=False))
        else:
            self.calls.append(call)

    def _corrected(self, call: LoggedCall) -> Event:
        """The corrected event as a whole: its own line plus every line that adds to it."""
        parts: dict[str, Event] = {call.event.event_id: call.event}
        for other in self._about(call.corrects):
            parts.setdefault(other.event_id, other)
        first = parts.get(call.corrects, call.event)
        sums: dict[str, Any] = {
            name: sum(getattr(part, name) for part in parts.values()) for name in OWN_COUNTS
        }
        costs = [part.cost_nano for part in parts.values()]
        cost = None if None in costs else sum(amount for amount in costs if amount is not None)
        return msgspec.structs.replace(first, event_id=call.corrects, cost_nano=cost, **sums)

    def _about(self, event_id: str) -> Iterator[Event]:
        """The event's own line and its corrections, from this log and what was rotated out of it."""
        needle = event_id.encode()
        for path in family(self.path):
            with path.open("rb") as file:
                yield from self._those_about(event_id, (line for line, _ in bounded(file) if needle in line))

    def _those_about(self, event_id: str, lines: Iterable[bytes]) -> Iterator[Event]:
        for line in lines:
            try:
                found = call_of(decode(line), line, self.origin)
            except UnreadableLine:
                continue  # reported where it stands
            if found is not None and event_id in (found.event.event_id, found.corrects):
                yield found.event
