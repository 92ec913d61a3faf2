"""Claude Code's transcripts into the ledger: each response once, for the session that made it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget.ingest.stored import sessions_of
from gaia_budget.ledger import Bookmark as LedgerBookmark
from gaia_budget.model import Event
from gaia_budget.transcripts import Bookmark, Reading, Transcript, find, heading, read
from gaia_hooks.facts import modules
from gaia_hooks.machine import clock
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from gaia_budget.ingest.costs import Costs
    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings
    from gaia_hooks.facts.usage import Response

BATCH = 5_000


class FileState(msgspec.Struct, array_like=True):
    """What is remembered of a transcript between two runs.

    `reckoned`: the client's totals have been compared with the rows (see `unattributed`); `live_nano` is the
    total that the status line showed last.
    """

    module: str
    agent_type: str
    bookmark: Bookmark
    reckoned: bool = True
    live_nano: int = 0


class Pending(NamedTuple):
    """A transcript that has changed since it was last read."""

    transcript: Transcript
    state: FileState
    size: int


_decode = msgspec.json.Decoder(FileState).decode
_encode = msgspec.json.Encoder().encode


class Sessions:
    """One pass over all transcripts. Afterwards `states` holds what is known of each session's main file."""

    def __init__(
        self, ledger: Ledger, settings: Settings, costs: Costs, roots: list[list[str]], report: Report
    ) -> None:
        self.ledger, self.settings, self.costs, self.report = ledger, settings, costs, report
        self._roots = roots
        self._cwds: dict[str, str] = {}
        self._modules: dict[str, str] = {}
        self._makers: dict[str, str] = {}
        self._events: list[Event] = []
        self._marks: dict[str, LedgerBookmark] = {}
        self.states: dict[str, FileState] = {}
        self.paths: dict[str, str] = {}

    def take_in(
        self, config_dirs: Iterable[Path], progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Read what is new in every transcript and record it, batch by batch with the files' bookmarks."""
        pending = self._pending(find(config_dirs))
        total = sum(one.size - one.state.bookmark.position.offset for one in pending)
        done = 0
        for transcript, state, _ in pending:
            done += self._read(transcript, state)
            if progress is not None:
                progress(done, total)
            if len(self._events) >= BATCH:
                self._flush()
        self._flush()

    def _pending(self, transcripts: list[Transcript]) -> list[Pending]:
        """The changed files; those that began earlier first, so that a copy meets its original already known."""
        stored = self.ledger.bookmarks([transcript.path for transcript in transcripts])
        pending = []
        for transcript in transcripts:
            mark = stored.get(transcript.path)
            state = self._state(mark.state) if mark is not None else None
            if state is not None and not transcript.agent_id:
                self._modules[transcript.session_id] = state.module
                self._know(transcript, state)
            try:
                status = os.stat(transcript.path)  # noqa: PTH116 (thousands of files)
                if state is not None and state.bookmark.position.is_current(status):
                    continue
                pending.append(Pending(transcript, self._opened(transcript, state), status.st_size))
            except FileNotFoundError:
                continue  # deleted since it was found
            except OSError as error:
                self.report.skip(transcript.path, 0, f"cannot be read: {error.strerror}")
        pending.sort(key=lambda one: (one.state.bookmark.began, one.transcript.path))
        return pending

    @staticmethod
    def _state(text: str) -> FileState | None:
        try:
            return _decode(text)
        except msgspec.MsgspecError:
            return None  # written by another version: the file is read again, which changes nothing

    def _opened(self, transcript: Transcript, state: FileState | None) -> FileState:
        if state is not None and state.module:
            return state
        began, cwd = heading(transcript)
        module = self._module(cwd)
        if not transcript.agent_id and module:
            self._modules.setdefault(transcript.session_id, module)
        bookmark = Bookmark(began=began) if state is None else state.bookmark
        return FileState(module, agent_type(transcript), bookmark)

    def _module(self, cwd: str) -> str:
        if not cwd:
            return ""
        if cwd not in self._cwds:
            self._cwds[cwd] = modules.module_of(cwd, self._roots)
        return self._cwds[cwd]

    def _read(self, transcript: Transcript, state: FileState) -> int:
        try:
            reading = read(transcript, state.bookmark)
        except FileNotFoundError:
            return 0
        except OSError as error:
            self.report.skip(transcript.path, 0, f"cannot be read: {error.strerror}")
            return 0
        self.report.files += 1
        self.report.bytes += reading.bytes_read
        self.report.skipped.extend(reading.skipped)
        self._events.extend(self._made_here(transcript, state, reading))
        reckoned = not (reading.bookmark.totals or state.live_nano)
        state = FileState(state.module, state.agent_type, reading.bookmark, reckoned, state.live_nano)
        self._marks[transcript.path] = mark_of(state)
        if not transcript.agent_id:
            self._know(transcript, state)
        else:
            self._reckon_again(transcript.session_id)
        return reading.bytes_read

    def _know(self, transcript: Transcript, state: FileState) -> None:
        """Of a session that went on in another folder (a worktree), the file with the newest total stands for it."""
        session = transcript.session_id
        known = self.states.get(session)
        if known is None or self.paths[session] == transcript.path or _told(state) >= _told(known):
            self.states[session], self.paths[session] = state, transcript.path

    def hear(self, live: Mapping[str, int]) -> None:
        """Note the totals that status lines have shown: what stands for a total that was not written yet."""
        for session, nano in live.items():
            state = self.states.get(session)
            if state is not None and nano and state.live_nano != nano:
                state.live_nano, state.reckoned = nano, False

    def _reckon_again(self, session: str) -> None:
        """A subagent's rows belong to what the session's own total covers."""
        main = self.states.get(session)
        if main is not None and main.reckoned and (main.bookmark.totals or main.live_nano):
            main.reckoned = False
            self._marks[self.paths[session]] = mark_of(main)

    def _made_here(self, transcript: Transcript, state: FileState, reading: Reading) -> Iterator[Event]:
        """Events of the responses that this session made, not of unmarked copies of another session's."""
        began = reading.bookmark.began
        fallback = reading.bookmark.position.mtime_ns // 1000
        events = [self._event(response, transcript, state, fallback) for response in reading.responses]
        doubtful = [event for event in events if event.ts < began]
        foreign = self._foreign(doubtful) if doubtful else set()
        for event in events:
            if event.event_id in foreign:
                self.report.duplicates += 1
            else:
                self._makers.setdefault(event.event_id, event.session_id)
                yield event

    def _foreign(self, doubtful: list[Event]) -> set[str]:
        """Those that another session is known to have made: in this run, or by the ledger."""
        unknown = [event.event_id for event in doubtful if event.event_id not in self._makers]
        makers = sessions_of(self.ledger, unknown) | self._makers
        return {e.event_id for e in doubtful if makers.get(e.event_id, e.session_id) != e.session_id}

    def _event(self, response: Response, transcript: Transcript, state: FileState, fallback: int) -> Event:
        ts = clock.parse(response.timestamp) or fallback
        cost = self.costs.of(response.model, response.variant, response.usage, ts, argus.PROVIDER)
        fresh, output, reads, write_5m, write_1h, reasoning, searches = response.usage
        settings, session = self.settings, response.session_id
        return Event(
            event_id=response.key,
            ts=ts,
            source="claude_code",
            billing=settings.billing,
            org=settings.org,
            user=settings.user,
            machine=settings.machine,
            module=self._modules.get(session) or state.module or modules.UNALLOCATED,
            provider=cost.provider,
            model=response.model,
            task=argus.TASK,
            session_id=session,
            agent_id=response.agent_id,
            agent_type=state.agent_type if response.agent_id else "main",
            branch=response.branch,
            input_tokens=fresh,
            output_tokens=output,
            cache_read_tokens=reads,
            cache_write_5m_tokens=write_5m,
            cache_write_1h_tokens=write_1h,
            reasoning_tokens=reasoning,
            web_searches=searches,
            recached_tokens=response.recached,
            cost_nano=cost.nano,
            price_source=cost.source,
            status="success",
            correlation_id=session,
        )

    def _flush(self) -> None:
        if self._events or self._marks:
            outcome = self.ledger.record(self._events, bookmarks=self._marks)
            self.report.recorded(outcome, responses=True)
            self._events, self._marks = [], {}


def _told(state: FileState) -> int:
    """The instant up to which the client's totals in a session's file know its spend."""
    return max((total.after for total in state.bookmark.totals), default=-1)


def mark_of(state: FileState) -> LedgerBookmark:
    """The state as the ledger keeps it."""
    return LedgerBookmark(state.bookmark.position.offset, _encode(state).decode())


def agent_type(transcript: Transcript) -> str:
    """A subagent's type from the file beside its transcript; empty where there is none."""
    if not transcript.agent_id:
        return ""
    try:
        with open(transcript.path.removesuffix(".jsonl") + ".meta.json", encoding="utf-8") as file:  # noqa: PTH123
            told = json.load(file).get("agentType")
    except (OSError, ValueError, AttributeError):
        return ""
    return told if isinstance(told, str) else ""
