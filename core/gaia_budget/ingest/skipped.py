"""What cannot be taken in, whenever and by whomever it was passed over: asked for anew, from the files themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.argus import reading
from gaia_budget.argus.shapes import Origin
from gaia_budget.ingest.ecosystem.logs import log_files
from gaia_budget.transcripts.discovery import find
from gaia_budget.transcripts.reading import ReadingPosition, Skip, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.settings import Settings


def skipped(settings: Settings) -> Iterator[Skip]:
    """Every line of the transcripts and logs that is set aside, with its file, line and reason; nothing is stored."""
    for transcript in find(places.claude_config_dirs()):
        try:
            yield from read(transcript, ReadingPosition()).skipped
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
