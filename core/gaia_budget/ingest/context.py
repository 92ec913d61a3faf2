"""What fills the context, by tool, MCP server or file: reckoned from the transcripts when it is asked.

File names never leave the machine, so none of this is in the ledger, and a team's shared database cannot tell it.

Sizes of tool results are estimates: characters over the tokenizer's usual rate. A result is carried by every later
request of its thread until a compaction.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.errors import InputError
from gaia_budget.ingest.sessions import agent_type
from gaia_budget.ledger.questions import CONTEXT_AXES as AXES
from gaia_budget.prices import vocabulary
from gaia_budget.transcripts.discovery import Transcript, find
from gaia_budget.transcripts.heading import heading
from gaia_budget.transcripts.lines import Hits
from gaia_budget.transcripts.rows import decode
from gaia_hooks.facts import modules
from gaia_hooks.facts.tokens.responses import response_of
from gaia_hooks.machine import clock
from gaia_hooks.session import tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

BESIDE = ("session", "agent", "branch", "module")
RESULT, COMPACTION = b'"tool_result"', b'"compact_boundary"'
CHARACTERS_PER_TOKEN = 4
IMAGE_TOKENS = 1500
FILE_KEYS = ("file_path", "notebook_path", "path")


class ContextQuestion(NamedTuple):
    """A question: axes, and what it is about; instants in microseconds since the epoch."""

    by: Sequence[str]
    since: int | None = None
    until: int | None = None
    module: str | None = None
    session: str | None = None


class ContextRow(NamedTuple):
    """How many results, and their estimated tokens, for the values of the axes asked for."""

    key: tuple[str, ...]
    calls: int
    result_tokens: int
    carried_tokens: int

    def document(self, by: Sequence[str]) -> dict[str, Any]:
        """One row of `spend --by tool` and the like."""
        key: str | list[str] = self.key[0] if len(by) == 1 else list(self.key)
        figures = self._asdict() | {"key": key, "estimate": True}
        return figures | dict(zip(by, self.key, strict=True))


def fills(
    config_dirs: Iterable[Path],
    roots: list[list[str]],
    asked: ContextQuestion,
    progress: Callable[[int, int], None] | None = None,
) -> list[ContextRow]:
    """What fills the context, what was carried most first. Each result counts once, a fork's copies carry it on.

    Raises InputError for an axis that does not go with these.
    """
    for axis in asked.by:
        if axis not in (*AXES, *BESIDE):
            raise InputError(
                f"axis {axis!r} does not go with these. Valid: {', '.join((*AXES, *BESIDE))}",
                slug="not-valid",
            )
    found: dict[tuple[str, ...], tuple[int, int, int]] = {}
    first = next((axis for axis in asked.by if axis in AXES), asked.by[0])
    known: set[str] = set()
    for values, item in _items(config_dirs, roots, asked, progress):
        if not values[first]:
            continue
        key = tuple(values[axis] for axis in asked.by)
        is_new = item.call_id not in known
        known.add(item.call_id)
        calls, result, carried = found.get(key, (0, 0, 0))
        found[key] = calls + is_new, result + is_new * item.result_tokens, carried + item.carried_tokens
    rows = [ContextRow(key, *figures) for key, figures in found.items()]
    return sorted(rows, key=lambda row: (-row.carried_tokens, -row.result_tokens, row.key))


def _items(
    config_dirs: Iterable[Path],
    roots: list[list[str]],
    asked: ContextQuestion,
    progress: Callable[[int, int], None] | None,
) -> Iterable[tuple[dict[str, str], Item]]:
    chosen = _chosen(find(config_dirs), asked)
    total, done = sum(size for _, _, size in chosen), 0
    for cwd, transcript, size in chosen:
        module = modules.module_of(cwd, roots) if cwd else modules.UNALLOCATED
        kind = agent_type(transcript)
        for item in items(transcript):
            if not _is_asked(item, module, asked):
                continue
            yield (
                {
                    "tool": item.tool,
                    "mcp_server": item.mcp_server,
                    "file": item.file,
                    "session": item.session_id,
                    "agent": (kind or item.agent_id) if item.agent_id else "main",
                    "branch": item.branch,
                    "module": module,
                },
                item,
            )
        done += size
        if progress is not None:
            progress(done, total)


def _chosen(transcripts: Iterable[Transcript], asked: ContextQuestion) -> list[tuple[str, Transcript, int]]:
    """The files that may tell something, those that began earlier first; with their first folder and size."""
    chosen = []
    for transcript in transcripts:
        if asked.session and transcript.session_id not in ("", asked.session):
            continue
        try:
            status = os.stat(transcript.path)  # noqa: PTH116 (thousands of files)
            if asked.since is not None and status.st_mtime_ns // 1000 < asked.since:
                continue
            began, cwd, _ = heading(transcript)
        except OSError:  # deleted since it was found, or not ours to read: `ingest` says so
            continue
        chosen.append((began, transcript.path, cwd, transcript, status.st_size))
    return [(cwd, transcript, size) for _, _, cwd, transcript, size in sorted(chosen)]


def _is_asked(item: Item, module: str, asked: ContextQuestion) -> bool:
    return (
        (asked.session is None or item.session_id == asked.session)
        and (asked.module is None or module == asked.module)
        and (asked.since is None or item.ts >= asked.since)
        and (asked.until is None or item.ts < asked.until)
    )


class Item(NamedTuple):
    """One tool result. `carried_tokens` is its size times the later requests that sent it along.

    `agent_id` is the thread that it came into, empty for the main one; `ts` is in microseconds since the epoch.
    """

    call_id: str
    ts: int
    session_id: str
    agent_id: str
    branch: str
    tool: str
    file: str
    result_tokens: int
    carried_tokens: int

    @property
    def mcp_server(self) -> str:
        """The MCP server of the tool (`mcp__<server>__<tool>`); empty where it is Claude Code's own."""
        return self.tool.split("__")[1] if self.tool.startswith("mcp__") else ""


