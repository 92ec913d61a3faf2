"""Counting one transcript file from where the last reading stopped.

The counting itself is `gaia_hooks.facts.tokens.usage`, the one definition that the hooks use as well.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.transcripts.heading import heading
from gaia_budget.transcripts.lines import TOO_LONG, Hits, line_number
from gaia_budget.transcripts.position import Position, position
from gaia_budget.transcripts.rows import decode, decode_cost_state, nano
from gaia_hooks.facts import names
from gaia_hooks.facts.tokens import torn
from gaia_hooks.facts.tokens.responses import ANSWER, Response, copied, response_of
from gaia_hooks.facts.tokens.threads import Thread, identified
from gaia_hooks.machine import clock
from gaia_hooks.session import state, tail

if TYPE_CHECKING:
    import io

    from gaia_budget.transcripts.discovery import Transcript

CLIENT_TOTAL = b'"totalCostUSD"'  # what every `cost-state` row has, and the longer needle is found faster
MAIN = state.MAIN
MOST_USD = 10**6  # of one session
SET_BACK = 60 * clock.MICRO  # parallel rows are milliseconds out of order
LAST_MS = 7_258_118_400_000  # the year 2200


class Skip(NamedTuple):
    """A line (or, with line 0, a whole file) that could not be taken in, and why."""

    file: str
    line: int
    reason: str


class ClientTotal(msgspec.Struct, array_like=True):
    """One `cost-state` row: the client's own cumulative tokens by model, and what they cover.

    They cover responses from `since` (0: from `started`) until before `until` (0: to the end so far); the row was
    written after `after`. `since` is earlier than the total's own beginning where the clock was set back after it.
    All instants are microseconds since the epoch, `nano` is the client's dollars: they only order totals.
    """

    started: int
    after: int
    until: int
    nano: int
    models: dict[str, tuple[int, ...]] = {}
    since: int = 0


class ReadingPosition(msgspec.Struct, array_like=True):
    """How far a file has been read, how to notice that it is not that file any more, and what goes on with it."""

    position: Position = Position()
    began: int = 0
    last: str = ""  # instant of the newest response, as written
    payer: str = ""  # the session that the last marked copy was copied from
    copied: int = 0  # and that copy's instant
    threads: msgspec.Raw = msgspec.Raw(b"{}")  # decoded only for a file that has grown
    totals: list[ClientTotal] = []
    turns: list[
        tuple[int, int]
    ] = []  # where the clock was set back: the latest instant until then, the next one


_Threads = dict[str, list[Any]]
_decode_threads = msgspec.json.Decoder(_Threads).decode
_encode = msgspec.json.Encoder().encode


class Reading(NamedTuple):
    """What a file told: each response with its full usage so far, and where to go on."""

    responses: list[Response]
    skipped: list[Skip]
    bookmark: ReadingPosition
    bytes_read: int


def read(transcript: Transcript, known: ReadingPosition) -> Reading:
    """Count what a transcript has grown by; a file that is new, truncated or replaced is read from its beginning.

    For a new file the bookmark says only when the file `began` (see `heading`). Raises OSError.
    """
    with open(transcript.path, "rb", buffering=0) as file:  # noqa: PTH123 (as plain as the path is)
        status = os.fstat(file.fileno())
        if known.position.offset and not known.position.continues(file, status):
            known = ReadingPosition(began=heading(transcript).began)
        counting = _Counting(transcript, known)
        hits = Hits(file, known.position.offset, (tail.NEEDLE, CLIENT_TOTAL), ANSWER)
        for offset, line, complete in hits:
            counting.take(file, offset, line, complete)
        return counting.finish(file, hits.end, status)


def is_told(line: bytes) -> bool:
    """Whether a torn line is set aside by name: it holds a usage or a total, or may be what is left of an answer."""
    return tail.NEEDLE in line or CLIENT_TOTAL in line or torn.is_cut_answer(line)


class _Counting:
    """The state of reading one file."""

    def __init__(self, transcript: Transcript, known: ReadingPosition) -> None:
        self.transcript = transcript
        self.known = known
        self.threads = {
            agent: state.thread_of(*packed) for agent, packed in _decode_threads(known.threads).items()
        }
        self.responses: list[Response] = []
        self.skipped: list[Skip] = []
        self.totals = list(known.totals)
        self.turns = list(known.turns)
        self.last, self.payer, self.copied = known.last, known.payer, known.copied
        self.copies: set[str] = set()

    def take(self, file: io.RawIOBase, offset: int, line: bytes, complete: bool) -> None:
        """Take in one line with a needle; a torn last line is left for the next reading."""
        if not line:
            self._set_aside(file, offset, TOO_LONG)
            return
        try:
            row = decode(line)
        except ValueError as error:
            if complete:
                self._torn(file, offset, line, error)
            return
        self._take(file, offset, row, line, complete)

    def _torn(self, file: io.RawIOBase, offset: int, line: bytes, error: ValueError) -> None:
        if not is_told(line):
            return
        rows = torn.whole_records(line)
        self._set_aside(file, offset, f"not one whole JSON document ({error}); {len(rows)} in it were taken")
        for row in rows:
            self._take(file, offset, row, line, complete=True)

    def _take(self, file: io.RawIOBase, offset: int, row: Any, line: bytes, complete: bool) -> None:
        try:
            seen = response_of(row)
            if seen is not None:
                self._add(seen)
            elif type(row) is dict:
                if row.get("type") != "cost-state":
                    self._note_copy(row)
                elif complete:
                    self._total(line)
        except (ValueError, msgspec.MsgspecError) as error:
            self._set_aside(file, offset, str(error))

    def _set_aside(self, file: io.RawIOBase, offset: int, reason: str) -> None:
        resume = file.tell()
        self.skip(line_number(file, offset), reason)
        file.seek(resume)

    def skip(self, line: int, reason: str) -> None:
        self.skipped.append(Skip(self.transcript.path, line, reason))

    def _add(self, seen: Response) -> None:
        if not seen.session_id:
            seen.session_id = self.transcript.session_id
        if not seen.agent_id:
            seen.agent_id = self.transcript.agent_id
        if seen.timestamp:
            if self.totals and not self.totals[-1].until:
                self.totals[-1].until = max(clock.parse(seen.timestamp) or 0, self._latest + 1)
            if seen.timestamp < self.last:
                self._out_of_order(clock.parse(seen.timestamp) or 0)
            self.last = seen.timestamp
        else:
            seen.timestamp = self.last
        thread = self.threads.get(seen.agent_id)
        if thread is None:
            thread = self.threads[seen.agent_id] = Thread()
        identified(seen, thread)
        for settled, _ in thread.add(seen):
            self.responses.append(settled)

    @property
    def _latest(self) -> int:
        return max([clock.parse(self.last) or 0, *(latest for latest, _ in self.turns)])

    def _out_of_order(self, instant: int) -> None:
        if 0 < instant < (clock.parse(self.last) or 0) - SET_BACK:
            self.turns.append((self._latest, instant))

    def _note_copy(self, row: dict[str, Any]) -> None:
        if row.get("type") != "assistant":
            return
        if marked := copied(row):
            self.copies.add(marked.key)
        payer, instant = row.get("requestSessionId"), row.get("timestamp")
        if isinstance(payer, str) and payer != row.get("sessionId") and isinstance(instant, str):
            self.payer, self.copied = names.told_apart(payer), max(self.copied, clock.parse(instant) or 0)

    def _total(self, line: bytes) -> None:
        stated = decode_cost_state(line)
        if stated is None:
            return
        if not 0 <= stated.total_usd <= MOST_USD or not 0 <= stated.started_ms <= LAST_MS:
            raise ValueError("the client's total is no amount of money, or has no instant")
        models = {name: model.usage for name, model in stated.models.items()}
        started = stated.started_ms * 1000
        since = min([started, *(next_one for latest, next_one in self.turns if started <= latest)])
        self.totals.append(
            ClientTotal(
                started=started,
                after=clock.parse(self.last) or 0,
                until=0,
                nano=nano(stated.total_usd),
                models=models,
                since=since,
            )
        )

    def _without_copies(self) -> None:
        """Rows that stand twice, once marked as a copy, are a copy: whatever session paid for them, it was another."""
        self.responses = [one for one in self.responses if (one.part_of or one.key) not in self.copies]
        for thread in self.threads.values():
            if thread.open is not None and thread.open.key in self.copies:
                thread.open = None

    def finish(self, file: io.RawIOBase, end: int, status: os.stat_result) -> Reading:
        """The reading, with the responses that may still grow as they stand now."""
        if self.copies:
            self._without_copies()
        open_ones = [
            one
            for thread in self.threads.values()
            if thread.open
            for one in (thread.open, *thread.open.parts)
        ]
        threads = {agent: state.packed_thread(thread) for agent, thread in self.threads.items()}
        mark = ReadingPosition(
            position(file, end, status), self.known.began, self.last, self.payer, self.copied,
            msgspec.Raw(_encode(threads)), self.totals, self.turns)  # fmt: skip
        return Reading(self.responses + open_ones, self.skipped, mark, end - self.known.position.offset)
