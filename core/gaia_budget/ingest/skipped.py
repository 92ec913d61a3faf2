"""What cannot be taken in, whenever and by whomever it was passed over: asked for anew, from the files themselves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.argus import reading
from gaia_budget.argus.shapes import Origin
from gaia_budget.ingest.ecosystem.logs import log_files
from gaia_budget.transcripts.discovery import find
from gaia_budget.transcripts.lines import line_number
from gaia_budget.transcripts.reading import ReadingPosition, Skip, is_told, read
from gaia_budget.transcripts.rows import decode
from gaia_hooks.machine import clock
from gaia_hooks.session.tail import LINE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.settings.keys import Settings

STILL_WRITTEN = 600 * clock.MICRO
"""A row that has not grown for so long was cut by a crash."""


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
