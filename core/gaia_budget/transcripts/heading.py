"""The first rows of a transcript: where the session ran, and when this file began to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.transcripts.rows import decode
from gaia_hooks import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.transcripts.discovery import Transcript

HEAD_BYTES = 16 << 10
CONVERSATION = frozenset({"user", "assistant", "attachment", "system", "progress"})


class Heading(NamedTuple):
    """`began` is in microseconds since the epoch, 0 when unknown; `cwd` is the first working directory named.

    A fork of an older client repeats its parent's rows with their old instants and no mark, but the rows the
    client writes above them are of the fork's own time. So the file that began earlier is the one that paid.
    """

    began: int
    cwd: str


def heading(transcript: Transcript) -> Heading:
    """Read the rows above the first row of the conversation, and that row. Raises OSError."""
    with open(transcript.path, "rb", buffering=HEAD_BYTES) as file:  # noqa: PTH123 (as plain as the path is)
        return _heading(file)


def _heading(lines: Iterable[bytes]) -> Heading:
    began = 0
    for line in lines:
        try:
            row = decode(line)
        except ValueError:
            continue
        if not isinstance(row, dict):
            continue
        instant = _instant(row)
        cwd = row.get("cwd")
        if row.get("type") in CONVERSATION and isinstance(cwd, str) and cwd:
            return Heading(began or instant, cwd)
        began = max(began, instant)
    return Heading(began, "")


def _instant(row: dict[str, Any]) -> int:
    snapshot = row.get("snapshot")  # rows of file history carry their instant one level down
    text = row.get("timestamp") or (snapshot.get("timestamp") if isinstance(snapshot, dict) else None)
    return (clock.parse(text) or 0) if isinstance(text, str) else 0
