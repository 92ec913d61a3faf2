"""What `ingest` asks the ledger about facts it already has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from gaia_budget.ledger.schema import events, sessions
from gaia_budget.ledger.zone import DAY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gaia_budget.ledger import Ledger

ASKED = 500  # values per question


class Known(NamedTuple):
    """The part of a stored response that reckoning needs."""

    session_id: str
    kind: str
    ts: int
    model: str
    usage: tuple[int, ...]
    cost_nano: int | None
    price_source: str


class AppCall(NamedTuple):
    """The part of a stored app call by which another record of the same call is recognised."""

    event_id: str
    ts: int
    model: str
    input_tokens: int
    output_tokens: int


def sessions_of(ledger: Ledger, event_ids: Collection[str]) -> dict[str, str]:
    """Which session the ledger says made each of these events; unknown events are absent."""
    found: dict[str, str] = {}
    for asked in _portions(list(event_ids)):
        rows = _fetch(ledger, [events.c.event_id, events.c.session_id], events.c.event_id.in_(asked))
        found.update((event_id, session_id) for event_id, session_id in rows)
    return found


def responses_of(ledger: Ledger, session_ids: Collection[str]) -> Iterator[Known]:
    """Everything that the ledger holds of these sessions."""
    c = events.c
    figures = [c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_5m_tokens,
               c.cache_write_1h_tokens, c.reasoning_tokens, c.web_searches]  # fmt: skip
    columns = [c.session_id, c.kind, c.ts, c.model, c.cost_nano, c.price_source, *figures]
    for asked, first, last in _together(_spans(ledger, session_ids)):
        for session_id, kind, ts, model, cost, source, *usage in _fetch(
            ledger, columns, c.session_id.in_(asked), c.ts.between(first, last)
        ):
            yield Known(session_id, kind, ts, model, tuple(usage), cost, source)


def _spans(ledger: Ledger, session_ids: Collection[str]) -> list[tuple[int, int, str]]:
    """First and last instant of each of these sessions, in the order of time."""
    c = sessions.c
    found: list[tuple[int, int, str]] = []
    for asked in _portions(sorted(session_ids)):
        mine = _fetch(ledger, [c.first_ts, c.last_ts, c.session_id], c.session_id.in_(asked))
        found += [(first, last, name) for first, last, name in mine]
    return sorted(found)


def _together(spans: Sequence[tuple[int, int, str]]) -> Iterator[tuple[list[str], int, int]]:
    """Sessions that spent at the same time or nearly so, with their first and last instant: one question for each."""
    names: list[str] = []
    begin = end = 0
    for first, last, name in spans:
        if names and (first > end + DAY or len(names) == ASKED):
            yield names, begin, end
            names = []
        if not names:
            begin, end = first, last
        names.append(name)
        end = max(end, last)
    if names:
        yield names, begin, end


def app_calls(ledger: Ledger, since: int, until: int) -> list[AppCall]:
    """The calls of apps between two instants, both included."""
    c = events.c
    columns = [c.event_id, c.ts, c.model, c.input_tokens, c.output_tokens]
    rows = _fetch(ledger, columns, c.source == "app", c.ts.between(since, until))
    return [AppCall(*row) for row in rows]


def _fetch(ledger: Ledger, columns: Sequence[Any], *conditions: Any) -> Sequence[Any]:
    question = select(*columns).where(columns[0].table.c.org == ledger.org, *conditions)
    return ledger.db.read(lambda connection: connection.execute(question).all())


def _portions(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), ASKED):
        yield values[start : start + ASKED]
