"""The ecosystem's event files into the ledger: our own lines by their id, legacy lines by their hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gaia_budget.argus.reading import LogBookmark, LogReading, is_log, read
from gaia_budget.argus.shapes import Origin
from gaia_budget.ingest.ecosystem.overlaps import Overlaps
from gaia_budget.ledger import Bookmark as LedgerBookmark
from gaia_hooks.facts.tokens.usage import NOTHING
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gaia_budget.ingest.costs import Costs
    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event
    from gaia_budget.settings import Settings

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
        files = list(log_files(self.folder))
        stored = self.bookmarks(files)
        for path in files:
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
