"""Foreign names: text of a project, a log or a transcript that is to be shown, or to become part of a path.

`shown` is for every eye: terminal, status line, notification, webhook, log, model. `file_name` is for every path.
Nothing else may put a foreign name into either. A fact holds its names as `shown`, and its ids as `told_apart`.
"""

SHOWN_LIMIT = 120
FACT_LIMIT = 400  # characters of a name or an id of a fact
WORDS = {"unallocated": "no project", "unattributed": "in no message"}
"""What people are told in place of a word of ours; JSON and CSV keep it."""
FILE_LIMIT = 100
KEPT = FILE_LIMIT - 17  # beside the checksum
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [kind + str(n) for kind in ("com", "lpt") for n in range(10)]
)
# What moves, hides or reorders what stands beside it: marks of direction, joiners and other invisible signs, tags.
_UNSEEN_RANGES = ((0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F),
                  (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F))  # fmt: skip


def shown(name: str, limit: int = SHOWN_LIMIT) -> str:
    """A name without control and invisible signs, on one line, cut to `limit` characters; plain names stay."""
    if name.isascii() and name.isprintable() and len(name) <= limit:
        return name
    clean = "".join(_sign(sign) for sign in name[: 4 * limit])
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "\u2026"


def told_apart(name: str, limit: int = FACT_LIMIT) -> str:
    """An id as `shown`; one that this changes gets a checksum, so that two ids that look alike stay two."""
    clean = shown(name, limit)
    return clean if clean == name else "%s_%016x" % (clean[: limit - 17], _checksum(name))


def said(name: str, limit: int = SHOWN_LIMIT) -> str:
    """A name as `shown`, in words that people know."""
    return shown(WORDS.get(name, name), limit)


def called(name: str) -> str:
    """A name inside of a sentence or a command: quoted unless it is one plain word, as a shell takes it.

    So that neither a model takes it for words of ours, nor a shell for a program.
    """
    plain = all(sign.isalnum() or sign in "-_.@:/+" for sign in name)
    return name if plain else "'%s'" % name.replace("'", "'\\''")


def _sign(sign: str) -> str:
    code = ord(sign)
    if sign.isspace():
        return " "
    if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
        return ""
    return "" if any(first <= code <= last for first, last in _UNSEEN_RANGES) else sign


def file_name(name: str) -> str:
    """A name as one part of a path, on every system: plain names stay; others are told apart by a checksum.

    Letters, digits, `-`, `_` and `.` are kept; nothing climbs, hides (`.x`), names a device or grows longer than
    `FILE_LIMIT`. The file name of a file name is itself.
    """
    if _PLAIN.issuperset(name) and 0 < len(name) <= FILE_LIMIT and not _climbs(name) and not _is_device(name):
        return name
    kept = "".join(sign if sign in _PLAIN and sign != "." else "_" for sign in name[:KEPT]).strip("_")
    return "%s_%016x" % (kept or "name", _checksum(name))


def _climbs(name: str) -> bool:
    return name[0] == "." or name[-1] == "." or ".." in name


def _is_device(name: str) -> bool:
    return name.partition(".")[0].lower() in _DEVICES


def _checksum(name: str) -> int:
    """FNV-1a (64 bit) over UTF-8: a digest that needs no import. It tells names apart, it proves nothing."""
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8", "surrogatepass"):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
