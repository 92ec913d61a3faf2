"""Dollars over time, and what each model cost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from gaia_budget.dashboard.charts import bars, curves
from gaia_budget.dashboard.charts.marks import OTHERS, colours
from gaia_budget.owner import WARNS
from gaia_budget.reports import shown
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.tables import table
from gaia_budget.reports.money.thresholds import counted, measured

if TYPE_CHECKING:
    from gaia_budget.dashboard.filters import Filters
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.money.tables import TableRow
    from gaia_budget.reports.overview import Overview
    from gaia_budget.settings.keys import Settings

THRESHOLDS = {"day": "threshold a day", "week": "threshold a week", "month": "cap"}
TREND = {"day": 30, "week": 16, "month": 12}


def trends(ledger: Ledger, settings: Settings, found: Overview, filters: Filters) -> dict[str, Any]:
    """Dollars over time by model, apps and Claude Code apart, and the month adding up against its caps."""
    asked = filters.asked._replace(since=_trend_start(ledger, filters.grain), until=None)
    return {
        **_over_time(ledger, settings, filters, asked),
        "month": _adding_up(ledger, settings, found, filters),
        "csv": {"day": "daily", "week": "weekly", "month": "monthly"}[filters.grain],
    }


def over_time(ledger: Ledger, settings: Settings, filters: Filters) -> dict[str, Any]:
    """The same within the filters' own stretch."""
    return _over_time(ledger, settings, filters, filters.asked)


def _over_time(ledger: Ledger, settings: Settings, filters: Filters, asked: Asked) -> dict[str, Any]:
    answer = measured(ledger, settings, filters.grain, asked)
    threshold = answer.threshold_nano
    words = "" if threshold is None else f"{THRESHOLDS[filters.grain]} {shown.money(threshold)}"
    lines = {one.key: one for one in answer.lines}
    keys = sorted(lines) if filters.grain != "day" else _days(ledger, answer.since or 0, answer.until)
    colour = colours(filters.models)
    used = {model for line in lines.values() for _, model in line.shares}
    charts = []
    for title, source in (("Apps", "app"), ("Claude Code, at API prices", "claude_code")):
        stacks = [_stack(key, filters.grain, lines.get(key), source) for key in keys]
        if not any(one.nano for one in stacks):
            continue
        line = (threshold, words) if threshold is not None and source == "app" else None
        cells, total = shown.cents([one.nano for one in stacks])
        charts.append(
            {
                "title": f"{title}, dollars a {filters.grain}",
                "total": total,
                "svg": bars.columns(f"{title}: dollars a {filters.grain} by model", stacks, colour, line),
                "rows": list(zip([one.name for one in stacks], cells, strict=True))[::-1],
            }
        )
    return {"charts": charts, "legend": _legend({model: colour[model] for model in colour if model in used})}


def _legend(colour: dict[str, str]) -> list[tuple[str, str]]:
    """Models with their colours; those that share the last one are one entry."""
    named = [(shown.model(model) or "no model", kind) for model, kind in colour.items()]
    others = [entry for entry in named if entry[1] == OTHERS]
    if len(others) < 2:
        return named
    return [entry for entry in named if entry not in others] + [(f"{len(others)} others", OTHERS)]


def _trend_start(ledger: Ledger, grain: str) -> int:
    today = ledger.zone.local(ledger.now()).date()
    if grain == "month":
        months = today.year * 12 + today.month - 1 - (TREND["month"] - 1)
        return ledger.zone.start_of_month(months)
    back = TREND["day"] - 1 if grain == "day" else today.weekday() + 7 * (TREND["week"] - 1)
    return ledger.zone.start_of_day(today - timedelta(days=back))


def _days(ledger: Ledger, since: int, until: int | None = None) -> list[str]:
    end = ledger.now() if until is None else until - 1
    first, last = ledger.zone.local(since).date(), ledger.zone.local(end).date()
    return [(first + timedelta(days=ago)).isoformat() for ago in range((last - first).days + 1)]


def _stack(key: str, grain: str, line: TableRow | None, source: str) -> bars.Stack:
    parts = {model: nano for (of, model), nano in line.shares.items() if of == source} if line else {}
    if grain == "day":
        day = date.fromisoformat(key)
        return bars.Stack(f"{day:%a} {day.day} {day:%b}", f"{day.day} {day:%b}", parts)
    return bars.Stack(key, key.rpartition("-")[2] if grain == "week" else key, parts)


def _adding_up(
    ledger: Ledger, settings: Settings, found: Overview, filters: Filters
) -> dict[str, Any] | None:
    """What counts against the caps, day by day; with a project's filter, that project against its own."""
    month = next((one.month for one in found.projects if one.name == filters.project), None)
    cap = (month.cap_nano if month else 0) if filters.project else found.total.limit_nano
    if not cap or set(filters.names) - {"project"}:
        return None
    start = found.periods[-1].since
    since = min(start, _trend_start(ledger, "day"))  # as the trend by day is asked for: the same answer
    asked = Asked(since, None, {"module": filters.project} if filters.project else {})
    spent = counted(ledger, settings, "day", asked)
    days = _days(ledger, start)
    amounts = [spent.get(day, 0) for day in days]
    first = date.fromisoformat(days[0])
    length = ((first + timedelta(days=32)).replace(day=1) - first).days
    share = month.thresholds[0] if month else WARNS
    warning = int(cap * share / 100)
    lines = [(cap, f"cap {shown.money(cap)}"), (warning, f"{share:g} % {shown.money(warning)}")]
    cells, total = shown.cents(amounts)
    title = f"{first:%B} adding up, {'apps' if found.apps_alone else 'what counts against the caps'}"
    return {
        "title": title,
        "total": f"{total} of {shown.money(cap)}",
        "svg": curves.adding_up(title, amounts, length, lines),
        "rows": list(zip(days, cells, strict=True))[::-1],
    }


def models(ledger: Ledger, filters: Filters) -> dict[str, Any]:
    """What each model cost, and each source's mix."""
    found = table(ledger, "model", filters.asked)
    colour = colours(filters.models)
    mixes = []
    for title, source in (("Apps", "app"), ("Claude Code", "claude_code")):
        parts = sorted(((one.key, one.of(source)) for one in found.lines), key=lambda part: -part[1])
        parts = [(model, nano) for model, nano in parts if nano > 0]
        if parts:
            named = [(shown.model(model) or "no model", nano) for model, nano in parts]
            classes = {shown.model(model) or "no model": colour[model] for model, _ in parts}
            mixes.append(curves.donut(f"{title} by model", named, classes, title))
    apps, apps_total = shown.cents([one.apps_nano for one in found.lines])
    code, code_total = shown.cents([one.claude_code_nano for one in found.lines])
    rows = [
        (shown.model(one.key) or "no model", colour[one.key], apps[place], code[place], _figures(one))
        for place, one in enumerate(found.lines)
        if one.figures.responses or one.figures.cost_nano or one.figures.total_tokens
    ]
    return {
        "mixes": mixes,
        "rows": rows,
        "apps": apps_total,
        "code": code_total,
        "total": _figures(found.total),
    }


def _figures(line: TableRow) -> list[str]:
    one = line.figures
    tokens = (one.input_tokens, one.output_tokens, one.written_tokens, one.cache_read_tokens)
    return [f"{figure:,}" for figure in (one.responses, *tokens)]
