"""Lines that are no one JSON document: two records on one line, a cut record before a whole one, zero bytes of a crash.

What is whole in such a line is taken; the rest is said by whoever reads the file.
"""

from gaia_hooks.facts.tokens.responses import ANSWER
from gaia_hooks.machine import jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WITHIN = (b":", b"[", b",", b"\\", b" ")  # before a `{` that stands inside a record
BEGINNINGS = (b'{"parentUuid"', b'{"type":"assistant"', b'{"type":"cost-state"')
TYPE = b'"type":"'
MOST_TRIES = 64
HEAD = 512  # bytes of a line in which a row tells what it is


def is_cut_answer(line: bytes) -> bool:
    """Whether a line without a usage is what is left of an answer's row, or may be: it was cut before it told."""
    start = line[:HEAD]
    if ANSWER not in start and (line.rstrip().endswith(b"}") or not line.strip() or _tells_another(start)):
        return False  # words in somebody's text
    try:
        jsonio.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return True
    return False


def _tells_another(start: bytes) -> bool:
    """Whether the beginning of a row says that it is no answer's: a message within it has a type of its own."""
    named = start.partition(TYPE)[2].partition(b'"')[0]
    return not any(one.startswith(named) for one in (b"assistant", b"message"))


def whole_records(line: bytes) -> "list[dict[str, Any]]":
    """The records that a torn line holds whole, in their order."""
    found: list[dict[str, Any]] = []
    tries, at = 0, line.find(b"{")
    while at >= 0 and tries < MOST_TRIES:
        end = at + 1
        if line[at - 1 : at] not in WITHIN or line.startswith(BEGINNINGS, at):
            tries += 1
            record, length = _record(line[at:])
            if record is not None:
                found.append(record)
                end = at + length
        at = line.find(b"{", end)
    return found


def _record(data: bytes) -> "tuple[dict[str, Any] | None, int]":
    """The record at the beginning of some bytes, and how many it takes."""
    text = data.decode("utf-8", "surrogateescape")  # one character of what is broken for each of its bytes
    try:
        value, end = jsonio.scan(text, 0)
    except ValueError:
        return None, 0
    if type(value) is not dict or type(value.get("type")) is not str:
        return None, 0
    return value, len(text[:end].encode("utf-8", "surrogateescape"))
