"""Sessions with their agents, and what changed between two stretches of days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget.dashboard.sections.words import signed, state, when
from gaia_budget.reports import shown
from gaia_budget.reports.money.changes import changes as ask_changes
from gaia_budget.reports.sessions import fan_outs
from gaia_budget.reports.sessions.recent import sessions as ask_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.dashboard.filters import Filters
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.sessions.recent import SessionLine

MOST_ROWS, MOST_SESSIONS = 40, 15


def sessions(ledger: Ledger, filters: Filters) -> dict[str, Any]:
    """The newest sessions of the period."""
    found = ask_sessions(ledger, filters.of_sessions, MOST_SESSIONS)
    costs, total = shown.cents([one.spend.cost_nano for one in found.lines])
    rows = []
    for one, cost in zip(found.lines, costs, strict=True):
        kind, sign, _ = state(one.status.percent)
        rows.append(
            {
                "id": one.spend.session_id,
                "short": one.short,
                "started": when(ledger.zone, one.spend.first_ts),
                "took": shown.span(one.spend.last_ts - one.spend.first_ts),
                "module": shown.name(one.spend.module),
                "type": one.status.type.replace("_", " "),
                "counted": f"{one.spend.figures.budget_tokens:,}",
                "percent": f"{sign} {shown.percent(one.status.percent)}"
                if kind
                else shown.percent(one.status.percent),
                "kind": kind,
                "agents": one.agents,
                "cached": "–" if one.from_cache is None else f"{one.from_cache:g} %",
                "models": ", ".join(shown.model(part.key) for part in one.spend.models[:3]),
                "cost": cost,
            }
        )
    return {
        "rows": rows,
        "known": found.known,
        "total": total,
        "counted": f"{found.total.budget_tokens:,}",
        "agents": _agents(found.lines),
    }


def _agents(lines: Sequence[SessionLine]) -> dict[str, Any]:
    """What the agents of these sessions cost, by kind."""
    found = fan_outs.of(lines)
    costs, total = shown.cents([one.figures.cost_nano for one in found.lines])
    rows = [
        (
            shown.name(one.name),
            f"{one.sessions:,}",
            f"{one.started:,}" if one.started else "–",
            f"{one.figures.responses:,}",
            f"{one.figures.budget_tokens:,}",
            costs[place],
        )
        for place, one in enumerate(found.lines)
    ]
    figures = found.total
    foot = (
        "Total",
        f"{found.looked_at:,}",
        "",
        f"{figures.responses:,}",
        f"{figures.budget_tokens:,}",
        total,
    )
    return {"rows": rows, "foot": foot}


def changes(ledger: Ledger, filters: Filters) -> dict[str, Any]:
    """The period against as many days before it."""
    found = ask_changes(ledger, filters.asked)
    columns = [
        shown.cents([getattr(getattr(one, part), money) for one in found.lines])
        for money in ("apps_nano", "claude_code_nano")
        for part in ("before", "now")
    ]
    rows = [
        (shown.name(one.name) or "no project", *(cells[place] for cells, _ in columns), signed(one.nano))
        for place, one in enumerate(found.lines)
    ][:MOST_ROWS]
    since = ledger.zone.local(found.since)
    before, last = ledger.zone.local(found.before), ledger.zone.local(found.until - 1)
    days = (last.date() - since.date()).days + 1
    return {
        "rows": rows,
        "totals": [total for _, total in columns],
        "change": signed(found.total.nano),
        "says": f"{days} day{'s' if days > 1 else ''} from {since.day} {since:%b} against as many from "
        f"{before.day} {before:%b}",
    }
