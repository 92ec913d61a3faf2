"""What a session owes its module's log and month file: each settled response exactly once, whatever dies in between.

Under the session's lock, in this order: mark the lock dirty, append the lines, note their money, save the state, mark
the lock clean. Whoever finds the lock dirty, a state that knows no log, or one that a lost power may have left, first
looks up what the log holds beyond the state, completes the month file by it, and writes only what is missing from the
log.
"""

from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens import usage
from gaia_hooks.machine import clock, files, jsonio
from gaia_hooks.session import argus, months

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from gaia_hooks.facts.tokens import responses
    from gaia_hooks.session import state


class Bookkeeper:
    """The lines and the money that one holder of a session's lock has to write."""

    def __init__(
        self, home: str, logs: str, mine: "state.State", policy: "dict[str, Any]", dirty: bool
    ) -> None:
        self._home = home
        self._logs = logs
        self._mine = mine
        self._policy = policy
        self._dirty = dirty
        self._suspect = dirty or mine.outdated or not mine.log_place[0]
        self._lines: list[bytes] = []
        self.money: list[
            tuple[str, int, int]
        ] = []  # settled and still to be noted: event id, instant, nano-dollars

    def owe(
        self,
        response: "responses.Response",
        made: int,
        agent_type: str,
        cost: "int | None",
        row: "list[Any] | None",
        whole: "tuple[int, ...] | None",
    ) -> None:
        """A response has settled that was made at the instant `made`, at a cost by a price row.

        `whole` is its usage so far where `response` is only what it has grown by.
        """
        if (
            made < self._policy["installed_at"] <= clock.now()
        ):  # a clock that was ahead then holds nothing back
            return  # history: it goes to the ledger, not into the logs
        self.recover()
        key = response.key
        ahead = self._mine.ahead.pop(key, None)
        if ahead is not None:
            rest = [new - old for new, old in zip([*response.usage, response.recached, cost or 0], ahead)]
            if not any(tokens > 0 for tokens in rest[:-2]):
                if any(tokens < 0 for tokens in rest[:-2]):
                    self._mine.ahead[key] = [-figure for figure in rest]
                return  # the log holds all of it
            whole = whole or response.usage
            response = response.alike(tuple(max(0, tokens) for tokens in rest[:-2]), max(0, rest[-2]))
            cost = None if cost is None else rest[-1]
        if cost and made > self._policy["taken"].get(self._mine.session_id, 0):
            self.money.append((argus.event_id(key, whole), made, cost))
        self._lines.append(
            argus.runtime_line(
                response, module=self._mine.module, cost_nano=cost,
                agent_type=agent_type if response.agent_id else "main",
                price_source=pricing.source_of(row, self._policy["price_source"]),
                billing=self._policy["billing"], ts=made, whole=whole, apart=self._policy["development_component"])
        )  # fmt: skip

    def recover(self) -> None:
        """Learn what a writer that died, or whose state was lost, had written for this session. Raises OSError."""
        if not self._suspect:
            return
        self._suspect = False
        path = argus.runtime_path(self._logs, self._mine.module)
        since = 0 if self._dirty else self._policy["counted_to"]  # a lost state: what is older was ingested
        written = _look_up(self._mine, path)
        self.money += months.missing(self._home, self._mine.module, written, since)

    def forget(self) -> None:
        """The session is counted anew: the log tells what was written of it."""
        self._mine.log_place, self._mine.ahead = ["", 0, 0], {}
        self._suspect = True

    def begin(self) -> None:
        """The session has only begun: no log holds anything of it."""
        if self._dirty or self._mine.log_place[0]:
            return
        path = argus.runtime_path(self._logs, self._mine.module)
        self._mine.log_place = [path, *files.size_and_identity(path)]
        self._suspect = False

    def write(self, lock: files.Lock) -> None:
        """Append what is owed; the lock is dirty from the first change on. Raises OSError."""
        if lock.dirty or self._mine.outdated:
            self.recover()  # the state that is saved next will be called clean
        if self._lines or self.money:
            lock.mark(True)
        if self._lines:
            path = argus.runtime_path(self._logs, self._mine.module)
            self._mine.log_place = [path, *files.append(path, b"".join(self._lines))]
        if self.money:
            months.note(self._home, self._mine.module, self.money, self._policy["counted_to"])
        self._lines, self.money = [], []


class NoBookkeeper(Bookkeeper):
    """Where nothing can be written: nothing is owed, and nothing is looked up."""

    def owe(self, *_: object) -> None:
        """Nothing: who counts next owes it again."""

    def recover(self) -> None:
        """Nothing: no state is called clean."""

    def begin(self) -> None:
        """Nothing: no log is noted."""

    def write(self, lock: files.Lock) -> None:
        """Nothing."""


def _look_up(mine: "state.State", path: str) -> "list[tuple[str, int, int]]":
    """Add to `mine.ahead` what stands in the log after the state's place in it, and move the place to its end.

    After a writer died, or after the state was lost. The log may have been rotated since (`<log>.1` is the one before),
    and lines may go to another folder by now. Returns each line found as (event id, instant made, nano-dollars). Raises
    OSError.
    """
    for log in {mine.log_place[0], path}:
        if files.size_of(log) > 0:
            files.mend(log)
    with files.Lock(path + ".lock", 5.0):  # nobody rotates it meanwhile
        return _looked_up(mine, path)


def _looked_up(mine: "state.State", path: str) -> "list[tuple[str, int, int]]":
    figured, written = (*usage.FIELDS, "recached_tokens", "cost_nano_usd"), []
    known, offset, identity = mine.log_place
    parts = _since(known, offset, identity) if known else []
    if known != path:
        parts += [(part, 0) for part in _rotated(path)]
    for part, start in parts:
        for row in _rows(part, start, mine.session_id):
            key = str(row.get("corrects") or row.get("event_id"))
            figures = [_count(row.get(name)) for name in figured]
            written.append((str(row.get("event_id")), clock.parse(str(row.get("ts"))) or 0, figures[-1]))
            mine.ahead[key] = [a + b for a, b in zip(mine.ahead.get(key) or [0] * len(figured), figures)]
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
