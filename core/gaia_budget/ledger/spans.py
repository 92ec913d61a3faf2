"""When each session spent: a session's events are found by time.

An index of all events by session would do the same and made taking them in a quarter slower. A span may be wider
than the events it stands for, never narrower.
"""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING

from gaia_budget.ledger.database.schema import SESSIONS
from gaia_budget.ledger.rows import EVENT_FIELDS, Insertion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.ledger.database.connection import Transaction
    from gaia_budget.ledger.rows import EventRow

_EARLIER = "excluded.first_ts < sessions.first_ts"
_LATER = "excluded.last_ts > sessions.last_ts"
WIDEN = Insertion(
    SESSIONS,
    ("org", "session_id", "first_ts", "last_ts"),
    "ON CONFLICT (org, session_id) DO UPDATE SET "
    f"first_ts = CASE WHEN {_EARLIER} THEN excluded.first_ts ELSE sessions.first_ts END, "
    f"last_ts = CASE WHEN {_LATER} THEN excluded.last_ts ELSE sessions.last_ts END "
    f"WHERE {_EARLIER} OR {_LATER}",
)
ALL = WIDEN.selected(
    "SELECT org, session_id, min(ts), max(ts) FROM events WHERE session_id <> '' AND org = ? GROUP BY org, session_id"
)
OUTSIDE = (
    "SELECT e.session_id, count(*) FROM events AS e LEFT JOIN sessions AS s "
    "ON s.org = e.org AND s.session_id = e.session_id "
    "WHERE e.org = ? AND e.session_id <> '' AND coalesce(e.ts NOT BETWEEN s.first_ts AND s.last_ts, TRUE) "
    "GROUP BY e.session_id ORDER BY e.session_id"
)
"""Sessions with events that their span would hide, and how many."""

_AT = EVENT_FIELDS.index("ts")
_session_of = itemgetter(EVENT_FIELDS.index("org"), EVENT_FIELDS.index("session_id"))


class Spans:
    """Instants of sessions, gathered in memory, then written at once."""

    def __init__(self) -> None:
        self._instants: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def add(self, found: Iterable[EventRow]) -> None:
        """Take in when these events happened."""
        instants = self._instants
        for row in found:
            session = _session_of(row)
            if session[1]:
                instants[session].append(row[_AT])

    def fold(self) -> None:
        """Keep the first and the last instant of each session."""
        for instants in self._instants.values():
            instants[:] = min(instants), max(instants)

    def join(self, other: Spans) -> None:
        """Take over what another one has gathered."""
        for session, instants in other._instants.items():
            self._instants[session] += instants

    def write(self, tx: Transaction) -> None:
        """Widen the spans of these sessions; sorted: rivals on PostgreSQL lock rows in one order."""
        self.fold()
        WIDEN.run(tx, [(*session, *self._instants[session]) for session in sorted(self._instants)])


def renew(tx: Transaction, org: str) -> None:
    """The spans of all sessions anew, from the events."""
    tx.text("DELETE FROM sessions WHERE org = ?", (org,))
    tx.text(ALL, (org,))
