"""What fills a context: each tool result of a transcript, its size, and how many later requests carried it.

Sizes are estimates: characters over the tokenizer's usual rate. A result is carried by every later request of its
thread until a compaction. Everything here names files, so it stays on this machine: nothing of it is stored.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.prices import vocabulary
from gaia_budget.transcripts.lines import Hits
from gaia_budget.transcripts.rows import decode
from gaia_hooks.facts.tokens.responses import response_of
from gaia_hooks.machine import clock
from gaia_hooks.session import tail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.transcripts.discovery import Transcript

RESULT, COMPACTION = b'"tool_result"', b'"compact_boundary"'
CHARACTERS_PER_TOKEN = 4
IMAGE_TOKENS = 1500
FILE_KEYS = ("file_path", "notebook_path", "path")


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
