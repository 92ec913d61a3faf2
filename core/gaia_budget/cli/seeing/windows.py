"""A plan's windows on a screen: how full each is, when it is reached at this pace, when it begins anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gaia_budget.cli.seeing.paper import Paper, state

if TYPE_CHECKING:
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.overview import Overview
    from gaia_budget.reports.seen import WindowSeen

LABELS = {"five_hour": "5 hours", "seven_day": "7 days"}
NARROW = 60
"""Columns below which a bar is short and the times are said in a word."""


def plan_windows(found: Overview, zone: Zone, paper: Paper) -> list[Text]:
    """A line for each window that is known; one below the other they stand in columns."""
    lines: list[Text] = []
    narrow = paper.width < NARROW
    for name, label in LABELS.items():
        window = found.seen.window(name)
        if window is None:
            continue
        sign, style = state(window.percent)
        head = "" if narrow else ("Plan" if not lines else "").ljust(8)
        line = Text(head + label.ljust(8 if narrow else 9))
        line += paper.bar(window.percent / 100, 12 if narrow else 20, style or "cyan")
        line.append(f" {window.percent:3.0f} %{' ' + sign if sign else ''}", style)
        room = paper.width - line.cell_len - 2
        said = _shortly if narrow else _until
        line.append(f"  {said(window, zone, room)}")
        lines.append(line)
    return lines


def _until(window: WindowSeen, zone: Zone, room: int) -> str:
    parts = [f"full {_clock(window, zone, window.reached_at)}"] if window.reached_at else []
    parts += [f"resets {_clock(window, zone, window.resets_at)}"] if window.resets_at else []
    if not window.stale:
        return ", ".join(parts)
    at = f"seen {_clock(window, zone, window.as_of)}"
    said = [[*parts, f"as {at}, may have changed"], [*parts, at], [*parts[:1], at]]
    return next((line for one in said if len(line := ", ".join(one)) <= room), at)


def _shortly(window: WindowSeen, zone: Zone, room: int) -> str:
    if window.stale:
        said = f"seen {_clock(window, zone, window.as_of)}"
    elif window.reached_at:
        said = f"full {_clock(window, zone, window.reached_at)}"
    else:
        said = f"to {_clock(window, zone, window.resets_at)}" if window.resets_at else ""
    return said if len(said) <= room else said[: said.rfind(" ")]


def _clock(window: WindowSeen, zone: Zone, ts: int) -> str:
    local = zone.local(ts)
    return f"{local:%H:%M}" if local.date() == zone.local(window.now).date() else f"{local:%a} {local:%H:%M}"
