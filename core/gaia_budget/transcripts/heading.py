"""The first rows of a transcript: where the session ran, and when this file began to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.transcripts.rows import decode
from gaia_hooks.session import heading as definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gaia_budget.transcripts.discovery import Transcript

HEAD_BYTES = 16 << 10


class Heading(NamedTuple):
    """`began` is in microseconds since the epoch, 0 when unknown; `cwd` is the first working directory named.

    Of two files that hold the same response, the one that began earlier paid for it (`gaia_hooks.session.heading`).
    """

    began: int
    cwd: str


def heading(transcript: Transcript) -> Heading:
    """Read the rows above the first row of the conversation, and that row. Raises OSError."""
    with open(transcript.path, "rb", buffering=HEAD_BYTES) as file:  # noqa: PTH123 (as plain as the path is)
        return Heading(*definition.heading(_rows(file)))


def _rows(lines: Iterable[bytes]) -> Iterator[object]:
    for line in lines:
        try:
            yield decode(line)
        except ValueError:
            continue
