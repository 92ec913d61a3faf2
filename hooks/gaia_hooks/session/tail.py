"""Reading only what a transcript has grown by since the last call."""

from gaia_hooks.facts.tokens import responses as facts
from gaia_hooks.machine import files, jsonio
from gaia_hooks.session import heading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NEEDLE = b'"usage"'
COPY = b'"forkedFrom"'
MARK_BYTES = 64  # the bytes before the offset, by which a replaced file is noticed
HEAD_BYTES = 1 << 16
BESIDE_BYTES = 256 << 20  # what is searched at most for the session that a file was copied from
PIECE = 4 << 20
TORN = "a torn line"
LINE_LIMIT = 64 << 20  # a line longer than this is skipped: no response is that large


class Place:
    """Where reading of one file stopped: offset, the file's identity and the bytes just before the offset."""

    __slots__ = ("inode", "mark", "offset", "path")

    def __init__(self, path: str, offset: int = 0, inode: int = 0, mark: str = "") -> None:
        self.path = path
        self.offset = offset
        self.inode = inode
        self.mark = mark


if TYPE_CHECKING:
    # A file's new bytes in whole lines, those of its torn last one, and whether more is left.
    Growth = tuple[bytes, bytes, bool]
NO_GROWTH: "Growth" = (b"", b"", False)


def grow(place: Place, limit: int) -> "Growth":
    """Read up to about `limit` new bytes, all of another file that took its place, and move the place on.

    A file that is gone has none.
    """
    try:
        handle, status = files.open_to_read(place.path)
    except OSError:
        return NO_GROWTH
    try:
        size, inode = status.st_size, status.st_ino
        if place.offset > 0 and not _same_file(handle, place, size, inode):
            place.offset = 0
        place.inode = inode
        data = files.read_handle(handle, place.offset, min(limit, size - place.offset))
        cut = data.rfind(b"\n") + 1
        while cut == 0 and len(data) == limit and len(data) < min(LINE_LIMIT, size - place.offset):
            limit *= 2
            data = files.read_handle(handle, place.offset, min(limit, size - place.offset))
            cut = data.rfind(b"\n") + 1
        if cut == 0 and len(data) >= LINE_LIMIT:
            cut = len(data)
        place.offset += cut
        if cut:
            place.mark = _mark(handle, place.offset)
        behind = place.offset + len(data) - cut < size
        return data[:cut], b"" if behind else data[cut:], behind
    finally:
        files.close(handle)


def _mark(handle: int, offset: int) -> str:
    start = max(0, offset - MARK_BYTES)
    return files.read_handle(handle, start, offset - start).decode("latin-1")


def _same_file(handle: int, place: Place, size: int, inode: int) -> bool:
    return size >= place.offset and inode == place.inode and _mark(handle, place.offset) == place.mark


def responses(growth: "Growth", aside: "dict[str, int]") -> "Iterator[facts.Response]":
    """The sightings of responses in new bytes; a last line without its line end counts when it is whole.

    Why a row with figures was set aside is counted in `aside`; `ingest` names its line.
    """
    data, torn, _ = growth
    at, begin = data.find(NEEDLE), 0
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        if begin < start:
            _cut(data, begin, start, aside)
        end = data.find(b"\n", at)
        line = data[start:end]
        try:
            yield from _seen((jsonio.loads(line.decode("utf-8", "replace")),), aside)
        except ValueError:
            yield from _torn(line, aside)
        at, begin = data.find(NEEDLE, end), end + 1 or len(data)
    if begin < len(data):
        _cut(data, begin, len(data), aside)
    if NEEDLE in torn:
        try:
            yield from _seen((jsonio.loads(torn.decode("utf-8", "replace")),), aside)
        except ValueError:
            return  # still being written


def _cut(data: bytes, begin: int, end: int, aside: "dict[str, int]") -> None:
    """Count the rows of answers, between two line beginnings, that end before their usage."""
    if (
        data.count(b"\n", begin, end) == data.count(b"}\n", begin, end)
        and data.find(facts.ANSWER, begin, end) < 0
    ):
        return  # whole rows of others
    from gaia_hooks.facts.tokens.torn import is_cut_answer

    for line in data[begin:end].split(b"\n"):
        if is_cut_answer(line):
            aside[TORN] = aside.get(TORN, 0) + 1


def copies(data: bytes) -> "Iterator[facts.Response]":
    """The responses that some bytes mark as copied from another session."""
    for line in data.split(b"\n"):
        if COPY in line and NEEDLE in line:
            try:
                found = facts.copied(jsonio.loads(line.decode("utf-8", "replace")))
            except ValueError:
                continue
            if found is not None:
                yield found


def copies_behind(place: Place) -> "Iterator[facts.Response]":
    """The same of what a file holds behind the place where reading stopped."""
    at, end = place.offset, place.offset + BESIDE_BYTES
    while at < end:
        try:
            data = files.read(place.path, at, PIECE)
        except OSError:
            return
        cut = data.rfind(b"\n") + 1 or len(data)
        if not cut:
            return
        if COPY in data:
            yield from copies(data[:cut])
        at += cut


def _torn(line: bytes, aside: "dict[str, int]") -> "Iterator[facts.Response]":
    from gaia_hooks.facts.tokens.torn import whole_records

    aside[TORN] = aside.get(TORN, 0) + 1
    yield from _seen(whole_records(line), aside)


def _seen(rows: "Iterable[object]", aside: "dict[str, int]") -> "Iterator[facts.Response]":
    for row in rows:
        try:
            found = facts.response_of(row)
        except facts.Unreadable as error:
            aside[str(error)] = aside.get(str(error), 0) + 1
            continue
        if found is not None:
            yield found


def head(path: str) -> "tuple[int, str, int]":
    """When the file began, its first working directory and its conversation's first instant (see `heading`)."""
    try:
        data = files.read(path, 0, HEAD_BYTES)
    except OSError:
        return 0, "", 0
    return heading.heading(_rows(data))


def copied_from_beside(path: str, began: int) -> bool:
    """Whether another transcript of the same folder that began earlier holds the first response of a file."""
    try:
        data = files.read(path, 0, HEAD_BYTES * 16)
    except OSError:
        return False
    first = next(responses((data, b"", False), {}), None)
    if first is None:
        return False
    needle, folder, left = first.key.encode(), files.parent(path), BESIDE_BYTES
    for name in files.names_in(folder):
        other = files.join(folder, name)
        if name.endswith(".jsonl") and other != path and left > 0:
            try:
                text = files.read(other, 0, left)
            except OSError:
                continue
            left -= len(text)
            if needle in text and head(other)[0] < began:
                return True
    return False


def _rows(data: bytes) -> "Iterator[object]":
    for line in data.split(b"\n"):
        try:
            yield jsonio.loads(line.decode("utf-8", "replace"))
        except ValueError:
            continue
