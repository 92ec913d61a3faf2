"""Where transcripts lie: `projects/<folder>/<session>.jsonl`, subagents in `<session>/subagents/agent-<id>.jsonl`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SUFFIX = ".jsonl"
AGENT_PREFIX = "agent-"
AGENTS_FOLDER = "subagents"


class Transcript(NamedTuple):
    """One transcript file; `agent_id` is empty for a session's main thread.

    `session_id` is what the path says; older clients put a subagent's file beside the sessions' files, and
    there it is empty: its rows name the session.
    """

    path: str
    session_id: str
    agent_id: str


def find(config_dirs: Iterable[Path]) -> list[Transcript]:
    """Every transcript under the configuration folders, each file once even where two folders are one."""
    found: dict[str, Transcript] = {}
    for folder in config_dirs:
        projects = os.path.realpath(folder / "projects")
        for path in _jsonl_files(projects):
            found.setdefault(path, _named(path))
    return list(found.values())


def _jsonl_files(folder: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except (
        OSError
    ):  # no such folder, or one that vanished or may not be read: there is nothing to count in it
        return
    for entry in entries:
        if entry.name.endswith(SUFFIX):
            if entry.is_file():
                yield entry.path
        elif entry.is_dir(follow_symlinks=False):
            yield from _jsonl_files(entry.path)


def _named(path: str) -> Transcript:
    folder, name = os.path.split(
        path
    )  # thousands of paths: `Path` would take longer than reading what is new
    stem = name.removesuffix(SUFFIX)
    if not stem.startswith(AGENT_PREFIX):
        return Transcript(path, stem, "")
    folders = folder.split(os.sep)  # noqa: PTH206 (see above)
    session = folders[folders.index(AGENTS_FOLDER) - 1] if AGENTS_FOLDER in folders else ""
    return Transcript(path, session, stem.removeprefix(AGENT_PREFIX))
