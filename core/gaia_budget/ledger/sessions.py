"""One session, and one month of a module: what status shows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from gaia_budget.ledger.questions import Figures, figures_of_events
from gaia_budget.ledger.rollups import module_scope
from gaia_budget.ledger.schema import budgets, events, rollups
from gaia_budget.ledger.zone import Zone, first_of, month_name

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


class MonthSpend(NamedTuple):
    """A module's month in nano-dollars. `spent_nano` is what counts against a cap of apps alone.

    `claude_code_nano` is Claude Code spend that is billed by API, `unknown_billing_nano` that of which nobody
    said how it is billed, `plan_equivalent_nano` plan usage at API prices, which is not billed.
    """

    module: str
    name: str
    start_ts: int
    end_ts: int
    resets_on: str
    app_nano: int
    claude_code_nano: int
    unknown_billing_nano: int
    plan_equivalent_nano: int
    assumed_nano: int
    reserved_nano: int
    override_nano: int

    def spent_nano(self, *, counts_claude_code: bool = False) -> int:
        """What counts against the cap; with Claude Code's API spend where the module's setting says so."""
        return self.app_nano + self.assumed_nano + (self.claude_code_nano if counts_claude_code else 0)


def session(connection: Connection, org: str, session_id: str) -> SessionSpend | None:
    """A session's spend, or None where the ledger knows nothing of it."""
    table = events.c
    mine = (table.org == org, table.session_id == session_id)
    rows = connection.execute(
        select(table.kind, table.model, table.agent_id, table.agent_type, *figures_of_events())
        .where(*mine)
        .group_by(table.kind, table.model, table.agent_id, table.agent_type)
    ).all()
    if not rows:
        return None
    span = select(func.min(table.ts), func.max(table.ts), func.min(table.module)).where(*mine)
    first, last, module = connection.execute(span).one()
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
    table = events.c
    question = select(table.session_id).where(table.org == org, table.session_id != "")
    if module is not None:
        question = question.where(table.module == module)
    return connection.execute(question.order_by(table.ts.desc()).limit(1)).scalar()


def months(
    connection: Connection, zone: Zone, org: str, number: int, module: str | None = None
) -> dict[str, MonthSpend]:
    """The month (`year * 12 + month - 1`) of each module that spent something in it, or of one."""
    table = rollups.c
    question = (
        select(table.module, table.source, table.billing, func.sum(table.cost_nano))
        .where(table.org == org, table.grain == "month", table.bucket == number)
        .group_by(table.module, table.source, table.billing)
    )
    held = select(budgets.c.scope, budgets.c.assumed_nano, budgets.c.reserved_nano, budgets.c.override_nano)
    held = held.where(budgets.c.org == org, budgets.c.scope.like(f"module:%:{month_name(number)}"))
    if module is not None:
        question = question.where(table.module == module)
        held = held.where(budgets.c.scope == module_scope(module, number))
    costs: dict[str, dict[tuple[str, str], int]] = {module: {}} if module is not None else {}
    for name, source, billing, nano in connection.execute(question):
        costs.setdefault(name, {})[source, billing] = int(nano)
    amounts = {scope: tuple(rest) for scope, *rest in connection.execute(held)}
    for scope in amounts:
        costs.setdefault(scope.split(":", 1)[1].rsplit(":", 1)[0], {})
    return {
        name: _month(zone, name, number, cost, amounts.get(module_scope(name, number), (0, 0, 0)))
        for name, cost in costs.items()
    }


def _month(
    zone: Zone, module: str, number: int, cost: dict[tuple[str, str], int], held: tuple[int, ...]
) -> MonthSpend:
    return MonthSpend(
        module,
        month_name(number),
        zone.start_of_month(number),
        zone.start_of_month(number + 1),
        first_of(number + 1).isoformat(),
        sum(nano for (source, billing), nano in cost.items() if source == "app" and billing != "plan"),
        cost.get(("claude_code", "api"), 0),
        cost.get(("claude_code", "unknown"), 0),
        sum(nano for (_, billing), nano in cost.items() if billing == "plan"),
        *held,
    )
