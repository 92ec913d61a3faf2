"""Counting one session: its new transcript bytes become tallies and, once settled, ARGUS lines.

Hooks, `ingest`, the MCP server and the command line all come through here, under the session's lock.
"""

from gaia_hooks.facts import modules, pricing, snapshot, usage
from gaia_hooks.machine import clock, files, jsonio
from gaia_hooks.session import bookkeeping, state, tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOOK_BYTES = 4 << 20  # what one hook call reads at most; the rest is left to the background ingest
SLICE_BYTES = 32 << 20  # what the core reads while it holds a session's lock
IDLE_MICROS = 600 * clock.MICRO  # a thread this long silent has settled, whatever was not reported
TRANSCRIPT_END = ".jsonl"


class Session:
    """One session while its lock is held."""

    def __init__(self, home: str, stored: state.State, policy: "dict[str, Any]", lock: files.Lock) -> None:
        self.home = home
        self.state = stored
        self.policy = policy
        self.logs = policy["logs"] or files.join(home, "logs")
        self.books = bookkeeping.Books(home, self.logs, stored, policy, lock.dirty)
        self._lock = lock

    def watch(self, transcript: str, cwd: str) -> None:
        """Note where the session's transcript lies now; its module is fixed when it is first seen."""
        mine = self.state
        if transcript and transcript != mine.transcript:
            mine.transcript = transcript
            main = mine.threads.get(state.MAIN)
            if main is None:
                mine.threads[state.MAIN] = state.ThreadState(transcript)
            else:
                main.place.path = transcript
        if not mine.module:
            mine.cwd = tail.head(transcript)[1] or cwd
            mine.module = modules.module_of(mine.cwd, self.policy["roots"])

    def agent(self, agent_id: str, agent_type: str = "", path: str = "") -> state.ThreadState:
        """A subagent's thread, made when new; it is live until `finish_agent`."""
        thread = self.state.threads.get(agent_id)
        if thread is None:
            thread = state.ThreadState(path or self._agent_path(agent_id), agent_type)
            self.state.threads[agent_id] = thread
        thread.live = True
        thread.agent_type = thread.agent_type or agent_type
        return thread

    def _agents_folder(self) -> str:
        return files.join(self.state.transcript[: -len(TRANSCRIPT_END)], "subagents")

    def _agent_path(self, agent_id: str) -> str:
        return files.join(self._agents_folder(), "agent-" + agent_id + TRANSCRIPT_END)

    def find_agents(self) -> None:
        """Look for subagents that no event told of, and for finished ones whose file has grown since."""
        for name in files.names_in(self._agents_folder()):
            if name.startswith("agent-") and name.endswith(TRANSCRIPT_END):
                agent_id = name[len("agent-") : -len(TRANSCRIPT_END)]
                known = self.state.threads.get(agent_id)
                if known is None:
                    self.agent(agent_id, self._noted_type(agent_id))
                elif not known.live and files.size_of(known.place.path) > known.place.offset:
                    known.live = True

    def _noted_type(self, agent_id: str) -> str:
        """The type of a subagent in the note that Claude Code keeps beside its transcript."""
        try:
            note = jsonio.loads(files.read(self._agent_path(agent_id)[: -len(TRANSCRIPT_END)] + ".meta.json"))
        except (OSError, ValueError):
            return ""
        kind = note.get("agentType") if type(note) is dict else None
        return kind if type(kind) is str else ""

    def count(self, limit: int = HOOK_BYTES) -> None:
        """Read the new bytes of every live thread, at most `limit` in all."""
        self.state.behind = False
        for thread_id, thread in list(self.state.threads.items()):
            if thread.live:
                before = thread.place.offset
                self._count_thread(thread_id, thread, max(limit, 1))
                limit -= max(0, thread.place.offset - before)

    def _count_thread(self, thread_id: str, thread: state.ThreadState, limit: int) -> None:
        growth = tail.grow(thread.place, limit)
        if growth.data and thread.began is None:
            thread.began = tail.head(thread.place.path)[0]
        self.state.behind = self.state.behind or growth.behind
        thread.rewound = thread.rewound or growth.rewound
        for seen in tail.responses(growth):
            if thread.rewound:
                if self._is_copy(thread, seen):
                    continue
                thread.rewound = False
            if thread.began:
                if (clock.parse(seen.timestamp) or 0) < thread.began:
                    continue  # an unmarked copy of the parent's rows; from the first own row on nothing is one
                thread.began = 0
            thread.last = max(thread.last, seen.timestamp)
            if seen.agent_id in ("", thread_id):
                self._book(thread_id, thread, thread.thread.add(seen))
            else:
                side = self._side_thread(seen.agent_id)
                self._book(seen.agent_id, side, side.thread.add(seen))

    def _side_thread(self, agent_id: str) -> state.ThreadState:
        """A subagent whose rows stand in another thread's file, as older clients write them; it has no file."""
        side = self.state.threads.get(agent_id)
        if side is None:
            side = self.state.threads[agent_id] = state.ThreadState("")
            side.live = False
        return side

    @staticmethod
    def _is_copy(thread: state.ThreadState, seen: usage.Response) -> bool:
        """Whether a row of a file that took the place of ours was counted already: not newer, and not known."""
        known = thread.thread.open is not None and thread.thread.open.key == seen.key
        return not known and seen.key not in thread.thread.settled and seen.timestamp <= thread.last

    def settle(self, thread_id: str) -> None:
        """Close the open response of a thread: its turn, the subagent or the session has ended."""
        thread = self.state.threads.get(thread_id)
        if thread is not None:
            self._book(thread_id, thread, thread.thread.settle())

    def settle_all(self) -> None:
        """Close every open response; finished subagents are no longer looked at."""
        for thread_id, thread in self.state.threads.items():
            self.settle(thread_id)
            if thread_id != state.MAIN:
                thread.retire()

    def finish_agent(self, agent_id: str) -> None:
        """A subagent has stopped."""
        thread = self.state.threads.get(agent_id)
        if thread is not None:
            self.settle(agent_id)
            thread.retire()

    def _book(
        self, thread_id: str, thread: state.ThreadState, settled: "list[tuple[usage.Response, bool]]"
    ) -> None:
        for response, is_correction in settled:
            tally = self.state.tally(thread_id, response.model)
            instant = clock.parse(response.timestamp) or 0
            row = self._row(response, instant)
            if is_correction:
                whole = thread.thread.settled[response.key]
                cost = _grown_cost(response.usage, whole, row)
                tally.add(response.usage, 0, cost, 0)
            else:
                whole, cost = None, pricing.cost_nano(response.usage, row)
                tally.add(response.usage, response.recached, cost, 1)
            self.books.owe(response, instant, thread.agent_type, cost, row, whole)

    def cost(self, response: usage.Response) -> "int | None":
        """Nano-dollars of a response at the snapshot's prices; None when it has none."""
        return pricing.cost_nano(response.usage, self._row(response, clock.parse(response.timestamp) or 0))

    def _row(self, response: usage.Response, instant: int) -> "list[Any] | None":
        """The price row in force at an instant; none where a row does not tell its instant."""
        if not instant:
            return None
        rows = pricing.rows_of(self.policy["prices"], response.model, response.variant)
        return pricing.row_at(rows, instant / clock.MICRO)

    def store(self) -> None:
        """Append what has settled, then save the state; a death in between is noticed by the next holder."""
        self.books.write(self._lock)
        state.save(self.home, self.state)
        if self._lock.dirty:
            self._lock.mark(False)


