"""A session's state: what has been counted, told and written so far, and its form as JSON (see `state_file`).

It belongs to the session and its threads, never to a path: a worktree moves the transcript. It can be lost:
everything in it but the answers already given is counted again from the transcript.
"""

from gaia_hooks.facts.tokens import responses, threads, usage
from gaia_hooks.machine import files
from gaia_hooks.session import tail
from gaia_hooks.session.made import Made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCHEMA = 3
UNCOUNTED = "uncounted"  # told: a turn ended without a transcript
MAIN = ""  # the id of the main thread
RETIRED_RESPONSES = 2
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class NewerState(Exception):
    """The state was written by a newer version: it is left as it is."""


def is_session_id(value: object) -> bool:
    """Whether a payload's session id is fit to name a file."""
    return type(value) is str and 0 < len(value) <= 128 and _SAFE.issuperset(value)


def folder(home: str) -> str:
    """Where the sessions' states lie."""
    return files.join(home, "sessions")


def path_of(home: str, session_id: str) -> str:
    """Where the state of one session lies."""
    return files.join(folder(home), session_id + ".json")


class ThreadState:
    """One thread of a session: where reading stopped, what is open, and whether it still runs."""

    __slots__ = ("agent_type", "began", "last", "live", "place", "thread")

    def __init__(self, path: str, agent_type: str = "") -> None:
        self.place = tail.Place(path)
        self.thread = threads.Thread()
        self.agent_type = agent_type
        self.last = ""  # the newest timestamp seen
        self.live = True
        self.began: int | None = None  # when the file began, until its first own row was read

    def retire(self) -> None:
        """The subagent has finished: only its last responses can still grow, so the others need no memory."""
        self.live = False
        settled = self.thread.settled
        for key in list(settled)[:-RETIRED_RESPONSES]:
            del settled[key]

    def packed(self) -> "list[Any]":
        """As JSON values."""
        place = self.place
        return [
            [place.path, place.offset, place.inode, place.mark],
            packed_thread(self.thread),
            [self.agent_type, self.last, self.live, self.began],
        ]

    @classmethod
    def unpacked(cls, value: "list[Any]") -> "ThreadState":
        """The reverse of `packed`; raises ValueError or TypeError on foreign values."""
        (path, offset, inode, mark), thread, (
            agent_type, last, live, *_, began) = value  # fmt: skip
        made = cls(path, agent_type)
        made.place = tail.Place(path, offset, inode, mark)
        made.thread = thread_of(*thread)
        made.last, made.live, made.began = last, live, began
        return made


def packed_thread(thread: threads.Thread) -> "list[Any]":
    """A thread as JSON values."""
    current = thread.open
    return [thread.prompt, None if current is None else pack(current), thread.settled, thread.held]


def thread_of(
    prompt: int, current: "list[Any] | None", settled: "dict[str, Any]", *held: int
) -> threads.Thread:
    """A thread from JSON values; the first form knew neither what was held nor runs."""
    known = {key: _figures(value) for key, value in settled.items()}
    left = held[0] if held else usage.held_tokens(list(known.values())[-1][0]) if known else prompt
    return threads.Thread(prompt, left, None if current is None else unpack(current), known)


def _figures(value: "list[Any]") -> "threads.Settled":
    if value and type(value[0]) is int:
        return tuple(value), (), ""
    counts, runs, request = value
    return tuple(counts), tuple(map(tuple, runs)), request


def pack(response: responses.Response) -> "list[Any]":
    """A response as JSON values."""
    return [
        response.key,
        response.model,
        list(response.usage),
        response.timestamp,
        response.session_id,
        response.agent_id,
        response.branch,
        response.variant,
        response.recached,
        response.runs,
        [pack(part) for part in response.parts],
        response.part_of,
        response.request,
        response.traits,
        response.odd,
    ]


PACKED_AT_FIRST = 9  # values of a response's first form


def unpack(value: "list[Any]") -> responses.Response:
    """The reverse of `pack`; what the first form did not have is empty."""
    key, model, counts, *rest = value[:PACKED_AT_FIRST]
    made = responses.Response(key, model, tuple(counts), *rest)
    if len(value) > PACKED_AT_FIRST:
        runs, parts, made.part_of, made.request, made.traits, odd = value[PACKED_AT_FIRST:]
        made.runs, made.odd = tuple(map(tuple, runs)), tuple(odd)
        made.parts = tuple(unpack(part) for part in parts)
    return made


