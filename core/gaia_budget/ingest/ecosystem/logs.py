"""The ecosystem's event files into the ledger: our own lines by their id, legacy lines by their hash.

Then what has grown too large is rotated by the ecosystem's rule: at 10 MB `x.jsonl` becomes `x.jsonl.1`, and five of
those are kept. Only logs in which every line is ours: who else writes one may hold it open, and rotates it himself.
Only what the ledger has taken in, to the last byte. Files are renamed under the log's lock, so that no line of ours
falls between two files and a hook that looks for its own lines finds the file again by its identity; a rotation that
was killed leaves a gap in the numbers, which the next one fills.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from gaia_budget.argus.reading import LogBookmark, LogReading, is_log, read
from gaia_budget.argus.shapes import Origin
from gaia_budget.ingest.ecosystem.overlaps import Overlaps
from gaia_budget.ledger import Bookmark as LedgerBookmark
from gaia_hooks.facts.tokens.usage import NOTHING
from gaia_hooks.machine import files
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gaia_budget.ingest.costs import Costs
    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event
    from gaia_budget.settings.keys import Settings

MOST_BYTES = 10_000_000
KEPT = 5
ATTEMPTS = 3  # a log that others append to: what came meanwhile is taken in first
LOCK_SECONDS = 1.0
_decode = msgspec.json.Decoder(LogBookmark).decode
_encode = msgspec.json.Encoder().encode


def log_files(folder: Path) -> Iterator[Path]:
    """Every event file of a logs folder: `*.jsonl`, what was rotated out of them, and one folder per project."""
    for path in sorted(folder.rglob("*.jsonl*")):
        if is_log(path.name) and path.is_file():
            yield path


class Logs:
    """The event files of one folder, and the ledger that takes them in."""

    def __init__(
        self, ledger: Ledger, settings: Settings, costs: Costs, folder: Path, report: Report
    ) -> None:
        self.ledger, self.settings, self.costs = ledger, settings, costs
        self.folder, self.report = folder, report
        self.without_rows: set[str] = (
            set()
        )  # sessions of which requests were read that no transcript tells of
        self._overlaps = Overlaps(ledger)

    def take_in(self) -> None:
        """Read what is new in every log; each file's events and its bookmark are one transaction."""
        paths = list(log_files(self.folder))
        stored = self.bookmarks(paths)
        for path in paths:
            self.take_in_one(path, stored.get(path))

    def bookmarks(self, paths: Iterable[Path]) -> dict[Path, LogBookmark]:
        """How far each of these logs has been taken in; new ones are absent."""
        by_name = {str(path): path for path in paths}
        found = {}
        for name, mark in self.ledger.bookmarks(by_name).items():
            known = _state(mark.state)
            if known is not None:
                found[by_name[name]] = known
        return found

    def set_bookmarks(self, marks: Mapping[Path, LogBookmark]) -> None:
        """Note how far logs have been taken in."""
        self.ledger.record([], bookmarks={str(path): _mark_of(mark) for path, mark in marks.items()})

    def take_in_one(self, path: Path, known: LogBookmark | None) -> None:
        """Read what is new in one log; what cannot be read is reported."""
        module = path.parent.name if path.parent != self.folder else ""
        origin = Origin(self.settings.org, self.settings.user, self.settings.machine, module)
        try:
            if known is None or not known.position.is_current(path.stat()):
                self._record(path, read(path, origin, known))
        except FileNotFoundError:
            return  # rotated or deleted since it was listed
        except OSError as error:
            self.report.skip(path, 0, f"cannot be read: {error.strerror}")

    def _record(self, path: Path, reading: LogReading) -> None:
        report = self.report
        report.files += 1
        report.bytes += reading.bytes_read
        report.other += reading.other
        for line, reason in reading.skipped:
            report.skip(path, line, reason)
        calls = [call._replace(event=priced(call.event, self.costs)) for call in reading.calls]
        calls = self._overlaps.once(path, calls, report)
        self.without_rows.update(one.event.session_id for one in calls if one.event.agent_id in argus.ROWLESS)
        responses = [call.event for call in calls if call.event.kind == "response"]
        others = [call.event for call in calls if call.event.kind != "response"]
        if others:
            report.recorded(self.ledger.record(others), responses=False)
        moved = {str(path): _mark_of(reading.bookmark)}
        outcome = self.ledger.record(responses, bookmarks=moved, priced_before=True)
        report.recorded(outcome, responses=True)


def _state(text: str) -> LogBookmark | None:
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None  # written by another version: the file is read again, which changes nothing


def _mark_of(mark: LogBookmark) -> LedgerBookmark:
    return LedgerBookmark(mark.position.offset, _encode(mark).decode())


def priced(event: Event, costs: Costs) -> Event:
    """A call whose line states no cost gets the list price of its model, where there is one."""
    if event.cost_nano is not None or event.kind != "response":
        if event.provider or not event.model:
            return event
        return msgspec.structs.replace(event, provider=costs.of(event.model, "", NOTHING, event.ts).provider)
    usage = (event.input_tokens, event.output_tokens, event.cache_read_tokens, event.cache_write_5m_tokens,
             event.cache_write_1h_tokens, event.reasoning_tokens, event.web_searches)  # fmt: skip
    cost = costs.of(event.model, "", usage, event.ts, event.provider, app=event.source == "app")
    return msgspec.structs.replace(
        event, cost_nano=cost.nano, price_source=cost.source, provider=event.provider or cost.provider
    )


def rotate(logs: Logs) -> None:
    """Rotate what has grown too large; what cannot be renamed now is reported and left to the next run."""
    for path in sorted(logs.folder.glob("*.jsonl")):
        if files.size_of(str(path)) < MOST_BYTES:
            continue
        try:
            if any(_rotated(logs, path) for _ in range(ATTEMPTS)):
                logs.report.rotated.append(str(path))
        except OSError as error:
            logs.report.skip(path, 0, f"not rotated: {error.strerror or error}")


def _rotated(logs: Logs, path: Path) -> bool:
    """Move a log and its elders up by one; False where some of it is not ours, or not taken in yet."""
    places = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, KEPT + 1))]
    logs.take_in_one(path, logs.bookmarks([path]).get(path))
    marks = logs.bookmarks(places)
    with files.Lock(f"{path}.lock", LOCK_SECONDS):
        if files.size_of(str(path)) < MOST_BYTES:
            return False  # another run was quicker
        there = [place for place in places if place.exists()]
        if not all(_is_taken_in(place, marks.get(place)) for place in there):
            return False
        gap = next((number for number, place in enumerate(places) if place not in there), KEPT)
        for number in range(gap, 0, -1):
            os.replace(places[number - 1], places[number])  # noqa: PTH105 (as plain as it is atomic)
    logs.set_bookmarks({places[number]: marks[places[number - 1]] for number in range(gap, 0, -1)})
    return True


def _is_taken_in(path: Path, mark: LogBookmark | None) -> bool:
    if mark is None or not mark.ours:
        return False
    status = path.stat()
    return mark.position.is_current(status) and mark.position.offset == status.st_size
