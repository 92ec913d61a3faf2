"""One session: what status shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ledger.database.measures import SUMS_OF_EVENTS
from gaia_budget.ledger.questions import SPAN, Figures
from gaia_budget.ledger.zone import HOUR

if TYPE_CHECKING:
    from gaia_budget.ledger.database import Ask

MINE = "FROM events WHERE org = ? AND session_id = ? AND ts BETWEEN ? AND ?"
PARTS = (
    f"SELECT kind, model, agent_id, agent_type, {', '.join(SUMS_OF_EVENTS)} {MINE} "
    "GROUP BY kind, model, agent_id, agent_type"
)
ENDS = f"SELECT min(ts), max(ts), min(module) {MINE}"
NEWEST_HOUR = "SELECT max(bucket) FROM rollups WHERE org = ? AND grain = 'hour' AND events > 0 {}"
NEWEST = "SELECT session_id FROM events WHERE org = ? AND session_id <> '' {} ORDER BY ts DESC LIMIT 1"
RECENT = "SELECT session_id FROM sessions WHERE org = ? ORDER BY last_ts DESC, session_id LIMIT 5"


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
    total = Figures()
    for _, figures in counted:
        total = total.plus(figures)
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
