"""Sessions with their agents, one session by model and agent and over time, and what changed between two stretches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_budget.dashboard.charts import bars
from gaia_budget.dashboard.charts.marks import colours
from gaia_budget.dashboard.sections.words import signed, state, when
from gaia_budget.ingest.context import ContextQuestion, fills
from gaia_budget.reports import shown
from gaia_budget.reports.asked import SHORT
from gaia_budget.reports.money.changes import changes as ask_changes
from gaia_budget.reports.sessions import fan_outs
from gaia_budget.reports.sessions.recent import sessions as ask_sessions
from gaia_hooks.facts.prices.money import usd_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.dashboard.filters import Filters
    from gaia_budget.ingest.context import ContextRow
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.database.measures import Figures
    from gaia_budget.ledger.sessions import ResponseRow
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.sessions.receipt import Receipt
    from gaia_budget.reports.sessions.recent import SessionLine

MOST_ROWS, MOST_SESSIONS, MOST_TOOLS, MOST_STACKS = 40, 15, 12, 40


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


def session(found: Receipt, zone: Zone, models: Sequence[str], *, on_a_plan: bool) -> dict[str, Any]:
    """One session: its figures, by model, by agent, over time, and its newest responses.

    `models` are all that were ever used, the dearest first: they have the colours.
    """
    line, spend = found.line, found.line.spend
    mine = {part.key for part in spend.models}
    colour = {model: kind for model, kind in colours(models).items() if model in mine}
    kind, sign, _ = state(line.status.percent)
    stretches = found.stretches(MOST_STACKS)
    names = [f"{zone.local(one.start):%H:%M}" for one in stretches]
    stacks = [
        bars.Stack(f"{name}, {one.minutes} min", name, one.models)
        for name, one in zip(names, stretches, strict=True)
    ]
    return {
        "id": spend.session_id,
        "short": spend.session_id[:SHORT],
        "module": shown.name(spend.module),
        "key": spend.module,
        "from": when(zone, spend.first_ts),
        "to": when(zone, spend.last_ts),
        "took": shown.span(spend.last_ts - spend.first_ts),
        "cost": shown.money(spend.cost_nano),
        "billed": "At API prices, not billed" if on_a_plan else "At API prices",
        "unattributed": shown.money(spend.unattributed_nano) if spend.unattributed_nano else "",
        "counted": f"{spend.figures.budget_tokens:,}",
        "limit": f"{line.status.limit_tokens:,}",
        "type": line.status.type.replace("_", " "),
        "percent": shown.percent(line.status.percent),
        "kind": kind,
        "sign": sign,
        "responses": f"{spend.figures.responses:,}",
        "agents": line.agents,
        "cached": "–" if line.from_cache is None else f"{line.from_cache:g} %",
        "read": f"{spend.figures.cache_read_tokens:,}",
        "saved": shown.money(line.status.cache.saved_nano),
        "paid_again": shown.money(line.status.cache.again_nano),
        "again": f"{spend.figures.recached_tokens:,}",
        "chart": bars.columns("Dollars over the session, by model", stacks, colour) if stacks else "",
        "legend": [(shown.model(model), name) for model, name in colour.items()],
        "by_model": _parts([(shown.model(part.key), part.figures) for part in spend.models]),
        "by_agent": _parts([(shown.name(part.name), part.figures) for part in spend.agents]),
        "rows": [_response(zone, one) for one in found.responses],
    }


def context(found: Receipt) -> dict[str, Any]:
    """What fills the session's context, by tool: estimates, from its transcripts as far as they are still there."""
    rows = fills(
        places.claude_config_dirs(), [], ContextQuestion(["tool"], session=found.line.spend.session_id)
    )
    percent = found.line.status.context_percent
    return {**tools(rows), "percent": "" if percent is None else f"{percent:g} %"}


def tools(rows: Sequence[ContextRow]) -> dict[str, Any]:
    """The tools whose results fill the context, what was carried most first."""
    found = [
        (shown.name(one.key[0], 40), f"{one.calls:,}", f"{one.result_tokens:,}", f"{one.carried_tokens:,}")
        for one in rows[:MOST_TOOLS]
    ]
    return {"rows": found, "more": max(0, len(rows) - MOST_TOOLS)}


def _parts(parts: Sequence[tuple[str, Figures]]) -> dict[str, Any]:
    costs, total = shown.cents([figures.cost_nano for _, figures in parts])
    rows = [
        (name, f"{one.responses:,}", f"{one.budget_tokens:,}", f"{one.cache_read_tokens:,}", cost)
        for (name, one), cost in zip(parts, costs, strict=True)
    ]
    return {"rows": rows, "total": total}


def _response(zone: Zone, one: ResponseRow) -> tuple[str, ...]:
    tokens = (one.input_tokens, one.output_tokens, one.cache_write_tokens, one.cache_read_tokens)
    cost = "no price" if one.cost_nano is None else usd_short(one.cost_nano)
    counts = [f"{figure:,}" for figure in tokens]
    return (f"{zone.local(one.ts):%H:%M:%S}", shown.name(one.agent), shown.model(one.model), *counts, cost)


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
