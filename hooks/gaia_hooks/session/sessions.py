"""The sessions that hooks watch, for everybody but the hooks: brought up to date, read, given another type."""

from gaia_hooks.machine import clock, files
from gaia_hooks.session import counting, state

SLICE_BYTES = 32 << 20  # what the core reads while it holds a session's lock
REST_SECONDS = 7 * 86_400  # after which nobody looks for what a session might still owe
IDLE_MICROS = 600 * clock.MICRO  # a thread this long silent has settled, whatever was not reported


def ids(home: str) -> "list[str]":
    """The sessions that hooks have seen lately; those at rest are left out (see `catch_up`)."""
    names = files.names_in(state.folder(home))
    return [name[: -len(".json")] for name in names if name.endswith(".json")]


def catch_up(home: str, session_id: str, final: bool = False, timeout: float = 10.0) -> state.State:
    """Count all that a watched session's files hold and write the lines still missing, each exactly once.

    Open responses are settled when the turn or session has ended, when nothing was written for ten minutes,
    or when `final`. The lock is let go between slices, so that no hook waits long. What has spent nothing for a week is
    laid to rest. Raises OSError, LockTimeout, and NewerState.
    """
    while True:
        with counting.lock_of(home, session_id, timeout) as lock:
            session = counting.opened(home, session_id, lock)
            mine = session.state
            if mine.fresh:
                return mine
            session.find_agents()
            session.count(SLICE_BYTES)
            if not mine.behind:
                if final or mine.ended:
                    session.settle_all()
                else:
                    _settle_silent(session)
            session.store()
            if not mine.behind:
                if _is_at_rest(mine):
                    state.lay_to_rest(home, session_id)
                return mine


def _is_at_rest(mine: state.State) -> bool:
    """Whether a session's files have stood still for so long that only a resume changes anything."""
    newest = max((files.modified(thread.place.path) for thread in mine.threads.values()), default=0)
    return newest < clock.now() // clock.MICRO - REST_SECONDS and (newest > 0 or mine.ended)


def _settle_silent(session: counting.Session) -> None:
    limit = clock.now() - IDLE_MICROS
    for thread_id, thread in session.state.threads.items():
        silent = (clock.parse(thread.last) or 0) < limit
        if silent or (thread_id == state.MAIN and session.state.turn_ended) or not thread.live:
            session.settle(thread_id)


def read(home: str, session_id: str) -> "state.State | None":
    """A watched session's state as it was last stored, without waiting for anyone; None when there is none."""
    found = state.load(home, session_id)
    return None if found.fresh else found


def set_type(home: str, session_id: str, session_type: str, chosen_by: str, timeout: float = 5.0) -> None:
    """Set a session's type; the user's word wins and may change at any time. Raises OSError, LockTimeout."""
    with counting.lock_of(home, session_id, timeout) as lock:
        session = counting.opened(home, session_id, lock)
        session.state.type, session.state.chosen_by = session_type, chosen_by
        session.state.told = [word for word in session.state.told if not word.isdigit()]
        session.store()
