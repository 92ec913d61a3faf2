"""The type of a session: what it is, and who may raise it.

Under a hard policy a model cannot lift its own limit: a type with a higher one needs the human (R26).
"""

from __future__ import annotations

from typing import NamedTuple

from gaia_budget import owner, places, settings
from gaia_budget.errors import InputError, NotFoundError
from gaia_hooks.facts import session_types, snapshot
from gaia_hooks.session import sessions, state


class SessionType(NamedTuple):
    """A session's type, and what chose it: `command`, `environment`, `project`, `inferred` or `default`."""

    session: str
    type: str
    chosen_by: str


def names() -> list[str]:
    """Every type that a session can be of: the owner's file may add some. Raises ConfigError."""
    return list(owner.load_token_budget().defaults.session_budgets)


def current(session_id: str) -> SessionType:
    """The type that holds for a session now. Raises NotFoundError where hooks have not seen the session."""
    home = str(places.home())
    known = sessions.read(home, session_id) if state.is_session_id(session_id) else None
    if known is None:
        raise NotFoundError("session", session_id, sorted(sessions.ids(home))[:10])
    session_types.choose(known, snapshot.load(home))
    return SessionType(session_id, known.type, known.chosen_by)


def choose(session_id: str, wanted: str) -> SessionType:
    """Set a session's type by the user's word. Raises NotFoundError and InputError."""
    owner.load_token_budget().session(wanted)
    now = current(session_id)
    try:
        sessions.set_type(str(places.home()), now.session, wanted, session_types.COMMAND)
    except OSError as error:
        raise InputError(f"the session is busy ({error}): try again", slug="session-busy") from error
    return current(session_id)


def needs_human(session_id: str, wanted: str) -> bool:
    """Whether the change lifts a limit that blocks: by the files, or by what hooks hold, as files have the variables
    of whoever calls. Raises NotFoundError for a session or type unknown.
    """
    budget, held = owner.load_token_budget(), snapshot.load(str(places.home()))
    now, types = current(session_id).type, held["session_types"]
    lifted = budget.session(wanted).max_tokens > budget.session(now).max_tokens
    if wanted in types and now in types:
        lifted = lifted or types[wanted]["max_tokens"] > types[now]["max_tokens"]
    return lifted and (held["session_policy"] != "warn" or settings.load().session_policy != "warn")
