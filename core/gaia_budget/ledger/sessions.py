"""Sessions: what each spent, which spent in a stretch of time, and how they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.database.measures import SUMS_OF_EVENTS, Figures
from gaia_budget.ledger.questions import AGENT, COLUMNS, SPAN
from gaia_budget.ledger.zone import HOUR, NO_END

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.ledger.database.connection import Ask

MINE = "FROM events WHERE org = ? AND session_id = ? AND ts BETWEEN ? AND ?"
PARTS = (
    f"SELECT kind, model, agent_id, agent_type, {', '.join(SUMS_OF_EVENTS)} {MINE} "
    "GROUP BY kind, model, agent_id, agent_type"
)
ENDS = f"SELECT min(ts), max(ts), min(module) {MINE}"
NEWEST_HOUR = "SELECT max(bucket) FROM rollups WHERE org = ? AND grain = 'hour' AND events > 0 {}"
NEWEST = "SELECT session_id FROM events WHERE org = ? AND session_id <> '' {} ORDER BY ts DESC LIMIT 1"
RECENT = "SELECT session_id FROM sessions WHERE org = ? ORDER BY last_ts DESC, session_id LIMIT 5"
BETWEEN = (
    "SELECT session_id FROM sessions s WHERE org = ? AND last_ts >= ? AND first_ts < ? {} "
    "ORDER BY last_ts DESC, session_id"
)
WHERE_IT_SPENT = (
    "AND EXISTS (SELECT 1 FROM events e WHERE e.org = s.org AND e.session_id = s.session_id "
    "AND e.ts BETWEEN s.first_ts AND s.last_ts{})"
)
NAMED = "SELECT session_id FROM sessions WHERE org = ? AND substr(session_id, 1, ?) = ? ORDER BY session_id LIMIT 6"
RESPONSES = (
    f"SELECT ts, {AGENT}, model, input_tokens, output_tokens, "  # noqa: S608 (words of our own)
    "cache_write_5m_tokens + cache_write_1h_tokens, cache_read_tokens, cost_nano "
    "FROM events WHERE org = ? AND session_id = ? AND ts BETWEEN ? AND ? ORDER BY ts DESC, event_id LIMIT ?"
)


class SessionShare(NamedTuple):
    """The share of one model or one agent in a session; `name` is the model, or the agent's type."""

    key: str
    name: str
    figures: Figures


class SessionSpend(NamedTuple):
    """What a session spent. `figures` leave out what is known from the client's total alone: `unattributed_nano`."""

    session_id: str
    module: str
    first_ts: int
    last_ts: int
    figures: Figures
    unattributed_nano: int
    models: list[SessionShare]
    agents: list[SessionShare]

    @property
    def cost_nano(self) -> int:
        """Nano-dollars, with what is unattributed."""
        return self.figures.cost_nano + self.unattributed_nano


def session(ask: Ask, org: str, session_id: str) -> SessionSpend | None:
    """A session's spend, or None where the ledger knows nothing of it."""
    known = ask(SPAN, (org, session_id))
    if not known:
        return None
    mine = (org, session_id, *known[0])
    rows = ask(PARTS, mine)
    if not rows:
        return None
    [(first, last, module)] = ask(ENDS, mine)
    unattributed = sum(int(row[-1]) for row in rows if row[0] == "unattributed")
    counted = [(row[1:4], Figures(*map(int, row[4:]))) for row in rows if row[0] != "unattributed"]
    total = Figures.sum(figures for _, figures in counted)
    models = _parts([(model, model, figures) for (model, _, _), figures in counted])
    agents = _parts(
        [
            (agent or "main", (kind or agent) if agent else "main", figures)
            for (_, agent, kind), figures in counted
        ]
    )
    return SessionSpend(session_id, module, first, last, total, unattributed, models, agents)


def _parts(shares: list[tuple[str, str, Figures]]) -> list[SessionShare]:
    found: dict[str, SessionShare] = {}
    for key, name, figures in shares:
        before = found.get(key)
        found[key] = SessionShare(key, name, figures if before is None else before.figures.plus(figures))
    return sorted(found.values(), key=lambda part: (-part.figures.cost_nano, part.key))


def latest_session(ask: Ask, org: str, module: str | None = None) -> str | None:
    """The session with the newest event: in the newest hour that spent, where it is found fast, else in all of it."""
    of_module, values = ("", (org,)) if module is None else ("AND module = ?", (org, module))
    [(hour,)] = ask(NEWEST_HOUR.format(of_module), values)
    if hour is None:
        return None
    found = ask(NEWEST.format(f"{of_module} AND ts >= ?"), (*values, hour * HOUR))
    found = found or ask(NEWEST.format(of_module), values)
    return found[0][0] if found else None


def recent_sessions(ask: Ask, org: str) -> list[str]:
    """The few sessions that spent last."""
    return [name for (name,) in ask(RECENT, (org,))]


class ResponseRow(NamedTuple):
    """One event of a session, at an instant in UTC microseconds; `agent` is its type, `main` the main thread."""

    ts: int
    agent: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    cost_nano: int | None


def sessions_between(
    ask: Ask, org: str, since: int | None, until: int | None, where: Mapping[str, str]
) -> list[str]:
    """The sessions that spent something in [since, until), the newest first; where axes have these values."""
    values: list[Any] = [org, 0 if since is None else since, NO_END if until is None else until]
    named = "".join(f' AND e."{COLUMNS[axis]}" = ?' for axis in where)
    rows = ask(BETWEEN.format(WHERE_IT_SPENT.format(named) if where else ""), [*values, *where.values()])
    return [str(session) for (session,) in rows]


def sessions_named(ask: Ask, org: str, beginning: str) -> list[str]:
    """A few sessions whose ids begin so."""
    return [str(session) for (session,) in ask(NAMED, [org, len(beginning), beginning])]


def responses(ask: Ask, org: str, session: str, most: int) -> list[ResponseRow]:
    """The newest events of a session."""
    first, last = next(iter(ask(SPAN, (org, session))), (0, -1))
    return [ResponseRow(*row) for row in ask(RESPONSES, (org, session, first, last, most))]
