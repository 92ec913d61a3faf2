"""What fills the context, by tool, MCP server or file: reckoned from the transcripts when it is asked.

File names never leave the machine, so none of this is in the ledger, and a team's shared database cannot tell it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError
from gaia_budget.ingest.sessions import agent_type
from gaia_budget.ledger.questions import CONTEXT_AXES as AXES
from gaia_budget.transcripts.context import Item, items
from gaia_budget.transcripts.discovery import Transcript, find
from gaia_budget.transcripts.heading import heading
from gaia_hooks.facts import modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

BESIDE = ("session", "agent", "branch", "module")


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
