"""Reading only what a transcript has grown by since the last call."""

from gaia_hooks.facts import usage
from gaia_hooks.machine import files, jsonio
from gaia_hooks.session import heading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

NEEDLE = b'"usage"'
MARK_BYTES = 64  # the bytes before the offset, by which a replaced file is noticed
HEAD_BYTES = 1 << 16
LINE_LIMIT = 64 << 20  # a line longer than this is skipped: no response is that large


class Place:
    """Where reading of one file stopped: offset, the file's identity and the bytes just before the offset."""

    __slots__ = ("inode", "mark", "offset", "path")

    def __init__(self, path: str, offset: int = 0, inode: int = 0, mark: str = "") -> None:
        self.path = path
        self.offset = offset
        self.inode = inode
        self.mark = mark


class Growth:
    """The new bytes of a file: `rewound` when it is not the file we knew, `behind` when more is left."""

    __slots__ = ("behind", "data", "rewound", "torn")

    def __init__(self, data: bytes, torn: bytes, rewound: bool, behind: bool) -> None:
        self.data = data
        self.torn = torn
        self.rewound = rewound
        self.behind = behind


NO_GROWTH = Growth(b"", b"", False, False)


def grow(place: Place, limit: int) -> Growth:
    """Read up to about `limit` new bytes in whole lines and move the place on; a file that is gone has none."""
    try:
        handle, status = files.open_to_read(place.path)
    except OSError:
        return NO_GROWTH
    try:
        size, inode = status.st_size, status.st_ino
        rewound = place.offset > 0 and not _same_file(handle, place, size, inode)
        if rewound:
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
        return Growth(data[:cut], b"" if behind else data[cut:], rewound, behind)
    finally:
        files.close(handle)


def _mark(handle: int, offset: int) -> str:
    start = max(0, offset - MARK_BYTES)
    return files.read_handle(handle, start, offset - start).decode("latin-1")


def _same_file(handle: int, place: Place, size: int, inode: int) -> bool:
    return size >= place.offset and inode == place.inode and _mark(handle, place.offset) == place.mark


def responses(growth: Growth) -> "Iterator[usage.Response]":
    """The sightings of responses in new bytes; a last line without its line end counts when it is whole."""
    data = growth.data
    at = data.find(NEEDLE)
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        end = data.find(b"\n", at)
        found = _decoded(data[start:end])
        if found is not None:
            yield found
        at = data.find(NEEDLE, end)
    if NEEDLE in growth.torn:
        found = _decoded(growth.torn)
        if found is not None:
            yield found


def _decoded(line: bytes) -> "usage.Response | None":
    try:
        row: Any = jsonio.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return None  # a malformed or torn line holds no countable fact; bulk ingest reports it with its place
    return usage.response_of(row)


def head(path: str) -> "tuple[int, str]":
    """When the file began and the first working directory it names (see `gaia_hooks.session.heading`)."""
    try:
        data = files.read(path, 0, HEAD_BYTES)
    except OSError:
        return 0, ""
    return heading.heading(_rows(data))


def _rows(data: bytes) -> "Iterator[object]":
    for line in data.split(b"\n"):
        try:
            yield jsonio.loads(line.decode("utf-8", "replace"))
        except ValueError:
            continue