class Tally:
    """What settled responses of one thread and model add up to."""

    __slots__ = ("cost_nano", "recached", "responses", "unpriced", "usage")

    def __init__(
        self,
        counts: "tuple[int, ...]" = usage.NOTHING,
        recached: int = 0,
        cost_nano: int = 0,
        unpriced: int = 0,
        responses: int = 0,
    ) -> None:
        self.usage = counts
        self.recached = recached
        self.cost_nano = cost_nano
        self.unpriced = unpriced
        self.responses = responses

    def add(
        self, counts: "tuple[int, ...]", recached: int, cost_nano: "int | None", responses: "int | None"
    ) -> None:
        """Take in one response, a part of one (`responses` 0), or what one has grown by (None)."""
        self.usage = usage.added(self.usage, counts)
        self.recached += recached
        self.responses += responses or 0
        if cost_nano is not None:
            self.cost_nano += cost_nano
        elif responses is not None:
            self.unpriced += 1

    def packed(self) -> "list[Any]":
        """As JSON values."""
        return [list(self.usage), self.recached, self.cost_nano, self.unpriced, self.responses]

    @classmethod
    def unpacked(cls, value: "list[Any]") -> "Tally":
        """The reverse of `packed`."""
        counts, recached, cost_nano, unpriced, responses = value
        return cls(tuple(counts), recached, cost_nano, unpriced, responses)


class State:
    """Everything that is remembered of one session."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.type = ""
        self.chosen_by = ""
        self.module = ""
        self.cwd = ""
        self.transcript = ""
        self.fresh = True  # nothing was stored for this session yet
        self.outdated = (
            False  # the log may hold more than it knows: a lost power has left an older one, or may have
        )
        self.turn_ended = False
        self.ended = False
        self.behind = False  # more than one call's share was left to read: figures are "at least"
        self.told: list[str] = []  # what has been said once
        self.calls: list[str] = []  # tool calls already written
        self.results: dict[str, int] = {}  # characters that each tool has returned to the main thread
        self.log_place: list[Any] = ["", 0, 0]  # the log, its size and identity, when this was last complete
        self.ahead: dict[str, list[int]] = {}  # what the log holds of a response that is not settled here yet
        self.client_nano = 0  # the client's own running total, from the status line
        self.shown: dict[str, Any] = {}  # what only the status line sees (see `plan.shown`)
        self.took: list[int] = [0, 0]  # tool calls that waited for us, and the microseconds we worked then
        self.reserved: dict[str, list[Any]] = {}  # by tool_use_id: [tokens, agent id once it runs, since]
        self.denied: list[int] = [0, -1]  # rounds of denials in this turn, and the responses seen at the last
        self.changed: list[str] = []  # files that this session changes; kept here alone
        self.odd: dict[str, int] = {}  # what of usages is not understood, by name: figures are "at least"
        self.aside: dict[str, int] = {}  # rows whose figures could not be read, by reason
        self.other_prices: dict[
            str, list[Any]
        ] = {}  # rows of models that the snapshot written then did not hold
        self.repriced = 0  # the snapshot by which responses without a price were last counted anew
        self.looked: dict[str, int] = {}  # when each folder of subagents was changed, as last looked at
        self.beside: dict[
            str, list[Any]
        ] = {}  # model → tally (as JSON values) of what no file of the session tells
        self.made: Made | None = Made()  # None: an older version did not note it
        self.threads: dict[str, ThreadState] = {}
        self.tallies: dict[str, dict[str, Tally]] = {}  # thread → model → tally

    @property
    def uncertain(self) -> bool:
        """Whether the figures are "at least": not all is read, or something in it is not understood."""
        return self.behind or bool(self.odd or self.aside)

    PLAIN = ("type", "chosen_by", "module", "cwd", "transcript", "turn_ended", "ended", "behind", "told",
             "shown", "took", "calls", "results", "log_place", "ahead", "client_nano", "reserved", "denied",
             "changed")  # fmt: skip
    SINCE_2 = ("odd", "aside", "looked", "other_prices", "repriced")

    def tally(self, thread_id: str, model: str) -> Tally:
        """The tally of a thread and model, made when new."""
        models = self.tallies.setdefault(thread_id, {})
        found = models.get(model)
        if found is None:
            found = models[model] = Tally()
        return found

    def packed(self) -> "dict[str, Any]":
        """As JSON values."""
        stored: dict[str, Any] = {name: getattr(self, name) for name in (*self.PLAIN, *self.SINCE_2)}
        stored["made"] = None if self.made is None else self.made.packed()
        stored["beside"] = self.beside
        stored["schema"] = SCHEMA
        stored["session"] = self.session_id
        stored["threads"] = {name: thread.packed() for name, thread in self.threads.items()}
        stored["tallies"] = {
            name: {model: tally.packed() for model, tally in models.items()}
            for name, models in self.tallies.items()
        }
        return stored


def new_made(home: str, session_id: str, text: str = "", tabled: int = 0) -> Made:
    """The responses of a session, none where no text and no count of its table are given."""
    return Made(files.join(folder(home), "made", session_id), text, tabled)
