"""Claude Code's transcripts into the ledger: each response once, for the session that made it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gaia_budget.ingest.stored import Maker, makers_of
from gaia_budget.ledger import Bookmark
from gaia_budget.model import Event
from gaia_budget.transcripts.discovery import Transcript, find
from gaia_budget.transcripts.heading import heading
from gaia_budget.transcripts.reading import Reading, ReadingPosition, read
from gaia_hooks.facts import modules, names, session_files
from gaia_hooks.facts.tokens.responses import MADE_BY, PART, is_genuine
from gaia_hooks.machine import clock
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from gaia_budget.ingest.costs import Costs
    from gaia_budget.ingest.report import Report
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings
    from gaia_hooks.facts.tokens.responses import Response

BATCH = 5_000
SAME_MICROS = 2 * clock.MICRO  # between two sightings of one response


class FileState(msgspec.Struct, array_like=True):
    """What is remembered of a transcript between two runs.

    `reckoned`: the client's totals have been compared with the rows (see `unattributed`).
    """

    module: str
    agent_type: str
    bookmark: ReadingPosition
    reckoned: bool = True
    session_id: str = ""  # the session that its rows name


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
        self._makers: dict[str, Maker] = {}
        self._begun: dict[str, int] = {}  # when each session's main file began
        self._events: list[Event] = []
        self._marks: dict[str, Bookmark] = {}
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
                transcript = transcript._replace(session_id=state.session_id or transcript.session_id)
                self._modules[transcript.session_id] = state.module
                self._begin(transcript.session_id, state.bookmark.began)
                self._know(transcript, state)
            try:
                status = os.stat(transcript.path)  # noqa: PTH116 (thousands of files)
                if state is not None and state.bookmark.position.is_current(status):
                    continue
                pending.append(self._opened(transcript, state, status.st_size))
            except FileNotFoundError:
                continue  # deleted since it was found
            except OSError as error:
                self.report.skip(transcript.path, 0, f"cannot be read: {error.strerror}")
        pending.sort(key=self._turn)
        return pending

    def _begin(self, session: str, began: int) -> None:
        self._begun[session] = min(began, self._begun.get(session, began))

    def _turn(self, one: Pending) -> tuple[int, bool, bool, int, str]:
        """Sessions by their beginning, each with its main file first and what begins with copies last."""
        transcript, began = one.transcript, one.state.bookmark.began
        agent = transcript.agent_id
        copies = bool(agent) and session_files.begins_with_copies(agent, transcript.path)
        return self._begun.get(transcript.session_id, began), bool(agent), copies, began, transcript.path

    @staticmethod
    def _state(text: str) -> FileState | None:
        try:
            return _decode(text)
        except msgspec.MsgspecError:
            return None  # written by another version: the file is read again, which changes nothing

    def _opened(self, transcript: Transcript, state: FileState | None, size: int) -> Pending:
        if state is not None and state.module:
            return Pending(transcript, state, size)
        began, cwd, session = heading(transcript)
        module = self._module(cwd)
        if not transcript.agent_id:
            transcript = transcript._replace(session_id=session or transcript.session_id)
            self._begin(transcript.session_id, began)
            if module:
                self._modules.setdefault(transcript.session_id, module)
        bookmark = ReadingPosition(began=began) if state is None else state.bookmark
        own = "" if transcript.agent_id else transcript.session_id
        return Pending(transcript, FileState(module, agent_type(transcript), bookmark, session_id=own), size)

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
        reckoned = not reading.bookmark.totals
        state = FileState(state.module, state.agent_type, reading.bookmark, reckoned, state.session_id)
        self._marks[transcript.path] = mark_of(state)
        if not transcript.agent_id:
            self._know(transcript, state)
        else:
            self.reckon_again(transcript.session_id)
        return reading.bytes_read

    def _know(self, transcript: Transcript, state: FileState) -> None:
        """Of a session that went on in another folder (a worktree), the file with the newest total stands for it."""
        session = transcript.session_id
        known = self.states.get(session)
        if known is None or self.paths[session] == transcript.path or _told(state) >= _told(known):
            self.states[session], self.paths[session] = state, transcript.path

    def reckon_again(self, session: str) -> None:
        """A subagent's rows belong to what the session's own total covers."""
        main = self.states.get(session)
        if main is not None and main.reckoned and main.bookmark.totals:
            main.reckoned = False
            self._marks[self.paths[session]] = mark_of(main)

    def _made_here(self, transcript: Transcript, state: FileState, reading: Reading) -> Iterator[Event]:
        """Events of the responses that this thread of this session made, not of unmarked copies of another's."""
        fallback = reading.bookmark.position.mtime_ns // 1000
        events = [self._event(response, transcript, state, fallback) for response in reading.responses]
        makers = self._known_makers(events, reading, first_look=not state.bookmark.position.offset)
        for event, response in zip(events, reading.responses, strict=True):
            mine = Maker(event.session_id, event.agent_id, event.ts, response.request)
            key = response.part_of or response.key
            maker = self._makers.get(key) or makers.get(key)
            if maker is not None and not maker.is_same(mine):
                if not another_response(key, maker, mine):
                    self.report.duplicates += 1
                    continue
                key += MADE_BY + (response.request or f"{event.session_id}/{event.agent_id}")
                own = (
                    {"event_id": key + PART + event.model, "part_of": key}
                    if response.part_of
                    else {"event_id": key}
                )
                event = msgspec.structs.replace(event, **own)
            self._makers.setdefault(key, mine)
            yield event

    def _known_makers(self, events: list[Event], reading: Reading, first_look: bool) -> dict[str, Maker]:
        """What the ledger knows of those that may be copies, or whose ids may lie."""
        began = reading.bookmark.began
        keys = [event.part_of or event.event_id for event in events]
        asked = {key for key, e in zip(keys, events, strict=True) if e.ts < began or not is_genuine(key)}
        if first_look and events:
            asked.add(keys[0])
        makers = makers_of(self.ledger, self._unknown(asked)) if asked else {}
        if first_look and events:
            first = self._makers.get(keys[0]) or makers.get(keys[0])
            if first is not None and not first.is_same(Maker(events[0].session_id, events[0].agent_id, 0)):
                makers |= makers_of(self.ledger, self._unknown(set(keys) - asked))
        return makers

    def _unknown(self, keys: set[str]) -> set[str]:
        """Those whose maker this run has not met; a difference with the view of all met would walk through them all."""
        return {key for key in keys if key not in self._makers}

    def _event(self, response: Response, transcript: Transcript, state: FileState, fallback: int) -> Event:
        ts = clock.parse(response.timestamp) or fallback
        cost = self.costs.of(response.model, response.variant, response.usage, ts, "", response.runs)
        fresh, output, reads, write_5m, write_1h, reasoning, searches = response.usage
        told = response.traits.get
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
            agent_type=(state.agent_type or told("agent_kind", "")) if response.agent_id else "main",
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
            part_of=response.part_of,
            effort=told("effort", ""),
            entrypoint=told("entrypoint", ""),
            skill=told("skill", ""),
            plugin=told("plugin", ""),
            mcp_server=told("mcp_server", ""),
            mcp_tool=told("mcp_tool", ""),
        )

    def _flush(self) -> None:
        if self._events or self._marks:
            outcome = self.ledger.record(self._events, bookmarks=self._marks)
            self.report.recorded(outcome, responses=True)
            self._events, self._marks = [], {}


def another_response(key: str, maker: Maker, mine: Maker) -> bool:
    """Whether an id that somebody else's response has too is another response: some gateways give all one id.

    One of the provider's own is a copy under whatever request: a side question replays its parent under new ones.
    """
    if is_genuine(key):
        return False
    if maker.request and mine.request:
        return maker.request != mine.request
    return abs(maker.ts - mine.ts) > SAME_MICROS


def _told(state: FileState) -> int:
    """The instant up to which the client's totals in a session's file know its spend."""
    return max((total.after for total in state.bookmark.totals), default=-1)


def mark_of(state: FileState) -> Bookmark:
    """The state as the ledger keeps it."""
    return Bookmark(state.bookmark.position.offset, _encode(state).decode())


def agent_type(transcript: Transcript) -> str:
    """A subagent's type from the file beside its transcript; empty where there is none."""
    told = session_files.noted(transcript.path, "agentType") if transcript.agent_id else ""
    return names.shown(told, names.FACT_LIMIT)
