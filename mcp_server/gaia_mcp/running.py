"""The running Claude Code session, counted to this moment by the same code as the hooks count it."""

from __future__ import annotations

import os
import threading
from typing import NamedTuple

from gaia_hooks.facts import places, session_files, session_types, snapshot
from gaia_hooks.machine import files
from gaia_hooks.say import figures
from gaia_hooks.session import counting as sessions
from gaia_hooks.session import state
from gaia_mcp.kept import Answers, Mark, mark

LOCK_SECONDS = 1.0
NO_SESSION = "no Claude Code session started this server: the session's figures are not known"
UNWATCHED = (
    "no hook has reported this session yet: its tokens are not counted (`gaia-budget doctor` tells why)"
)


class Running(NamedTuple):
    """A session's id, its state and figures; `note` says what is not known of it."""

    session_id: str
    session: sessions.Session
    figures: figures.Figures
    note: str | None

    @property
    def limit_tokens(self) -> int:
        """The limit of its type in budget tokens."""
        return figures.limit_of(self.session)

    @property
    def percent(self) -> float:
        """Budget tokens in percent of the limit, cut (not rounded up) to a tenth."""
        return self.figures.budget_tokens * 1000 // self.limit_tokens / 10


def session_id() -> str | None:
    """The session that the server serves, or None outside Claude Code.

    `/clear` begins a new session while the server lives on with the old id in its environment: when that one has
    ended, the one that was stored last in the same transcript folder is meant.
    """
    named = os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    if not state.is_session_id(named):
        return None
    path = state.path_of(places.home(), named)
    ended, transcript = _ends.get(named, mark(path), lambda: _end(named))
    if not ended:
        return named
    folder = files.parent(transcript)
    for name in sorted(sessions.watched(places.home()), key=_age, reverse=True):
        found = _stored(name)
        if found is not None and not found.ended and files.parent(found.transcript) == folder:
            return name
    return named


_ends = Answers()


def _end(name: str) -> tuple[bool, str]:
    """Whether a session has ended, and its transcript."""
    stored = _stored(name)
    return (False, "") if stored is None else (stored.ended, stored.transcript)


def _age(name: str) -> int:
    return mark(state.path_of(places.home(), name))[3]


def _stored(name: str) -> state.State | None:
    try:
        return sessions.read(places.home(), name)
    except (OSError, state.NewerState):
        return None


def running() -> Running | None:
    """The running session with its new transcript bytes counted; None outside Claude Code.

    When another process is at it, or its files cannot be read, it is as it was last stored and `note` says so.
    """
    name = session_id()
    if name is None:
        return None
    with _counting:
        kept = _kept.get(name)
        if kept is None or kept[0] != _marks(kept[1]):
            found = _counted(name)
            kept = (_marks(found), found)
            _kept.clear()
            if found.note is None and _is_whole(found):
                _kept[name] = kept
        return kept[1]


_counting = threading.Lock()
_kept: dict[str, tuple[list[Mark], Running]] = {}
"""The last count, which holds while no file that it was made from has changed."""


def _marks(found: Running) -> list[Mark]:
    home, mine = places.home(), found.session.state
    transcripts = [thread.place.path for thread in mine.threads.values()]
    folders = {session_files.agents_folder(mine.transcript), *mine.looked}
    paths = (state.path_of(home, found.session_id), snapshot.path_of(home), *folders, *transcripts)
    return [mark(path) for path in paths]


def _is_whole(found: Running) -> bool:
    """Whether nothing came in between the count and the look at the files."""
    places_read = [thread.place for thread in found.session.state.threads.values()]
    return all(files.size_of(place.path) == place.offset for place in places_read)


def _counted(name: str) -> Running:
    home, policy = places.home(), snapshot.load(places.home())
    note = None
    try:
        sessions.catch_up(home, name, timeout=LOCK_SECONDS)
        session = sessions.opened(home, name, sessions.lock_of(home, name, 0.0), policy)
    except (OSError, state.NewerState) as error:
        note = f"the session's figures are those of its last event ({type(error).__name__})"
        session = sessions.Session(home, _stored(name) or state.State(name), policy, files.Lock("", 0.0))
    if session.state.fresh:
        note = note or UNWATCHED
    elif session.state.behind:
        note = "the figures are at least these: a long transcript is still being read"
    session_types.choose(session.state, policy)
    return Running(name, session, figures.Figures(session), note)
