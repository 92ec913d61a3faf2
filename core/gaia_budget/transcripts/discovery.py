"""Where transcripts lie: `projects/<folder>/<session>.jsonl`, and its subagents' (`gaia_hooks.facts.session_files`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gaia_hooks.facts import names, session_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SUFFIX = session_files.TRANSCRIPT_END


class Transcript(NamedTuple):
    """One transcript file; `agent_id` is empty for a session's main thread.

    `session_id` is what the path says, as facts hold ids; older clients put a subagent's file beside the sessions'
    files, and there it is empty: its rows name the session.
    """

    path: str
    session_id: str
    agent_id: str


def find(config_dirs: Iterable[Path]) -> list[Transcript]:
    """Every transcript under the configuration folders, each file once even where two folders are one."""
    found: dict[str, Transcript] = {}
    entered: set[str] = set()
    for folder in config_dirs:
        projects = os.path.realpath(folder / "projects")
        for path in _jsonl_files(projects, entered):
            found.setdefault(path, _named(path))
    return list(found.values())


def _jsonl_files(folder: str, entered: set[str]) -> Iterator[str]:
    """The transcripts below a folder; what is linked is found where it lies, once."""
    if folder in entered:
        return
    entered.add(folder)
    try:
        entries = list(os.scandir(folder))
    except (
        OSError
    ):  # no such folder, or one that vanished or may not be read: there is nothing to count in it
        return
    for entry in entries:
        if entry.name.endswith(SUFFIX):
            if entry.is_file():
                yield os.path.realpath(entry.path) if entry.is_symlink() else entry.path
        elif entry.is_dir(follow_symlinks=False):
            yield from _jsonl_files(entry.path, entered)
        elif entry.is_symlink() and entry.is_dir():
            yield from _jsonl_files(os.path.realpath(entry.path), entered)


def _named(path: str) -> Transcript:
    folder, name = os.path.split(
        path
    )  # thousands of paths: `Path` would take longer than reading what is new
    agent = session_files.agent_of(name)
    if not agent:
        return Transcript(path, names.told_apart(name.removesuffix(SUFFIX)), "")
    folders = folder.split(os.sep)  # noqa: PTH206 (see above)
    below = session_files.AGENTS_FOLDER
    session = folders[folders.index(below) - 1] if below in folders else ""
    return Transcript(path, names.told_apart(session), names.told_apart(agent))
