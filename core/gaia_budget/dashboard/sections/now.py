"""What a person wants to know first: both monies, what needs attention, the plan, the caps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_budget.dashboard.charts import bars
from gaia_budget.dashboard.sections.words import KINDS, state, when
from gaia_budget.reports import shown

if TYPE_CHECKING:
    from gaia_budget.forecast.standing import MonthStatus
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.overview import Overview

MOST_CAPS = 40
"""Projects whose gauges are drawn."""
SHOWN_AT_ONCE = 8
"""Alerts that are in sight; the others are one click away."""
WINDOWS = {"five_hour": "5 hours", "seven_day": "7 days"}


def now(found: Overview, zone: Zone, *, on_a_plan: bool) -> dict[str, Any]:
    """Today, seven days and the month of both monies, and where the month ends."""
    total = found.total
    month = zone.local(found.at)
    ends = total.counted.ends
    end = [shown.money(one) for one in ends] if ends else None
    spent, limit = shown.money(total.spent_nano), shown.money(total.limit_nano)
    title = f"Against the caps: {spent} of {limit} spent" + (
        f"; month's end about {end[0]}, {end[1]} to {end[2]}" if end else ""
    )
    return {
        "month": f"{month:%B}",
        "capped": total.limit_nano > 0,
        "spent": spent,
        "limit": limit,
        "percent": shown.percent(total.percent),
        "counts": "Apps" if found.apps_alone else "Apps and Claude Code by the API",
        "counted": [shown.money(one.counted_nano) for one in found.periods],
        "code": [shown.money(one.line.claude_code_nano) for one in found.periods],
        "whole": shown.money(found.periods[-1].line.figures.cost_nano),
        "end": end,
        "method": total.counted.method,
        "gauge": bars.gauge(title, total.spent_nano, total.limit_nano, ends, 22),
        "billed": "at API prices; you are on a plan, so nobody bills this" if on_a_plan else "at API prices",
        "as_of": f"{month:%H:%M}",
    }


def attention(found: Overview) -> list[dict[str, str]]:
    """Alerts that nobody has taken note of, the worst first."""
    return [
        {
            "id": one.alert_id,
            "severity": one.severity,
            "sign": KINDS[one.severity][1],
            "kind": KINDS[one.severity][0],
            "cause": shown.name(one.cause, 400),
            "next": shown.name(one.next_step, 400),
            "module": shown.name(one.module or "all projects"),
        }
        for one in found.alerts
    ]


def noted(found: Overview, zone: Zone) -> list[tuple[str, str, str]]:
    """Alerts that hold and somebody has taken note of: what, who and when."""
    return [
        (shown.name(one.cause, 400), shown.name(one.acknowledged_by), when(zone, one.acknowledged_ts or 0))
        for one in found.noted
    ]


def windows(found: Overview, zone: Zone) -> list[dict[str, Any]]:
    """The plan's windows, as Claude Code last told its status line."""
    drawn = []
    for name, words in WINDOWS.items():
        window = found.seen.window(name)
        if window is None:
            continue
        used = f"{window.percent:g} %"
        drawn.append(
            {
                "name": words,
                "percent": used,
                "gauge": bars.window(f"{words}: {used} used", window.percent, window.gone_percent),
                "resets": when(zone, window.resets_at) if window.resets_at else "",
                "reached": when(zone, window.reached_at) if window.reached_at else "",
                "as_of": when(zone, window.as_of),
                "stale": window.stale,
            }
        )
    return drawn


def caps(found: Overview) -> dict[str, Any]:
    """Each project against its cap, the nearest to it first, with the month's end."""
    mine = [one for one in found.projects if one.month is not None]
    mine.sort(key=lambda one: -one.month.percent if one.month else 0)  # the nearest to its cap first
    spent, total = shown.cents([one.month.spent_nano for one in mine if one.month])
    rows = []
    for one, amount in list(zip(mine, spent, strict=True))[:MOST_CAPS]:
        month = one.month
        assert month is not None
        cap = month.cap_nano
        ends = month.outlook.counted.ends if month.outlook else None
        name = shown.name(one.name)
        kind, sign, word = state(month.percent, month.thresholds)
        rows.append(
            {
                "name": name,
                "key": one.name,
                "gauge": bars.gauge(
                    f"{name}: {amount} of {shown.money(cap)} ({month.percent:g} %){_reckoned(month, ends)}",
                    month.spent_nano,
                    cap,
                    ends,
                    marks=month.thresholds,
                ),
                "spent": amount,
                "cap": shown.money(cap),
                "percent": shown.percent(month.percent),
                "end": shown.money(ends[0]) if ends else "–",
                "between": f"{shown.money(ends[1])} – {shown.money(ends[2])}" if ends else "",
                "reached": month.outlook.says() if month.outlook else "",
                "kind": kind,
                "sign": sign,
                "word": word,
            }
        )
    return {"rows": rows, "all": len(mine), "total": total, "cap": shown.money(found.total.limit_nano)}


def _reckoned(month: MonthStatus, ends: tuple[int, int, int] | None) -> str:
    """Where the month ends and how that was reckoned, in words; why it was not, where it was not."""
    if month.outlook is None:
        return ""
    method = month.outlook.counted.method
    if ends is None:
        return f"; month’s end: {method}"
    end, low, high = map(shown.money, ends)
    return f"; month’s end about {end}, {low} to {high}, by {method}"


def looked_in() -> list[tuple[str, str]]:
    """Where figures would come from."""
    found = [("Claude Code's sessions", str(folder / "projects")) for folder in places.claude_config_dirs()]
    return [*found, ("Logs of apps", str(places.logs_dir()))]
