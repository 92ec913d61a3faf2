"""Tasks, projects, the cache, and days out of the ordinary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget.dashboard.charts import bars
from gaia_budget.dashboard.charts.marks import colours
from gaia_budget.errors import ConfigError
from gaia_budget.reports import shown
from gaia_budget.reports.money.cache import cache as ask_cache
from gaia_budget.reports.money.refused import refused as ask_refused
from gaia_budget.reports.money.tables import table
from gaia_budget.reports.money.tasks import tasks as ask_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaia_budget.dashboard.filters import Filters
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.money.cache import CacheUse
    from gaia_budget.reports.money.refused import Refusals
    from gaia_budget.reports.money.tasks import TaskSpend

MOST_ROWS = 40
"""Rows of a table on the page; its CSV has all."""
MOST_TASKS, MOST_MODELS = 25, 6


def tasks(ledger: Ledger, filters: Filters) -> dict[str, Any]:
    """Tasks by model, as a table whose shade is the share of the dearest cell."""
    found = ask_tasks(ledger, filters.asked)
    names, others = list(found.models)[:MOST_MODELS], list(found.models)[MOST_MODELS:]
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
            "cells": [_heat(one.by_model.get(model, 0), highest) for model in names] + _rest(one, others),
        }
        for place, one in enumerate(kept)
    ]
    return {
        "models": [(shown.model(model), colour[model]) for model in names]
        + [("Other models", "m9")] * bool(others),
        "rows": rows,
        "more": len(found.tasks) - len(kept),
        "more_models": len(others),
        "total": shown.money(found.cost_nano),
        "totals": [shown.money(found.models[model]) for model in names]
        + [shown.money(sum(found.models[model] for model in others))] * bool(others),
    }


def _rest(task: TaskSpend, others: Sequence[str]) -> list[tuple[str, str]]:
    """What a task used of the models that have no column of their own, with the dearest one's name."""
    spent = {model: task.by_model[model] for model in others if task.by_model.get(model)}
    if not spent:
        return [("h0", "·")] * bool(others)
    dearest = shown.model(max(spent, key=lambda model: spent[model]))
    also = f" and {len(spent) - 1} more" if len(spent) > 1 else ""
    return [("h1 rest", f"{shown.money(sum(spent.values()))} {dearest}{also}")]


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


def refused(ledger: Ledger, filters: Filters) -> dict[str, Any]:
    """Calls of apps that a limit refused, or moved to a cheaper model."""
    found = ask_refused(ledger, filters.asked)
    lines = [one for one in found.lines if one.refused or one.downgraded]
    rows = [(shown.name(one.module) or "no project", *_counts(one)) for one in lines[:MOST_ROWS]]
    return {"rows": rows, "total": _counts(found.total), "calls": f"{found.total.calls:,}"}


def split(ledger: Ledger) -> list[tuple[str, ...]]:
    """What each CLAUDE.md that is split has saved: tokens of a session before and after, its sessions, the sum."""
    from gaia_budget import owner
    from gaia_claude_md.files.saved import EVERYWHERE, everywhere

    try:
        roots = owner.load_registry().roots()
    except ConfigError:  # `doctor` and every command that needs it name it
        roots = []
    found: list[tuple[str, ...]] = []
    for one in everywhere(ledger, roots):
        kind = one.typical
        counts = (kind.before, kind.after, kind.saved, one.use.sessions, one.tokens)
        cost = "–" if one.cost_nano is None else shown.money(one.cost_nano)
        name = EVERYWHERE if one.module is None else shown.name(one.module)
        found.append((name, *(f"{count:,}" for count in counts), cost))
    return found


def _counts(one: Refusals) -> tuple[str, ...]:
    return tuple(f"{count:,}" for count in (one.refused, one.downgraded, one.calls))


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
