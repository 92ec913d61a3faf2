"""The first rows of a transcript: where the session ran, and when this file began to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.transcripts.lines import bounded
from gaia_budget.transcripts.rows import decode
from gaia_hooks.session import heading as definition
from gaia_hooks.session import state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gaia_budget.transcripts.discovery import Transcript

HEAD_BYTES = 16 << 10


class Heading(NamedTuple):
    """`began` is in microseconds since the epoch, 0 when unknown; `cwd` is the first working directory named.

    `session_id` is the session that the rows name: a copied file's name may say anything.
    Of two files that hold the same response, the one that began earlier paid for it (`gaia_hooks.session.heading`).
    """

    began: int
    cwd: str
    session_id: str = ""


def heading(transcript: Transcript) -> Heading:
    """Read the rows above the first row of the conversation, and that row. Raises OSError."""
    with open(transcript.path, "rb", buffering=HEAD_BYTES) as file:  # noqa: PTH123 (as plain as the path is)
        named: list[str] = []
        began, cwd, _ = definition.heading(_noting(_rows(line for line, _ in bounded(file)), named))
        return Heading(began, cwd, named[0] if named else "")


def _noting(rows: Iterable[object], named: list[str]) -> Iterator[object]:
    for row in rows:
        session = row.get("sessionId") if isinstance(row, dict) else None
        if isinstance(session, str) and state.is_session_id(session):
            named.append(session)
        yield row


def _rows(lines: Iterable[bytes]) -> Iterator[object]:
    for line in lines:
        try:
            yield decode(line)
        except ValueError:
            continue
