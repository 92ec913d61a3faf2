"""The responses that a session has made, in whichever thread: what tells a copy from a response.

A forked subagent, a side question and an automatic compaction begin their files with unmarked copies of their parent's
rows. The newest responses stand in the session's state as a text, a line for each (the end of its id, the end of its
request). The older ones stand in a file of their own, a table by hash with open addressing: a look-up reads one place
of it, so that a call costs as much after 100,000 responses as after one.

Only what a stored state knows moves into the table, and the table is written before the state that no longer has it:
killed in between, both have it. A table that lacks what the state believes to be there is made again from the files.
It is never written over: of a table, nobody could tell what a lost power has left of the new and of the old one.
"""

from gaia_hooks.facts.tokens.responses import MADE_BY, is_genuine
from gaia_hooks.machine import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gaia_hooks.facts.tokens.responses import Response
    from gaia_hooks.facts.tokens.threads import Thread

KEY_END, REQUEST_END = 16, 8
IN_STATE = 64  # what a state holds itself; at the next call what is older moves into the table
RECORD = 16  # bytes: hash of the id's end, then the end of the request; the first record is the count of the others
SMALLEST = 1024  # records of a new table; it is never more than half full
AT_ONCE = 16  # records that a look-up reads
WHOLE_BYTES = (
    64 << 10
)  # read in the time of one look-up: the table is read whole once that many look-ups would pay it
_EMPTY = bytes(RECORD)
_PRIME = (1 << 61) - 1


class Made:
    """The responses of one session; `path` is where its table lies, of which `tabled` responses are relied on."""

    __slots__ = ("_asked", "_new", "_table", "_text", "path", "tabled")

    def __init__(self, path: str = "", text: str = "", tabled: int = 0) -> None:
        self.path = path
        self._text = text
        self._new: dict[str, str] = {}
        self._table: bytes | None = None
        self._asked = 0
        self.tabled = tabled

    def is_whole(self) -> bool:
        """Whether the table has what this relies on."""
        if not self.tabled:
            return True
        try:
            return _count(files.read(self.path, 0, RECORD)) >= self.tabled
        except OSError:
            return False

    def identify(self, seen: "Response", thread: "Thread") -> bool:
        """Give a sighting the key of its response; False where another thread made it, or this one long ago."""
        request = _end(seen.request)
        if thread.knows(seen.key):
            own = _end(thread.request_of(seen.key))
            if not request or not own or request == own:
                return True  # one more row of it: the usual case needs no look-up
        short = _short(seen.key)
        known = self._request(short)
        if known and request and known != request:
            if is_genuine(seen.key) and not thread.knows(seen.key):
                return False  # a side question replays its parent's answers under requests of its own
            seen.rename(seen.key + MADE_BY + seen.request)
            short = _short(seen.key)
            known = self._request(short)
        if known is None:
            self._new[short] = request
            return True
        return thread.knows(seen.key)

    def note(self, key: str, request: str) -> None:
        """A response that is known to have been made."""
        self._new.setdefault(_short(key), _end(request))

    def _request(self, short: str) -> "str | None":
        """The end of a response's request; None where no such response was made."""
        found = self._new.get(short)
        if found is not None:
            return found
        at = self._text.find("\n" + short + "\t")
        if at >= 0:
            start = at + len(short) + 2
            return self._text[start : self._text.find("\n", start)]
        return self._tabled(short) if self.tabled else None

    def _tabled(self, short: str) -> "str | None":
        value = _hash(short)
        self._asked += 1
        size = files.size_of(self.path) if self._table is None else 0
        if size > WHOLE_BYTES * self._asked:
            place = RECORD + _slot(value, _capacity(size)) * RECORD
            part = files.read(self.path, place, AT_ONCE * RECORD)
            for start in range(0, len(part), RECORD):
                record = part[start : start + RECORD]
                if record == _EMPTY or record[:8] == value.to_bytes(8, "little"):
                    return None if record == _EMPTY else _request_of(record)
        if self._table is None:
            self._table = files.read(self.path)
        place = _place(self._table, value)
        record = self._table[place : place + RECORD]
        return None if record == _EMPTY else _request_of(record)

    def packed(self) -> "tuple[str, int]":
        """What the state keeps: the text, and how many responses the table has. Raises OSError."""
        if self._text.count("\n") > IN_STATE and self.path:
            self._move(self._text.strip("\n").split("\n"))
            self._text = ""
        if self._new:
            lines = ["%s\t%s\n" % pair for pair in self._new.items()]
            self._text, self._new = (self._text or "\n") + "".join(lines), {}
        return self._text, self.tabled

    def _move(self, lines: "list[str]") -> None:
        """Put what the stored state had into the table."""
        table = bytearray(files.read(self.path)) if self.tabled else bytearray(RECORD * (1 + SMALLEST))
        count = _count(table)
        for line in lines:
            short, _, request = line.rpartition("\t")
            if 2 * (count + 1) > _capacity(len(table)):
                table = _larger(table)
            value = _hash(short)
            place = _place(table, value)
            if table[place : place + RECORD] == _EMPTY:
                table[place : place + RECORD] = _record(value, request)
                count += 1
        table[:8] = count.to_bytes(8, "little")
        files.replace(self.path, bytes(table), durable=False)
        self.tabled, self._table = count, None


def _count(table: "bytes | bytearray") -> int:
    return int.from_bytes(table[:8], "little")


def _capacity(size: int) -> int:
    return max(1, size // RECORD - 1)


def _larger(table: bytearray) -> bytearray:
    made = bytearray(RECORD * (1 + 2 * _capacity(len(table))))
    for start in range(RECORD, len(table), RECORD):
        record = table[start : start + RECORD]
        if record != _EMPTY:
            place = _place(made, int.from_bytes(record[:8], "little"))
            made[place : place + RECORD] = record
    return made


def _place(table: "bytes | bytearray", value: int) -> int:
    """Where in a table a response stands, or would stand."""
    capacity, key = _capacity(len(table)), value.to_bytes(8, "little")
    at = _slot(value, capacity)
    while True:
        place = RECORD + at * RECORD
        if table[place : place + 8] == key or table[place : place + RECORD] == _EMPTY:
            return place
        at = (at + 1) % capacity


def _slot(value: int, capacity: int) -> int:
    """Where a look-up begins: ids that differ in few places must not lie side by side (Fibonacci hashing)."""
    return (value * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) * capacity >> 64


def _record(value: int, request: str) -> bytes:
    return value.to_bytes(8, "little") + request.encode("ascii").ljust(8, b"\0")


def _request_of(record: bytes) -> str:
    return record[8:].rstrip(b"\0").decode("ascii", "replace")


def _short(key: str) -> str:
    return key[-KEY_END:] if is_genuine(key) else key


def _end(request: str) -> str:
    """The end of a request's id as the table holds it."""
    end = request[-REQUEST_END:]
    return (
        end
        if end.isascii() and "\0" not in end
        else end.encode("ascii", "replace").decode().replace("\0", "?")
    )


def _hash(short: str) -> int:
    """The text as a number, modulo the Mersenne prime 2**61 - 1; never 0. Of 100,000 random ids two meet once in 460
    million sessions."""
    return int.from_bytes(short.encode("utf-8", "surrogatepass"), "little") % _PRIME or 1
