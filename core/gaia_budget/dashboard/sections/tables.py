"""Tasks, projects, sessions, the cache, what changed, and days out of the ordinary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget.dashboard.charts import bars
from gaia_budget.dashboard.charts.marks import colours
from gaia_budget.dashboard.sections.words import signed, span, state, when
from gaia_budget.reports import shown
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.cache import cache as ask_cache
from gaia_budget.reports.money.changes import changes as ask_changes
from gaia_budget.reports.money.tables import table
from gaia_budget.reports.money.tasks import tasks as ask_tasks
from gaia_budget.reports.sessions.recent import sessions as ask_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaia_budget.dashboard.filters import Filters
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.money.cache import CacheUse

MOST_ROWS = 40
"""Rows of a table on the page; its CSV has all."""
MOST_TASKS, MOST_MODELS, MOST_SESSIONS = 25, 8, 15


def tasks(ledger: Ledger, filters: Filters) -> dict[str, Any]:
    """Tasks by model, as a table whose shade is the share of the dearest cell."""
    found = ask_tasks(ledger, filters.asked)
    names = list(found.models)[:MOST_MODELS]
    colour = colours(filters.models)
    highest = max((nano for one in found.tasks for nano in one.by_model.values()), default=0)
    kept = found.tasks[:MOST_TASKS]
    costs, _ = shown.cents([one.figures.cost_nano for one in found.tasks])
    rows = [
        {
            "task": shown.name(one.name) or "no task",
            "module": shown.name(one.module),
            "cost": costs[place],
            "calls": f"{one.figures.responses:,}",
            "cells": [_heat(one.by_model.get(model, 0), highest) for model in names],
        }
        for place, one in enumerate(kept)
    ]
    return {
        "models": [(shown.model(model), colour[model]) for model in names],
        "rows": rows,
        "more": len(found.tasks) - len(kept),
        "more_models": len(found.models) - len(names),
        "total": shown.money(found.cost_nano),
        "totals": [shown.money(found.models[model]) for model in names],
    }


def _heat(nano: int, highest: int) -> tuple[str, str]:
    if not nano:
        return "h0", "·"
    return f"h{min(5, 1 + nano * 5 // (highest + 1))}", shown.money(nano)


def projects(ledger: Ledger, filters: Filters, trend: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """What each project cost in the period, with its last days."""
    answer = table(ledger, "module", filters.asked)
    kept = answer.lines[:MOST_ROWS]
    apps, apps_total = shown.cents([one.apps_nano for one in answer.lines])
    code, code_total = shown.cents([one.claude_code_nano for one in answer.lines])
    most_apps = max((one.apps_nano for one in answer.lines), default=0)
    most_code = max((one.claude_code_nano for one in answer.lines), default=0)
    rows = [
        {
            "name": shown.name(one.key) or "no project",
            "key": one.key,
            "spark": bars.spark(trend[one.key]) if one.key in trend else "",
            "apps": apps[place],
            "apps_bar": bars.share(one.apps_nano, most_apps),
            "code": code[place],
            "code_bar": bars.share(one.claude_code_nano, most_code, "ccbar"),
            "tokens": f"{one.figures.total_tokens:,}",
            "models": ", ".join(shown.model(model) for model in one.models[:3]),
        }
        for place, one in enumerate(kept)
    ]
    tokens = f"{answer.total.figures.total_tokens:,}"
    more = len(answer.lines) - len(kept)
    return {"rows": rows, "more": more, "apps": apps_total, "code": code_total, "tokens": tokens}


def sessions(ledger: Ledger, filters: Filters) -> dict[str, Any]:
    """The newest sessions of the period."""
    where = {"module": filters.project} if filters.project else {}
    found = ask_sessions(ledger, Asked(filters.since, filters.until, where), MOST_SESSIONS)
    costs, total = shown.cents([one.spend.cost_nano for one in found.lines])
    rows = []
    for one, cost in zip(found.lines, costs, strict=True):
        kind, sign, _ = state(one.status.percent)
        rows.append(
            {
                "id": one.spend.session_id,
                "short": one.short,
                "started": when(ledger.zone, one.spend.first_ts),
                "took": span(one.spend.last_ts - one.spend.first_ts),
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
    return {"rows": rows, "known": found.known, "total": total, "counted": f"{found.total.budget_tokens:,}"}


def cache(ledger: Ledger, filters: Filters) -> dict[str, Any]:
    """How much of each project's prompts came from the cache, and what that saved, in Claude Code."""
    where = {**filters.asked.where, "source": "claude_code"}
    found = ask_cache(ledger, filters.asked._replace(where=where))
    kept = found.lines[:MOST_ROWS]
    saved, all_saved = shown.cents([one.saved_nano for one in found.lines])
    again, all_again = shown.cents([one.again_nano for one in found.lines])

    def row(one: CacheUse, saved: str, again: str) -> tuple[str, ...]:
        hit = "–" if one.from_cache is None else f"{one.from_cache:g} %"
        counts = (one.figures.cache_read_tokens, one.written, one.figures.recached_tokens)
        read, written, written_again = (f"{figure:,}" for figure in counts)
        return hit, read, written, saved, written_again, again

    rows = [
        (shown.name(one.key) or "no project", *row(one, saved[place], again[place]))
        for place, one in enumerate(kept)
    ]
    more = len(found.lines) - len(kept)
    return {"rows": rows, "total": row(found.total, all_saved, all_again), "saved": all_saved, "more": more}


def changes(ledger: Ledger) -> dict[str, Any]:
    """Seven days against the seven before."""
    found = ask_changes(ledger)
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
    before = ledger.zone.local(found.before)
    return {
        "rows": rows,
        "totals": [total for _, total in columns],
        "change": signed(found.total.nano),
        "says": f"since {since.day} {since:%b} against the 7 days from {before.day} {before:%b}",
    }


def unusual(ledger: Ledger) -> list[tuple[str, ...]]:
    """Days out of the ordinary."""
    from gaia_budget.forecast.anomalies import anomalies

    found: list[tuple[str, ...]] = []
    for one in anomalies(ledger)[:12]:
        document = one.document()
        what = shown.name(one.task) if one.task else "the project as a whole"
        amounts = (shown.money(one.actual_nano), shown.money(one.expected_nano))
        found.append((document["at"], shown.name(one.module), what, *amounts, shown.name(one.cause, 300)))
    return found
