"""What rules can measure: each metric's unit, scopes and windows. Plain data; the arithmetic is in `metrics`."""

from __future__ import annotations

import re
from typing import NamedTuple

from gaia_budget.checked import Wrong

PLAN_WINDOWS = ("five_hour", "seven_day")
_SPAN = re.compile(r"(\d{1,3})([hd])")


class Span(NamedTuple):
    """A window. `unit` is month, week (Monday first), day (local days, the current one included), hour (clock hours,
    likewise) or plan."""

    unit: str
    length: int = 1
    name: str = ""


class Kind(NamedTuple):
    """A metric: what it is, in which unit, for what, over which windows (`units`); `highest` where it has a bound."""

    meaning: str
    scopes: tuple[str, ...]
    units: tuple[str, ...]
    default_window: str
    highest: int | None = None


SUMS = ("module", "task", "session", "all")
KINDS: dict[str, Kind] = {
    "spend_percent": Kind(
        "what counts against the module's monthly cap, in percent of the cap and what overrides have added to it",
        ("module",), ("month",), "month", 100,
    ),
    "projected_percent": Kind(
        "what is expected to count against the cap by the end of the month, in percent, where there is data enough",
        ("module",), ("month",), "month",
    ),
    "threshold_percent": Kind(
        "what counts against the caps in a day or a week, in percent of daily_threshold_usd or weekly_threshold_usd, "
        "the module's or that of all together, where it is set",
        ("module", "all"), ("day", "week"), "day",
    ),
    "total_percent": Kind(
        "what counts against the caps of all modules together, in percent of total_monthly_budget_usd, where it is set",
        ("all",), ("month",), "month", 100,
    ),
    "total_projected_percent": Kind(
        "what is expected to count by the end of the month, in percent of total_monthly_budget_usd",
        ("all",), ("month",), "month",
    ),
    "spend_usd": Kind("dollars of everything that has a price", SUMS, ("month", "day", "hour"), "month"),
    "burn_usd_per_hour": Kind("dollars per hour of the window", SUMS, ("hour",), "1h"),
    "change_percent": Kind(
        "how much more today's dollars are than the mean of the 7 days before, in percent; from 3 days with spend on",
        ("module", "task", "all"), ("day",), "day",
    ),
    "anomaly_usd": Kind(
        "by how many dollars yesterday or today is out of the ordinary, as `gaia-budget anomalies` finds it",
        ("task", "module"), ("day",), "2d",
    ),
    "cache_hit_percent": Kind(
        "share of prompt tokens that the providers' caches served", SUMS, ("day", "hour"), "day", 100,
    ),
    "cache_drop_points": Kind(
        "how many percentage points that share is lower today than over the 7 days before",
        ("module", "task", "all"), ("day",), "day", 100,
    ),
    "unpriced_percent": Kind("share of responses without a known price", SUMS, ("month", "day", "hour"), "day", 100),
    "session_tokens": Kind("tokens that count of a session in the window", ("session",), ("day", "hour"), "day"),
    "plan_percent": Kind("how full a plan's window is", ("all",), ("plan",), "five_hour", 100),
    "plan_pace_percent": Kind(
        "how full it will be when it resets, at its present pace", ("all",), ("plan",), "five_hour",
    ),
    "error_percent": Kind("share of calls that failed", ("module", "task", "all"), ("day", "hour"), "1h", 100),
    "failed_calls": Kind("calls that failed", ("module", "task", "all"), ("day", "hour"), "1h"),
    "model_end_days": Kind("days until a model used this month is no longer sold", ("all",), ("none",), "none"),
    "price_age_days": Kind("days since a price or routing file was reviewed", ("all",), ("none",), "none"),
}  # fmt: skip


def span_named(window: str, kind: Kind) -> Span:
    """The window that a rule names, or the metric's own. Raises Wrong."""
    wanted = window or kind.default_window
    found = _span(wanted)
    if found is None or found.unit not in kind.units:
        valid = {"month": "month", "week": "week", "day": "day or such as 7d", "hour": "such as 1h or 24h",
                 "plan": " or ".join(PLAN_WINDOWS), "none": "none"}  # fmt: skip
        told = f"{wanted!r} does not go with it (valid: {', '.join(valid[u] for u in kind.units)})"
        raise Wrong(told, ["window"])
    return found


def _span(window: str) -> Span | None:
    if window in ("month", "week", "day", "none"):
        return Span(window, 1, window)
    if window in PLAN_WINDOWS:
        return Span("plan", 1, window)
    hit = _SPAN.fullmatch(window)
    if hit is None or not int(hit[1]):
        return None
    return Span("hour" if hit[2] == "h" else "day", int(hit[1]), window)
