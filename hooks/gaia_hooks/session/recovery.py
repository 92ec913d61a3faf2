"""What a log holds of a session beyond what its state knows: after a writer died, or after the state was lost.

Loaded only then. A log may have been rotated since (`<log>.1` is the one before), and lines may go to another
folder by now.
"""

from gaia_hooks.facts.tokens import usage
from gaia_hooks.machine import clock, files, jsonio
from gaia_hooks.session import argus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from gaia_hooks.session.state import State

FIGURES = (*usage.FIELDS, "recached_tokens", "cost_nano_usd")


def look_up(mine: "State", path: str) -> "list[tuple[str, int, int]]":
    """Add to `mine.ahead` what stands in the log after the state's place in it, and move the place to its end.

    Returns each line found as (event id, instant made, nano-dollars). Raises OSError.
    """
    for log in {mine.log_place[0], path}:
        if files.size_of(log) > 0:
            files.mend(log)
    with files.Lock(path + ".lock", 5.0):  # nobody rotates it meanwhile
        return _looked_up(mine, path)


def _looked_up(mine: "State", path: str) -> "list[tuple[str, int, int]]":
    written = []
    known, offset, identity = mine.log_place
    parts = _since(known, offset, identity) if known else []
    if known != path:
        parts += [(part, 0) for part in _rotated(path)]
    for part, start in parts:
        for row in _rows(part, start, mine.session_id):
            key = str(row.get("corrects") or row.get("event_id"))
            figures = [_count(row.get(name)) for name in FIGURES]
            written.append((str(row.get("event_id")), clock.parse(str(row.get("ts"))) or 0, figures[-1]))
            mine.ahead[key] = [a + b for a, b in zip(mine.ahead.get(key) or [0] * len(FIGURES), figures)]
    mine.log_place = [path, *_end(path)]
    return written


def _end(path: str) -> "tuple[int, int]":
    """Size and identity of the newest file of a log: the rotated one, where nothing was written since."""
    found = [files.size_and_identity(log) for log in _rotated(path)]
    return next((place for place in reversed(found) if place[1]), (0, 0))


def _count(value: object) -> int:
    return value if type(value) is int else 0


def _since(path: str, offset: int, identity: int) -> "list[tuple[str, int]]":
    """The files that hold what was appended after a place, oldest first, each with the offset to read from."""
    logs = _rotated(path)
    for number, log in enumerate(logs):
        size, its_identity = files.size_and_identity(log)
        if its_identity == identity and size >= offset:
            return [(log, offset), *((newer, 0) for newer in logs[number + 1 :])]
    return [(log, 0) for log in logs]  # rotated away or replaced: nobody knows what is in the state already


def _rotated(path: str) -> "list[str]":
    """A log and those that were rotated out of it, oldest first."""
    folder = files.parent(path)
    begins = path[len(folder) :].lstrip(files.SEPARATORS) + "."
    numbers = [name[len(begins) :] for name in files.names_in(folder) if name.startswith(begins)]
    older = sorted((int(number) for number in numbers if number.isdigit()), reverse=True)
    return [*("%s.%d" % (path, number) for number in older), path]


def _rows(path: str, offset: int, session_id: str) -> "Iterator[dict[str, Any]]":
    """Our lines of one session in one file from an offset on; none when it is not there."""
    try:
        data, needle = files.read(path, offset), session_id.encode()
    except FileNotFoundError:
        return
    at = data.find(needle)
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        end = data.find(b"\n", at)
        end = end if end >= 0 else len(data)
        row = _decoded(data[start:end])
        if row.get("session_id") == session_id and row.get("task") == argus.TASK:
            yield row
        at = data.find(needle, end)


def _decoded(line: bytes) -> "dict[str, Any]":
    try:
        row = jsonio.loads(line)
    except ValueError:
        return {}
    return row if type(row) is dict else {}
