"""Counting one session: its new transcript bytes become tallies and, once settled, ARGUS lines.

Hooks, `ingest`, the MCP server and the command line all come through here, under the session's lock.
"""

from gaia_hooks.facts import modules, session_files, snapshot
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens import responses, threads
from gaia_hooks.machine import clock, files
from gaia_hooks.session import bookkeeping, state, state_file, tail
from gaia_hooks.session.made import Made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

HOOK_BYTES = 4 << 20  # what one hook call reads at most; the rest is left to the background ingest
BULK = 1 << 20  # more than a turn adds: the file is another one, or goes on as it began
UNKEPT_BYTES = (
    64 << 20
)  # where nothing can be kept and a limit depends on it: a whole session, again at each event


class Session:
    """One session while its lock is held."""

    def __init__(self, home: str, stored: state.State, policy: "dict[str, Any]", lock: files.Lock) -> None:
        self.home = home
        self.state = stored
        self.policy = policy
        self.logs = policy["logs"] or files.join(home, "logs")
        self.books = bookkeeping.Bookkeeper(home, self.logs, stored, policy, lock.dirty)
        self._lock = lock
        self._known: Made | None = None  # what was found to be whole

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
            mine.module = modules.module_of(mine.cwd, snapshot.roots(self.policy))

    def moved(self, named: str) -> str:
        """Where the transcript lies that an event names: where it was found before, if only that is there."""
        known = self.state.transcript
        return known if known != named and not files.exists(named) and files.exists(known) else named

    def agent(self, agent_id: str, agent_type: str = "", path: str = "") -> state.ThreadState:
        """A subagent's thread, made when new; it is live until `finish_agent`."""
        thread = self.state.threads.get(agent_id)
        if thread is None:
            thread = state.ThreadState(path, _kind(agent_type))
            self.state.threads[agent_id] = thread
        elif path and not thread.place.offset:
            thread.place.path = path
        thread.live = True
        thread.agent_type = thread.agent_type or _kind(agent_type)
        return thread

    def _new_agents(self) -> None:
        """Look where something has changed for subagents that no event told of, or not where their file lies."""
        for agent_id, path in session_files.new_agents(self.state.transcript, self.state.looked):
            known = self.state.threads.get(agent_id)
            if known is None or not known.place.path:
                self.agent(agent_id, session_files.noted(path, "agentType"), path)
            elif files.size_of(known.place.path) < 0:
                known.place.path = path

    def find_agents(self) -> None:
        """Look for finished subagents whose file has grown since."""
        self._new_agents()
        for agent_id, known in self.state.threads.items():
            if agent_id and not known.live and files.size_of(known.place.path) > known.place.offset:
                known.live = True

    def count(self, limit: int = HOOK_BYTES) -> None:
        """Read the new bytes of every live thread, at most `limit` in all."""
        self._new_agents()
        self.state.behind = False
        for thread_id, thread in list(self.state.threads.items()):
            if thread.live and (thread.place.offset or not self.state.behind):
                before = thread.place.offset
                self._count_thread(thread_id, thread, max(limit, 1))
                limit -= max(0, thread.place.offset - before)

    def _count_thread(self, thread_id: str, thread: state.ThreadState, limit: int) -> None:
        made = self._made()
        growth = tail.grow(thread.place, limit)
        data, _, behind = growth
        if data and thread.began is None:
            thread.began = self._copied_until(thread_id, thread.place.path)
            self._note_copies(data)
            if behind:  # rows that are not marked may stand before those that are, however many they are
                for one in tail.copies_behind(thread.place):
                    made.note(one.key, one.request)
        elif len(data) > BULK:
            self._note_copies(data)
        self.state.behind = self.state.behind or behind
        for seen in tail.responses(growth, self.state.aside):
            if thread.began:
                if (clock.parse(seen.timestamp) or 0) < thread.began:
                    continue  # an unmarked copy of the parent's rows; from the first own row on nothing is one
                thread.began = 0
            if seen.session_id not in ("", self.state.session_id):
                continue  # a file that was linked or copied, or that the client took for another: not this session's
            owner, taker = thread_id, thread
            if seen.agent_id not in ("", thread_id):
                owner, taker = seen.agent_id, self._side_thread(seen.agent_id)
            seen.timestamp = seen.timestamp or thread.last
            thread.last = max(thread.last, seen.timestamp)
            if made.identify(seen, taker.thread):
                self._book(owner, taker, taker.thread.add(seen))

    def _note_copies(self, data: bytes) -> None:
        """What is marked as copied from another session is this one's in no row: copies stand where a file begins."""
        if tail.COPY in data:
            for one in tail.copies(data):
                self._made().note(one.key, one.request)

    def _made(self) -> Made:
        """The session's responses so far; where a state has not noted them, or lost its table: read once again."""
        if self._known is not None and self._known is self.state.made:
            return self._known
        if self.state.made is None or not self.state.made.is_whole():
            self.state.made = state.new_made(self.home, self.state.session_id)
            for thread in self.state.threads.values():
                place = tail.Place(thread.place.path)
                growth = tail.grow(place, max(thread.place.offset, 1))
                for seen in tail.responses(growth, {}):
                    self.state.made.note(seen.key, seen.request)
                current = thread.thread.open
                if current is not None:
                    self.state.made.note(current.key, current.request)
                for key in thread.thread.settled:
                    self.state.made.note(key, "")
        self._known = self.state.made
        return self.state.made

    def _copied_until(self, thread_id: str, path: str) -> int:
        """The instant until which a file's rows are a parent session's; 0 where none are.

        The conversation of an older client's fork is older than its file. So is one before which the clock was set
        back; but no other session's file has its responses.
        """
        began, _, first = tail.head(path)
        if thread_id != state.MAIN or not first or first >= began:
            return 0
        return began if tail.copied_from_beside(path, began) else 0

    def _side_thread(self, agent_id: str) -> state.ThreadState:
        """A subagent whose rows stand in another thread's file, as older clients write them; it has no file."""
        side = self.state.threads.get(agent_id)
        if side is None:
            side = self.state.threads[agent_id] = state.ThreadState("")
            side.live = False
        return side

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
        """A subagent has stopped; an event that names none is not the end of the main thread."""
        thread = self.state.threads.get(agent_id)
        if thread is not None and agent_id != state.MAIN:
            self.settle(agent_id)
            thread.retire()

    def _book(self, thread_id: str, thread: state.ThreadState, settled: "list[threads.Settling]") -> None:
        for response, before in settled:
            tally = self.state.tally(thread_id, response.model)
            instant = clock.parse(response.timestamp) or clock.now()
            row = self._row(response, instant)
            cost = pricing.cost_nano(response.usage, row, runs=response.runs)
            whole = None
            if before is None:
                tally.add(response.usage, response.recached, cost, 0 if response.part_of else 1)
                for name in response.odd:
                    self.state.odd[name] = self.state.odd.get(name, 0) + 1
            else:  # what a response costs more now than before it grew: its tier and rounding are those of the whole
                whole = response.usage
                earlier = pricing.cost_nano(before[0], row, runs=before[1])
                cost = None if cost is None or earlier is None else cost - earlier
                response = response.alike(tuple(new - old for new, old in zip(whole, before[0])), 0)
                tally.add(response.usage, 0, cost, None)
            kind = thread.agent_type or response.traits.get("agent_kind", "")
            self.books.owe(response, instant, kind, cost, row, whole)

    def note(self, response: "responses.Response") -> bool:
        """Count a response that no file of the session tells of (the client's telemetry does); False: it was known."""
        main = self.state.threads.get(state.MAIN)
        if main is None or not self._made().identify(response, main.thread):
            return False
        self._book(state.MAIN, main, [(response, None)])
        kept = self.state.beside.get(response.model)
        tally = state.Tally.unpacked(kept) if kept else state.Tally()
        tally.add(response.usage, 0, self.cost(response), 1)
        self.state.beside[response.model] = tally.packed()
        return True

    def growing(self) -> "Iterator[tuple[str, responses.Response, int | None]]":
        """Every open response and part of one: its thread, itself, and its nano-dollars so far (None: unpriced)."""
        for thread_id, thread in self.state.threads.items():
            current = thread.thread.open
            if current is not None:
                for one in (current, *current.parts):
                    yield thread_id, one, self.cost(one)

    def cost(self, response: responses.Response) -> "int | None":
        """Nano-dollars of a response at the snapshot's prices; None when it has none."""
        row = self._row(response, clock.parse(response.timestamp) or clock.now())
        return pricing.cost_nano(response.usage, row, runs=response.runs)

    def _row(self, response: responses.Response, instant: int) -> "list[Any] | None":
        """The price row in force at an instant."""
        return pricing.row_at(self._rows(response.model, response.variant), instant / clock.MICRO)

    def _rows(self, model: str, variant: str) -> "list[Any]":
        """The price rows of a model: those of the snapshot, else of the whole price list."""
        rows = pricing.rows_of(self.policy["prices"], model, variant)
        return self._other_rows(model, variant) if rows is None else rows

    def _other_rows(self, model: str, variant: str) -> "list[Any]":
        """The rows of a family's model; of another only where not the owner's prices alone count."""
        meant = self.policy["families"].get(model.lower().partition("[")[0])
        if meant:
            rows, model = pricing.rows_of(self.policy["prices"], meant, variant), meant
            if rows:
                return rows
        if self.policy["price_source"] == snapshot.OWNERS:
            return []
        known, written = self.state.other_prices, self.policy["written_at"]
        if known.get("") != [written]:
            known.clear()
            known[""] = [written]
        name = model + "#" + variant
        if name not in known:
            known[name] = pricing.listed_rows(self.home, self.policy, model, variant)
        return known[name]

    def reprice(self) -> None:
        """Count anew where a model without a price has got one: what was written stays, its money is made up for."""
        mine = self.state
        if mine.repriced == self.policy["written_at"]:
            return
        missed = {model for models in mine.tallies.values() for model, one in models.items() if one.unpriced}
        if not any(self._rows(one, "") for one in missed):
            return
        mine.repriced = self.policy["written_at"]
        if any(
            not thread.place.path or files.size_of(thread.place.path) < 0 for thread in mine.threads.values()
        ):
            return  # what is gone cannot be counted anew
        for thread in mine.threads.values():
            thread.place, thread.thread = tail.Place(thread.place.path), threads.Thread()
            thread.live, thread.began = True, None
        mine.tallies, mine.odd, mine.aside = {}, {}, {}
        for model, kept in mine.beside.items():
            mine.tallies.setdefault(state.MAIN, {})[model] = state.Tally.unpacked(kept)
        mine.made = state.new_made(self.home, mine.session_id)
        self.books.forget()

    def store(self) -> None:
        """Append what has settled, then save the state; a death in between is noticed by the next holder."""
        self.books.write(self._lock)
        state_file.save(self.home, self.state)
        if self._lock.dirty:
            self._lock.mark(False)


def _kind(told: str) -> str:
    """A subagent's type as facts hold it."""
    if not told:
        return ""
    from gaia_hooks.facts import names

    return names.shown(told, names.FACT_LIMIT)


def opened(home: str, session_id: str, lock: files.Lock, policy: "dict[str, Any] | None" = None) -> Session:
    """The session under a lock that the caller holds (see `lock_of`)."""
    session = Session(home, state_file.load(home, session_id), policy or snapshot.load(home), lock)
    session.reprice()
    return session


def unkept(home: str, session_id: str, lock: files.Lock, policy: "dict[str, Any]") -> Session:
    """A session whose count cannot be kept: what was stored is read where it can be, nothing is written."""
    try:
        stored = state_file.load(home, session_id)
    except (OSError, state.NewerState):
        stored = state.State(session_id)
    session = Session(home, stored, policy, lock)
    session.books = bookkeeping.NoBookkeeper(home, session.logs, stored, policy, False)
    return session


def lock_of(home: str, session_id: str, timeout: float) -> files.Lock:
    """The lock that every reader-writer of a session's state takes."""
    return files.Lock(state.path_of(home, session_id) + ".lock", timeout)
