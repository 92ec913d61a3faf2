"""What a session owes its module's log and month file: each settled response exactly once, whatever dies in between.

Under the session's lock, in this order: mark the lock dirty, append the lines, note their money, save the state, mark
the lock clean. Whoever finds the lock dirty, a state that knows no log, or one that a lost power may have left, first
looks up what the log holds beyond the state (`gaia_hooks.session.recovery`), completes the month file by it, and writes
only what is missing from the log.
"""

from gaia_hooks.facts.prices import pricing
from gaia_hooks.machine import clock, files
from gaia_hooks.session import argus, months

TYPE_CHECKING = False
if TYPE_CHECKING:
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
        from gaia_hooks.session import recovery

        path = argus.runtime_path(self._logs, self._mine.module)
        since = 0 if self._dirty else self._policy["counted_to"]  # a lost state: what is older was ingested
        written = recovery.look_up(self._mine, path)
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
