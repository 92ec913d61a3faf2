"""One session: what status shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, literal_column, select

from gaia_budget.ledger.facts import SUMS_OF_EVENTS
from gaia_budget.ledger.questions import Figures
from gaia_budget.ledger.schema import events, rollups
from gaia_budget.ledger.schema import sessions as spans
from gaia_budget.ledger.zone import HOUR

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Part(NamedTuple):
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
    models: list[Part]
    agents: list[Part]

    @property
    def cost_nano(self) -> int:
        """Nano-dollars, with what is unattributed."""
        return self.figures.cost_nano + self.unattributed_nano


def session(connection: Connection, org: str, session_id: str) -> SessionSpend | None:
    """A session's spend, or None where the ledger knows nothing of it."""
    table, span = events.c, spans.c
    within = select(span.first_ts, span.last_ts).where(span.org == org, span.session_id == session_id)
    known = connection.execute(within).first()
    if known is None:
        return None
    mine = (table.org == org, table.session_id == session_id, table.ts.between(*known))
    rows = connection.execute(
        select(
            table.kind, table.model, table.agent_id, table.agent_type, *map(literal_column, SUMS_OF_EVENTS)
        )
        .where(*mine)
        .group_by(table.kind, table.model, table.agent_id, table.agent_type)
    ).all()
    if not rows:
        return None
    ends = select(func.min(table.ts), func.max(table.ts), func.min(table.module)).where(*mine)
    first, last, module = connection.execute(ends).one()
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


def _parts(shares: list[tuple[str, str, Figures]]) -> list[Part]:
    found: dict[str, Part] = {}
    for key, name, figures in shares:
        before = found.get(key)
        found[key] = Part(key, name, figures if before is None else before.figures.plus(figures))
    return sorted(found.values(), key=lambda part: (-part.figures.cost_nano, part.key))


def latest_session(connection: Connection, org: str, module: str | None = None) -> str | None:
    """The session with the newest event."""
    table, sums = events.c, rollups.c
    question = select(table.session_id).where(table.org == org, table.session_id != "")
    newest_hour = select(func.max(sums.bucket)).where(sums.org == org, sums.grain == "hour", sums.events > 0)
    if module is not None:
        question = question.where(table.module == module)
        newest_hour = newest_hour.where(sums.module == module)
    question = question.order_by(table.ts.desc()).limit(1)
    hour = connection.execute(newest_hour).scalar()
    if hour is None:
        return None
    recent = connection.execute(question.where(table.ts >= hour * HOUR)).scalar()
    return connection.execute(question).scalar() if recent is None else recent


def recent_sessions(connection: Connection, org: str) -> list[str]:
    """The few sessions that spent last."""
    known = select(spans.c.session_id).where(spans.c.org == org)
    return list(
        connection.execute(known.order_by(spans.c.last_ts.desc(), spans.c.session_id).limit(5)).scalars()
    )
