"""A module's month while the ledger is not asked: its figure in the snapshot plus what hooks have settled since.

`months/<module>.log` holds one line per settled response: when it was booked, when it was made, nano-dollars.
A line booked after `counted_to` (the instant at which the last ingest began to read) is not yet in the
snapshot's figure, or is in both for a moment: a cap may be reached early by that, never late.
"""

from gaia_hooks import clock, files, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TRIM_BYTES = 64 << 10


def path_of(home: str, module: str) -> str:
    """Where a module's settled money is noted."""
    return files.join(home, "months", module.replace("/", "_") + ".log")


def note(home: str, module: str, entries: "list[tuple[int, int]]") -> None:
    """Note settled responses as (instant made, nano-dollars). Raises OSError."""
    booked = clock.now()
    files.append(
        path_of(home, module), b"".join(b"%d %d %d\n" % (booked, made, nano) for made, nano in entries)
    )


def trim(home: str, module: str, counted_to: int) -> None:
    """Drop lines that the snapshot's figure now holds, once the file is large. Raises OSError."""
    path = path_of(home, module)
    if files.size_of(path) > TRIM_BYTES:
        with files.Lock(path + ".lock", 5.0):
            kept = [
                line for line in files.read(path).split(b"\n") if line and int(line.split()[0]) > counted_to
            ]
            files.replace(path, b"".join(line + b"\n" for line in kept))


class Month:
    """A module's current month in nano-dollars: `total` is everything, `spent` what counts against its cap.

    `lifted` is the part of `limit` that overrides have added.
    """

    __slots__ = ("lifted", "limit", "spent", "total")

    def __init__(self, home: str, module: str, policy: "dict[str, Any]", now: int) -> None:
        entry = snapshot.module_policy(policy, module)
        begins, ends = policy["month"]
        current = begins <= now < ends  # a snapshot of an old month knows nothing of this one
        added = _added(home, module, policy["counted_to"], begins if current else ends)
        counts = entry.get("counts_claude_code") and policy["billing"] != "plan"
        self.total: int = (entry.get("total_nano", 0) if current else 0) + added
        self.spent: int = (entry.get("spent_nano", 0) if current else 0) + (added if counts else 0)
        self.lifted: int = sum(nano for until, nano in policy["lifts"].get(module, ()) if until > now)
        limit = entry.get("limit_nano")
        self.limit: int | None = None if limit is None else limit + self.lifted


def _added(home: str, module: str, counted_to: int, begins: int) -> int:
    try:
        data = files.read(path_of(home, module))
    except OSError:
        return 0
    total = 0
    for line in data.split(b"\n"):
        parts = line.split()
        if len(parts) == 3 and int(parts[0]) > counted_to and int(parts[1]) >= begins:
            total += int(parts[2])
    return total