def _grown_cost(growth: "tuple[int, ...]", whole: "tuple[int, ...]", row: "list[Any] | None") -> "int | None":
    """What a response costs more now than before it grew: its tier and rounding are those of the whole."""
    cost = pricing.cost_nano(whole, row)
    before = pricing.cost_nano(tuple(new - old for new, old in zip(whole, growth)), row)
    return None if cost is None or before is None else cost - before


def opened(home: str, session_id: str, lock: files.Lock, policy: "dict[str, Any] | None" = None) -> Session:
    """The session under a lock that the caller holds (see `lock_of`)."""
    return Session(home, state.load(home, session_id), policy or snapshot.load(home), lock)


def lock_of(home: str, session_id: str, timeout: float) -> files.Lock:
    """The lock that every reader-writer of a session's state takes."""
    return files.Lock(state.path_of(home, session_id) + ".lock", timeout)


def watched(home: str) -> "list[str]":
    """The sessions that hooks have seen."""
    names = files.names_in(state.folder(home))
    return [name[: -len(".json")] for name in names if name.endswith(".json")]


def catch_up(home: str, session_id: str, final: bool = False, timeout: float = 10.0) -> state.State:
    """Count all that a watched session's files hold and write the lines still missing, each exactly once.

    Open responses are settled when the turn or session has ended, when nothing was written for ten minutes,
    or when `final`. The lock is let go between slices, so that no hook waits long. Raises OSError,
    LockTimeout, and NewerState.
    """
    while True:
        with lock_of(home, session_id, timeout) as lock:
            session = opened(home, session_id, lock)
            mine = session.state
            if mine.fresh:
                return mine
            session.find_agents()
            session.count(SLICE_BYTES)
            if not mine.behind:
                if final or mine.ended:
                    session.settle_all()
                else:
                    _settle_silent(session)
            session.store()
            if not mine.behind:
                return mine


def _settle_silent(session: Session) -> None:
    limit = clock.now() - IDLE_MICROS
    for thread_id, thread in session.state.threads.items():
        silent = (clock.parse(thread.last) or 0) < limit
        if silent or (thread_id == state.MAIN and session.state.turn_ended) or not thread.live:
            session.settle(thread_id)


def read(home: str, session_id: str) -> "state.State | None":
    """A watched session's state as it was last stored, without waiting for anyone; None when there is none."""
    found = state.load(home, session_id)
    return None if found.fresh else found


def set_type(home: str, session_id: str, session_type: str, chosen_by: str, timeout: float = 5.0) -> None:
    """Set a session's type; the user's word wins and may change at any time. Raises OSError, LockTimeout."""
    with lock_of(home, session_id, timeout) as lock:
        session = opened(home, session_id, lock)
        session.state.type, session.state.chosen_by = session_type, chosen_by
        session.state.told = [word for word in session.state.told if not word.isdigit()]
        session.store()
