"""What `ingest` asks the ledger about facts it already has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.zone import DAY
from gaia_hooks.facts import names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gaia_budget.ledger import Ledger

ASKED = 500  # values per question


class StoredResponse(NamedTuple):
    """The part of a stored response that reckoning needs."""

    session_id: str
    kind: str
    ts: int
    model: str
    usage: tuple[int, ...]
    cost_nano: int | None
    price_source: str


class Maker(NamedTuple):
    """The session and thread that made a response, and when; `request` is empty where the ledger is asked."""

    session_id: str
    agent_id: str
    ts: int
    request: str = ""

    def is_same(self, other: Maker) -> bool:
        """Whether both are one session and thread: older ledgers have their ids as they were written."""
        return self[:2] == other[:2] or self._ids == other._ids

    @property
    def _ids(self) -> tuple[str, str]:
        return names.told_apart(self.session_id), names.told_apart(self.agent_id)


class AppCall(NamedTuple):
    """The part of a stored app call by which another record of the same call is recognised."""

    event_id: str
    ts: int
    model: str
    input_tokens: int
    output_tokens: int


SESSIONS = "SELECT event_id, session_id FROM events WHERE org = ? AND event_id IN ({})"
MAKERS = "SELECT event_id, session_id, agent_id, ts FROM events WHERE org = ? AND event_id IN ({})"
SPANS = "SELECT first_ts, last_ts, session_id FROM sessions WHERE org = ? AND session_id IN ({})"
RESPONSES = (
    "SELECT session_id, kind, ts, model, cost_nano, price_source, input_tokens, output_tokens, cache_read_tokens, "
    "cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, web_searches FROM events "
    "WHERE org = ? AND session_id IN ({}) AND ts BETWEEN ? AND ?"
)
APP_CALLS = (
    "SELECT event_id, ts, model, input_tokens, output_tokens FROM events "
    "WHERE org = ? AND source = 'app' AND ts BETWEEN ? AND ?"
)


def sessions_of(ledger: Ledger, event_ids: Collection[str]) -> dict[str, str]:
    """Which session the ledger says made each of these events; unknown events are absent."""
    found: dict[str, str] = {}
    for asked in _portions(list(event_ids)):
        found.update(_asked(ledger, SESSIONS, asked))
    return found


def makers_of(ledger: Ledger, event_ids: Collection[str]) -> dict[str, Maker]:
    """Who made each of these events, as the ledger knows it; unknown events are absent."""
    found: dict[str, Maker] = {}
    for asked in _portions(sorted(event_ids)):
        rows = _asked(ledger, MAKERS, asked)
        found.update({event_id: Maker(session, agent, ts) for event_id, session, agent, ts in rows})
    return found


def responses_of(ledger: Ledger, session_ids: Collection[str]) -> Iterator[StoredResponse]:
    """Everything that the ledger holds of these sessions."""
    for asked, first, last in _together(_spans(ledger, session_ids)):
        for session_id, kind, ts, model, cost, source, *usage in _asked(
            ledger, RESPONSES, asked, first, last
        ):
            yield StoredResponse(session_id, kind, ts, model, tuple(usage), cost, source)


def _spans(ledger: Ledger, session_ids: Collection[str]) -> list[tuple[int, int, str]]:
    """First and last instant of each of these sessions, in the order of time."""
    found: list[tuple[int, int, str]] = []
    for asked in _portions(sorted(session_ids)):
        found += _asked(ledger, SPANS, asked)
    return sorted(found)


def _together(spans: Sequence[tuple[int, int, str]]) -> Iterator[tuple[list[str], int, int]]:
    """Sessions that spent at the same time or nearly so, with their first and last instant: one question for each."""
    found: list[str] = []
    begin = end = 0
    for first, last, name in spans:
        if found and (first > end + DAY or len(found) == ASKED):
            yield found, begin, end
            found = []
        if not found:
            begin, end = first, last
        found.append(name)
        end = max(end, last)
    if found:
        yield found, begin, end


def app_calls(ledger: Ledger, since: int, until: int) -> list[AppCall]:
    """The calls of apps between two instants, both included."""
    rows = ledger.db.ask(lambda ask: ask(APP_CALLS, (ledger.org, since, until)))
    return [AppCall(*row) for row in rows]


def _asked(ledger: Ledger, sql: str, asked: Sequence[str], *values: int) -> Sequence[tuple[Any, ...]]:
    """A question about several sessions or events, by name."""
    marked = sql.format(", ".join("?" * len(asked)))
    return ledger.db.ask(lambda ask: ask(marked, (ledger.org, *asked, *values)))


def _portions(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), ASKED):
        yield values[start : start + ASKED]
