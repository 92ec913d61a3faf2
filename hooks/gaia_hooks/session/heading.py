"""The first rows of a transcript: where the session ran, and when this file began to be written.

A fork of an older client repeats its parent's rows with their old instants and no mark, but the rows that the
client writes above them are of the fork's own time: what is older than the file's beginning was paid elsewhere.
"""

from gaia_hooks.machine import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CONVERSATION = frozenset(("user", "assistant", "attachment", "system", "progress"))


def heading(rows: "Iterable[object]") -> "tuple[int, str, int]":
    """When the file began, the first working directory named, and the instant of the conversation's first row.

    Instants are microseconds since the epoch, 0 when unknown. Where the conversation is older than the file, the
    file is a copy, or the clock was set back in between. Takes rows only up to the first one of the conversation.
    """
    began = 0
    for row in rows:
        if type(row) is not dict:
            continue
        instant, cwd = _instant(row), row.get("cwd")
        if row.get("type") in CONVERSATION and type(cwd) is str and cwd:
            return began or instant, cwd, instant
        began = max(began, instant)
    return began, "", 0


def _instant(row: "dict[str, object]") -> int:
    snapshot = row.get("snapshot")  # rows of file history carry their instant one level down
    text = row.get("timestamp") or (snapshot.get("timestamp") if type(snapshot) is dict else None)
    return (clock.parse(text) or 0) if type(text) is str else 0
