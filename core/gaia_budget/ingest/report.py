"""What a run of `ingest` did; and what cannot be taken in, whenever it was passed over: asked anew, from the files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_budget.argus import reading
from gaia_budget.argus.shapes import Origin
from gaia_budget.ingest.ecosystem.logs import log_files
from gaia_budget.transcripts.discovery import find
from gaia_budget.transcripts.lines import line_number
from gaia_budget.transcripts.reading import ReadingPosition, Skip, is_told, read
from gaia_budget.transcripts.rows import decode
from gaia_hooks.facts.prices import money
from gaia_hooks.machine import clock
from gaia_hooks.session.tail import LINE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gaia_budget.ledger import Recorded
    from gaia_budget.settings.keys import Settings

STILL_WRITTEN = 600 * clock.MICRO
"""A row that has not grown for so long was cut by a crash."""


@dataclass
class Report:
    """Counts of one run. `files` and `bytes` are what was read, not what is there.

    `repriced` counts events with the tokens they had and another price, `repriced_nano` is what they cost more.
    `other` counts log lines that tell of no billed call. `unreconciled` lists sessions whose own total could not
    be compared with their rows, with the reason. `rotated` lists the logs that were rotated afterwards.
    """

    files: int = 0
    bytes: int = 0
    responses_new: int = 0
    events_new: int = 0
    completed: int = 0
    repriced: int = 0
    repriced_nano: int = 0
    duplicates: int = 0
    other: int = 0
    skipped: list[Skip] = field(default_factory=list)
    unreconciled: dict[str, str] = field(default_factory=dict)
    rotated: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def recorded(self, outcome: Recorded, *, responses: bool) -> None:
        """Add what the ledger said of one batch; `responses`: whether they were billed API responses."""
        self.events_new += outcome.new
        self.responses_new += outcome.new - outcome.parts if responses else 0
        self.completed += outcome.completed
        self.repriced += outcome.repriced
        self.repriced_nano += outcome.repriced_nano
        self.duplicates += outcome.duplicates

    def skip(self, file: Path | str, line: int, reason: str) -> None:
        """Note a line (0: the whole file) that was not taken in."""
        self.skipped.append(Skip(str(file), line, reason))

    def document(self) -> dict[str, Any]:
        """The report as JSON values, with the keys of the command line."""
        return {
            "files": self.files,
            "bytes": self.bytes,
            "responses_new": self.responses_new,
            "events_new": self.events_new,
            "completed": self.completed,
            "repriced": self.repriced,
            "repriced_usd": money.usd(self.repriced_nano),
            "duplicates": self.duplicates,
            "other": self.other,
            "skipped": [skip._asdict() for skip in self.skipped],
            "unreconciled": self.unreconciled,
            "rotated": self.rotated,
            "seconds": round(self.seconds, 3),
        }


def skipped(settings: Settings) -> Iterator[Skip]:
    """Every line of the transcripts and logs that is set aside, with its file, line and reason; nothing is stored."""
    for transcript in find(places.claude_config_dirs()):
        try:
            told = read(transcript, ReadingPosition())
            yield from told.skipped
            yield from _cut_end(transcript.path, told.bookmark.position.offset)
        except FileNotFoundError:
            continue  # deleted since it was found
        except OSError as error:
            yield Skip(transcript.path, 0, f"cannot be read: {error.strerror}")
    origin = Origin(settings.org, settings.user, settings.machine, "")
    for path in log_files(places.logs_dir()):
        try:
            for line, reason in reading.read(path, origin, None).skipped:
                yield Skip(str(path), line, reason)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Skip(str(path), 0, f"cannot be read: {error.strerror}")


def _cut_end(path: str, behind: int) -> Iterator[Skip]:
    """What stands behind a file's last line end, where nobody writes it to its end any more."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (as plain as the path is)
        if clock.now() - os.fstat(file.fileno()).st_mtime_ns // 1000 < STILL_WRITTEN:
            return
        file.seek(behind)
        line = file.read(LINE_LIMIT)
        try:
            decode(line)
        except ValueError:
            if is_told(line):
                yield Skip(path, line_number(file, behind), "the file ends within a row")
