"""Where transcripts lie: `projects/<folder>/<session>.jsonl`, and its subagents' (`gaia_hooks.facts.session_files`)."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from gaia_hooks.facts import names, session_files
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from collections.abc import Iterable
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
    walk = _Walk()
    walk.waiting.extend(_Place("", os.path.realpath(folder / "projects")) for folder in config_dirs)
    entered: set[str] = set()
    while walk.waiting:
        place = walk.waiting.popleft()
        if place.folder not in entered:
            entered.add(place.folder)
            walk.look(place)
    return list({**walk.linked, **walk.found}.values())


class _Place(NamedTuple):
    """A folder and the name that led to it; the session whose subagents lie in it, and their topmost folder."""

    name: str
    folder: str
    session: str = ""
    top: str = ""


class _Walk:
    """What was found, and the folders that wait: linked ones last, when what they lead to is known where it lies."""

    def __init__(self) -> None:
        self.waiting: deque[_Place] = deque()
        self.found: dict[str, Transcript] = {}
        self.linked: dict[str, Transcript] = {}

    def look(self, place: _Place) -> None:
        """Take in the files of one folder; there are none where it vanished or may not be read."""
        if place.top:
            agents, below = session_files.held(place.top, place.folder)
            for agent, entry in agents:
                self._take(entry, place.session, agent)
            self.waiting.extendleft(place._replace(folder=folder) for folder in below)
            return
        for entry in files.entries_in(place.folder):
            if entry.is_dir(follow_symlinks=False):
                self.waiting.appendleft(_below(place, entry.name, entry.path))
            elif entry.name.endswith(SUFFIX):
                agent = session_files.agent_of(entry.name)
                self._take(entry, "" if agent else entry.name[: -len(SUFFIX)], agent)
            elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112 (raises nothing)
                self.waiting.append(_below(place, entry.name, os.path.realpath(entry.path)))

    def _take(self, entry: os.DirEntry[str], session: str, agent: str) -> None:
        path, into = entry.path, self.found
        if entry.is_symlink():
            path, into = os.path.realpath(path), self.linked
        if entry.is_file(follow_symlinks=False) or os.path.isfile(path):  # noqa: PTH113
            into.setdefault(path, Transcript(path, names.told_apart(session), names.told_apart(agent)))


def _below(place: _Place, name: str, folder: str) -> _Place:
    if name == session_files.AGENTS_FOLDER and place.name:
        return _Place(name, folder, place.name, folder)
    return _Place(name, folder)
