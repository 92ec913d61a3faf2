"""The running Claude Code session, counted to this moment by the same code as the hooks count it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from gaia_budget.errors import InputError
from gaia_hooks.facts import names, places, session_types, snapshot
from gaia_hooks.machine import files
from gaia_hooks.say import figures
from gaia_hooks.session import counting, sessions, state

LOCK_SECONDS = 1.0
MOST_ALERTS = 3
NO_SESSION = "no Claude Code session started this server: the session's figures are not known"
UNWATCHED = (
    "no hook has reported this session yet: its tokens are not counted (`gaia-budget doctor` tells why)"
)


class LiveSession(NamedTuple):
    """A session's id, its state and figures; `note` says what is not known of it."""

    session_id: str
    session: counting.Session
    figures: figures.SessionFigures
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
    stored = _stored(named)
    if stored is None or not stored.ended:
        return named
    folder = files.parent(stored.transcript)
    for name in sorted(sessions.ids(_home()), key=_age, reverse=True):
        found = _stored(name)
        if found is not None and not found.ended and files.parent(found.transcript) == folder:
            return name
    return named


def _age(name: str) -> float:
    try:
        return Path(state.path_of(_home(), name)).stat().st_mtime
    except OSError:
        return 0.0


def _home() -> str:
    return str(places.home())


def _stored(name: str) -> state.State | None:
    try:
        return sessions.read(_home(), name)
    except (OSError, state.NewerState):
        return None


def running() -> LiveSession | None:
    """The running session with its new transcript bytes counted; None outside Claude Code.

    When another process is at it, or its files cannot be read, it is as it was last stored and `note` says so.
    """
    name = session_id()
    if name is None:
        return None
    return _counted(name)


def required() -> LiveSession:
    """The same; raises InputError outside Claude Code."""
    found = running()
    if found is None:
        raise InputError(f"{NO_SESSION}. Call this from within a Claude Code session", slug="no-session")
    return found


def alerts(current: LiveSession | None, module: str) -> list[str] | None:
    """The worst alerts of a module and of all modules, in a few words each, by the snapshot that hooks have, too."""
    policy = snapshot.load(_home()) if current is None else current.session.policy
    found = [short for _, of, _, short in policy["alerts"] if short and of in ("", module)]
    return found[:MOST_ALERTS] or None


def _counted(name: str) -> LiveSession:
    home, policy = _home(), snapshot.load(_home())
    note = None
    try:
        sessions.catch_up(home, name, timeout=LOCK_SECONDS)
        session = counting.opened(home, name, counting.lock_of(home, name, 0.0), policy)
    except (OSError, state.NewerState) as error:
        note = f"the session's figures are those of its last event ({type(error).__name__})"
        session = counting.Session(home, _stored(name) or state.State(name), policy, files.Lock("", 0.0))
    if session.state.fresh:
        note = note or UNWATCHED
    elif session.state.behind:
        note = "the figures are at least these: a long transcript is still being read"
    elif session.state.uncertain:
        what = ", ".join([*session.state.odd, *session.state.aside])
        note = f"the figures are at least these: not everything was understood ({names.shown(what)})"
    session_types.choose(session.state, policy)
    return LiveSession(name, session, figures.SessionFigures(session), note)
