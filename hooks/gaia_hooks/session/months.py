"""A module's month while the ledger is not asked: its figure in the snapshot plus what hooks have settled since.

`months/<module>.log` holds one line per settled response: when it was booked, when it was made, nano-dollars, and
the id of its event, by which a hook that comes after one that was killed knows what is noted already.
A line booked after `counted_to` (the instant at which the last ingest began to read) is not yet in the
snapshot's figure, or is in both for a moment: a cap may be reached early by that, never late.
"""

from gaia_hooks.facts import names, snapshot
from gaia_hooks.facts.prices import billing
from gaia_hooks.machine import clock, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from gaia_hooks.session import counting

TRIM_BYTES = 64 << 10
APP = b"app:"
"""Before the id of an app's call: its money counts against the cap in any case."""


def path_of(home: str, module: str) -> str:
    """Where a module's settled money is noted."""
    return files.join(home, "months", names.file_name(module) + ".log")


def note(home: str, module: str, entries: "list[tuple[str, int, int]]", counted_to: int = 0) -> None:
    """Note settled responses as (event id, instant made, nano-dollars). Raises OSError.

    They are booked after `counted_to` even where the clock has gone back since: no cap is reached late.
    """
    booked = max(clock.now(), counted_to + 1)
    lines = [b"%d %d %d %s\n" % (booked, made, nano, _word(event_id)) for event_id, made, nano in entries]
    files.append(path_of(home, module), b"".join(lines))


def _word(event_id: str) -> bytes:
    return b"".join(event_id.encode("ascii", "backslashreplace").split()) or b"-"


def missing(
    home: str, module: str, entries: "list[tuple[str, int, int]]", since: int
) -> "list[tuple[str, int, int]]":
    """Those entries, made after `since`, whose event is not noted; a torn line is cut off first. Raises OSError."""
    path = path_of(home, module)
    noted: set[bytes] = set()
    if files.size_of(path) > 0:
        files.mend(path)
        noted = {event_id for _, _, _, event_id in _entries(files.read(path))}
    return [entry for entry in entries if entry[2] and entry[1] > since and _word(entry[0]) not in noted]


def _entries(data: bytes) -> "Iterator[tuple[int, int, int, bytes]]":
    """The whole lines of the file; what is torn, or none of ours, is no money."""
    for line in data.split(b"\n"):
        try:
            booked, made, nano, event_id = line.split()
            yield int(booked), int(made), int(nano), event_id
        except ValueError:
            continue


def trim(home: str, module: str, counted_to: int) -> None:
    """Drop lines that the snapshot's figure now holds, once the file is large or the clock went back.

    Raises OSError.
    """
    path, now = path_of(home, module), clock.now()
    if files.size_of(path) <= 0:
        return
    with files.Lock(path + ".lock", 5.0):
        entries = list(_entries(files.read(path)))
        kept = [entry for entry in entries if counted_to < entry[0] <= now]
        if files.size_of(path) > TRIM_BYTES or any(entry[0] > now for entry in entries):
            files.replace(path, b"".join(b"%d %d %d %s\n" % entry for entry in kept))


class MonthFile:
    """A module's current month in nano-dollars: `total` is everything, `spent` what counts against its cap.

    `growing` are answers that are not noted yet, as (event id, instant made, nano-dollars so far). `lifted` is the part
    of `limit` that overrides have added. `counts` says whether Claude Code's spend counts. `begins_on` and `resets_on`
    are the first days of this month and of the next, as the ledger has them; empty where no ingest has told them.
    """

    __slots__ = ("begins_on", "counts", "lifted", "limit", "resets_on", "spent", "total")

    def __init__(
        self,
        home: str,
        module: str,
        policy: "dict[str, Any]",
        now: int,
        growing: "Iterable[tuple[str, int, int]]" = (),
    ) -> None:
        entry = snapshot.module_policy(policy, module)
        begins, ends = policy["month"]
        current = begins <= now < ends  # a snapshot of an old month knows nothing of this one
        begins = begins if current else ends
        added, by_apps = _added(home, module, policy, begins)
        for key, made, nano in growing:
            if made >= begins:
                added += nano - policy["ahead"].get(key, 0)
        days: list[str] = policy["month_days"]
        self.begins_on, self.resets_on = days[:2] if current else days[1:]
        counts = billing.counts(billing.CLAUDE_CODE, policy["billing"], entry.get("counts_claude_code"))
        self.counts: bool = counts
        self.total: int = (entry.get("total_nano", 0) if current else 0) + added + by_apps
        self.spent: int = (entry.get("spent_nano", 0) if current else 0) + (added if counts else 0) + by_apps
        self.lifted: int = sum(nano for until, nano in policy["lifts"].get(module, ()) if until > now)
        limit = entry.get("limit_nano")
        self.limit: int | None = None if limit is None else limit + self.lifted


def of_session(session: "counting.Session", now: int) -> MonthFile:
    """The month of a session's module, with what the session has still to note and its open answers cost so far."""
    mine, policy = session.state, session.policy
    installed = policy["installed_at"]
    since = max(policy["taken"].get(mine.session_id, 0) + 1, installed if installed <= now else 0)
    growing = list(session.books.money)
    for _, response, cost in session.growing():
        made = clock.parse(response.timestamp) or 0
        if cost and made >= since and response.key not in mine.ahead:
            growing.append((response.key, made, cost))
    return MonthFile(session.home, mine.module, policy, now, growing)


def _added(home: str, module: str, policy: "dict[str, Any]", begins: int) -> "tuple[int, int]":
    """What Claude Code and what apps have spent since the snapshot was made."""
    try:
        data = files.read(path_of(home, module))
    except OSError:
        return 0, 0
    sums, counted_to, ahead = [0, 0], policy["counted_to"], policy.get("ahead") or {}
    for booked, made, nano, event_id in _entries(data):
        if booked > counted_to and made >= begins:
            known = ahead.get(event_id.decode("ascii", "replace"), 0) if ahead else 0
            sums[event_id.startswith(APP)] += nano - known
    return sums[0], sums[1]