class _Block(msgspec.Struct, frozen=True):
    type: str = ""
    id: str = ""
    tool_use_id: str = ""
    name: str = ""
    text: str = ""
    input: dict[str, Any] = {}
    content: msgspec.Raw = msgspec.Raw(b'""')


class _Message(msgspec.Struct, frozen=True):
    content: list[_Block] = []


class _Row(msgspec.Struct, frozen=True):
    message: _Message = _Message()


_decode_row = msgspec.json.Decoder(_Row).decode
_decode_content = msgspec.json.Decoder(list[_Block] | str).decode


class _Thread:
    """The requests of one thread, and the results that its next request will carry."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.factor = 1.0
        self.held: list[tuple[Item, int]] = []


def items(transcript: Transcript) -> Iterator[Item]:
    """Every tool result of a transcript. Raises OSError; lines that cannot be read hold no result."""
    reading = _Reading(transcript)
    with open(transcript.path, "rb", buffering=0) as file:  # noqa: PTH123 (as plain as the path is)
        for _, line, _ in Hits(file, 0, (tail.NEEDLE, RESULT, COMPACTION)):
            yield from reading.take(line)
    for thread in reading.threads.values():
        yield from _released(thread)


class _Reading:
    """The state of reading one file."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.threads: dict[str, _Thread] = {}
        self.calls: dict[str, tuple[str, str]] = {}  # by id: tool and file

    def take(self, line: bytes) -> Iterator[Item]:
        """Take in one row; what it lets go of has all its requests behind it."""
        try:
            row = decode(line)
            if type(row) is not dict:
                return
            agent = row.get("agentId") or ("sidechain" if row.get("isSidechain") else "")
            thread = self.threads.setdefault(agent or self.transcript.agent_id, _Thread())
            if row.get("type") == "assistant":
                self._request(thread, row, line)
            elif row.get("type") == "user" and RESULT in line:
                self._results(thread, row, line, agent)
            elif row.get("type") == "system" and COMPACTION in line:
                yield from _released(thread)
        except (ValueError, TypeError, KeyError, RecursionError, msgspec.MsgspecError):
            return  # not a row of the form that holds results

    def _request(self, thread: _Thread, row: Any, line: bytes) -> None:
        seen = response_of(row)
        if seen is not None:
            thread.seen.add(seen.key)
        thread.factor = _factor(str(row["message"]["model"]))
        for block in _decode_row(line).message.content:
            if block.type == "tool_use":
                files = [block.input[key] for key in FILE_KEYS if isinstance(block.input.get(key), str)]
                self.calls[block.id] = block.name, files[0] if files else ""

    def _results(self, thread: _Thread, row: Any, line: bytes, agent: str) -> None:
        for block in _decode_row(line).message.content:
            if block.type != "tool_result":
                continue
            tool, file = self.calls.get(block.tool_use_id, ("", ""))
            characters, images = _size(block.content)
            tokens = round(characters * thread.factor / CHARACTERS_PER_TOKEN) + images * IMAGE_TOKENS
            item = Item(
                block.tool_use_id,
                clock.parse(str(row.get("timestamp"))) or 0,
                str(row.get("sessionId") or self.transcript.session_id),
                agent or self.transcript.agent_id,
                str(row.get("gitBranch") or ""),
                tool,
                file,
                tokens,
                0,
            )
            thread.held.append((item, len(thread.seen)))


def _released(thread: _Thread) -> Iterator[Item]:
    """A compaction, or the file's end: what was held is carried no further."""
    for item, before in thread.held:
        yield item._replace(carried_tokens=item.result_tokens * (len(thread.seen) - before))
    thread.held = []


def _size(content: msgspec.Raw) -> tuple[int, int]:
    """Characters and images of a result."""
    found = _decode_content(content)
    if isinstance(found, str):
        return len(found), 0
    return sum(len(block.text) for block in found), sum(block.type == "image" for block in found)


@cache
def _factor(model: str) -> float:
    return vocabulary.generation_of(model).factor
