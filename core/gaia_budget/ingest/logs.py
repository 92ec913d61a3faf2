"""The ecosystem's event files into the ledger: our own lines by their id, legacy lines by their hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gaia_budget.argus import Call, LogBookmark, Origin, read
from gaia_budget.ingest.overlaps import Overlaps
from gaia_budget.ledger import Bookmark as LedgerBookmark

if TYPE_CHECKING:
    from collections.abc import Iterator
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
        suffix = path.name.partition(".jsonl")[2]
        if (not suffix or suffix[1:].isdigit()) and path.is_file():
            yield path


def take_in(ledger: Ledger, settings: Settings, costs: Costs, folder: Path, report: Report) -> None:
    """Read what is new in every log of a folder; each file's events and its bookmark are one transaction."""
    files = list(log_files(folder))
    stored = ledger.bookmarks([str(path) for path in files])
    overlaps = Overlaps(ledger)
    for path in files:
        mark = stored.get(str(path))
        known = _state(mark.state) if mark else None
        module = path.parent.name if path.parent != folder else ""
        origin = Origin(settings.org, settings.user, settings.machine, module)
        try:
            if known is not None and known.position.is_current(path.stat()):
                continue
            reading = read(path, origin, known)
        except FileNotFoundError:
            continue  # rotated or deleted since it was listed
        except OSError as error:
            report.skip(path, 0, f"cannot be read: {error.strerror}")
            continue
        report.files += 1
        report.bytes += reading.bytes_read
        report.other += reading.other
        for line, reason in reading.skipped:
            report.skip(path, line, reason)
        calls = [call._replace(event=priced(call.event, costs)) for call in reading.calls]
        position = LedgerBookmark(reading.bookmark.position.offset, _encode(reading.bookmark).decode())
        _record(ledger, overlaps.once(path, calls, report), str(path), position, report)


def _state(text: str) -> LogBookmark | None:
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None  # written by another version: the file is read again, which changes nothing


def priced(event: Event, costs: Costs) -> Event:
    """A call whose line states no cost gets the list price of its model, where there is one."""
    if event.cost_nano is not None or event.kind != "response":
        return event
    usage = (event.input_tokens, event.output_tokens, event.cache_read_tokens, event.cache_write_5m_tokens,
             event.cache_write_1h_tokens, event.reasoning_tokens, event.web_searches)  # fmt: skip
    cost = costs.of(event.model, "", usage, event.ts, event.provider)
    return msgspec.structs.replace(
        event, cost_nano=cost.nano, price_source=cost.source, provider=event.provider or cost.provider
    )


def _record(ledger: Ledger, calls: list[Call], path: str, position: LedgerBookmark, report: Report) -> None:
    responses = [call.event for call in calls if call.event.kind == "response"]
    others = [call.event for call in calls if call.event.kind != "response"]
    if others:
        report.recorded(ledger.record(others), responses=False)
    report.recorded(ledger.record(responses, bookmarks={path: position}), responses=True)
