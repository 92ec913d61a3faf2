"""The sessions that hooks watch, for everybody but the hooks: brought up to date, read, given another type."""

from gaia_hooks.machine import clock, files
from gaia_hooks.session import counting, state, state_file

SLICE_BYTES = 32 << 20  # what the core reads while it holds a session's lock
REST_SECONDS = 7 * 86_400  # after which nobody looks for what a session might still owe
ENDED_SECONDS = 3_600  # the same of one that has ended, and of which everything is understood
KEPT_SECONDS = 90 * 86_400  # after which a session at rest is forgotten, if its transcript is gone
LOOKED_AT = (
    64  # sessions at rest that one sweep looks at, others at the next: no run costs more for there being many
)
IDLE_MICROS = 600 * clock.MICRO  # a thread this long silent has settled, whatever was not reported


def ids(home: str) -> "list[str]":
    """The sessions that hooks have seen lately; those at rest are left out (see `catch_up`)."""
    names = files.names_in(state.folder(home))
    return [name[: -len(".json")] for name in names if name.endswith(".json")]


def is_at_rest(home: str, session_id: str) -> bool:
    """Whether hooks know a session that `ids` leaves out."""
    return state.is_session_id(session_id) and files.exists(state_file.rest_of(home, session_id))


def catch_up(home: str, session_id: str, final: bool = False, timeout: float = 10.0) -> state.State:
    """Count all that a watched session's files hold and write the lines still missing, each exactly once.

    Open responses are settled when the turn or session has ended, when nothing was written for ten minutes,
    or when `final`. The lock is let go between slices, so that no hook waits long. What spent nothing for a week, or
    for an hour since it ended, is laid to rest. Raises OSError, LockTimeout, and NewerState.
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
                if _rests(mine):
                    state_file.lay_to_rest(home, session_id)
                    lock.remove()
                return mine


def _rests(mine: state.State) -> bool:
    """Whether a session's files have stood still for so long that only a resume changes anything."""
    newest = max((files.modified(thread.place.path) for thread in mine.threads.values()), default=0)
    patience = ENDED_SECONDS if mine.ended and not mine.uncertain else REST_SECONDS
    return newest < clock.now() // clock.MICRO - patience and (newest > 0 or mine.ended)


def forget_old(home: str, now: int) -> None:
    """Remove sessions that rest for a season and cannot be resumed: their transcripts are gone.

    `now`: seconds since the epoch. Of many, each call looks at a few, and which ones goes by the minute.
    """
    names = sorted(files.names_in(state_file.rest_folder(home)))
    step = len(names) // LOOKED_AT + 1
    for name in names[now // 60 % step :: step]:
        session_id = name.rpartition(".")[0]
        young = files.modified(state_file.rest_of(home, session_id)) >= now - KEPT_SECONDS
        if young or files.exists(state.path_of(home, session_id)):
            continue
        try:
            with counting.lock_of(home, session_id, 0.0) as lock:
                if not files.exists(state_file.load(home, session_id).transcript):
                    state_file.forget(home, session_id)
                lock.remove()
        except (OSError, state.NewerState):
            continue  # somebody is at it, or it is not ours to remove


def _settle_silent(session: counting.Session) -> None:
    limit = clock.now() - IDLE_MICROS
    for thread_id, thread in session.state.threads.items():
        silent = (clock.parse(thread.last) or 0) < limit
        if silent or (thread_id == state.MAIN and session.state.turn_ended) or not thread.live:
            session.settle(thread_id)


def read(home: str, session_id: str) -> "state.State | None":
    """A watched session's state as it was last stored, without waiting for anyone; None when there is none."""
    found = state_file.load(home, session_id)
    return None if found.fresh else found


def set_type(home: str, session_id: str, session_type: str, chosen_by: str, timeout: float = 5.0) -> None:
    """Set a session's type; the user's word wins and may change at any time. Raises OSError, LockTimeout."""
    with counting.lock_of(home, session_id, timeout) as lock:
        session = counting.opened(home, session_id, lock)
        session.state.type, session.state.chosen_by = session_type, chosen_by
        session.state.told = [word for word in session.state.told if not word.isdigit()]
        session.store()
