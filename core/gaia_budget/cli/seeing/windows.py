"""A plan's windows on a screen: how full each is, when it is reached at this pace, when it begins anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gaia_budget.cli.seeing.paper import Paper, state

if TYPE_CHECKING:
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.overview import Overview

LABELS = {"five_hour": "5 hours", "seven_day": "7 days"}
NARROW = 60
"""Columns below which a bar is short and the times are said in a word."""


def plan_windows(found: Overview, zone: Zone, paper: Paper) -> list[Text]:
    """A line for each window that is known; one below the other they stand in columns."""
    lines: list[Text] = []
    windows, narrow = found.seen.document()["plan"], paper.width < NARROW
    for name, label in LABELS.items():
        window = windows[name]
        if window is None:
            continue
        sign, style = state(window["percent"])
        head = "" if narrow else ("Plan" if not lines else "").ljust(8)
        line = Text(head + label.ljust(8 if narrow else 9))
        line += paper.bar(window["percent"] / 100, 12 if narrow else 20, style or "cyan")
        line.append(f" {window['percent']:3.0f} %{' ' + sign if sign else ''}", style)
        room = paper.width - line.cell_len - 2
        said = _shortly if narrow else _until
        line.append(f"  {said(found, zone, name, room, stale=window['stale'])}")
        lines.append(line)
    return lines


def _until(found: Overview, zone: Zone, name: str, room: int, *, stale: bool) -> str:
    reached, resets, as_of = _instants(found, name)
    parts = [f"full {_clock(found, zone, reached)}"] if reached else []
    parts += [f"resets {_clock(found, zone, resets)}"] if resets else []
    if not stale:
        return ", ".join(parts)
    at = f"seen {_clock(found, zone, as_of)}"
    said = [[*parts, f"as {at}, may have changed"], [*parts, at], [*parts[:1], at]]
    return next((line for one in said if len(line := ", ".join(one)) <= room), at)


def _shortly(found: Overview, zone: Zone, name: str, room: int, *, stale: bool) -> str:
    reached, resets, as_of = _instants(found, name)
    if stale:
        said = f"seen {_clock(found, zone, as_of)}"
    elif reached:
        said = f"full {_clock(found, zone, reached)}"
    else:
        said = f"to {_clock(found, zone, resets)}" if resets else ""
    return said if len(said) <= room else said[: said.rfind(" ")]


def _instants(found: Overview, name: str) -> tuple[int | None, int | None, int]:
    """When a window is reached at this pace, when it begins anew, and when it was seen."""
    from gaia_hooks.facts.prices import plan

    kept = found.seen.kept
    reached = plan.reached_at(name, kept[name], kept["as_of"], found.seen.week)
    return reached, kept[name].get("resets_at"), kept["as_of"]


def _clock(found: Overview, zone: Zone, ts: int) -> str:
    local = zone.local(ts)
    return f"{local:%H:%M}" if local.date() == zone.local(found.at).date() else f"{local:%a} {local:%H:%M}"
