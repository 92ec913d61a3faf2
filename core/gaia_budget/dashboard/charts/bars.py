"""Gauges against a cap, shares of a whole, small trends, and stacked columns over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from gaia_budget.dashboard.charts.marks import across, joined, label, picture, rect, steps, titled, upright
from gaia_budget.owner import THRESHOLDS
from gaia_budget.reports import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAST_CAP = 118
"""Percent of the cap at which a gauge ends."""
LEFT = 8.0
TOP, BOTTOM, HEIGHT = 20.0, 154.0, 176
MOST_LABELS = 6


def gauge(
    title: str,
    spent: int,
    cap: int,
    ends: tuple[int, int, int] | None,
    height: int = 18,
    marks: tuple[float, float] = THRESHOLDS,
) -> Markup:
    """Spent of a cap, with the month's end and its range (projected, low, high) where they are known.

    `marks` are the percents that warn and are critical.
    """

    def at(nano: int) -> float:
        return min(100.0, nano * 10000 / cap / PAST_CAP) if cap > 0 else 0.0

    edge = 100 * 100 / PAST_CAP
    parts = [titled(title), rect("track", 0, 4, edge, height - 8)]
    if ends is not None:
        parts.append(rect("range", at(ends[1]), 4, at(ends[2]) - at(ends[1]), height - 8))
    parts.append(rect("spent", 0, 4, at(spent), height - 8))
    if ends is not None:
        parts += [upright("halo", at(ends[0]), 3, height - 3), upright("proj", at(ends[0]), 1, height - 1)]
    parts += [upright("at", edge * share / 100, height - 4, height) for share in marks]
    parts.append(upright("cap", edge, 0, height))
    return _gauge(height, parts)


def _gauge(height: int, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg class="gauge" width="100%" height="{}" role="img">{}</svg>').format(
        height, joined(parts)
    )


def window(title: str, percent: float, gone: float | None) -> Markup:
    """How full a plan's window is, and with a line how much of its time is gone (both in percent)."""
    parts = [titled(title), rect("track", 0, 4, 100, 10), rect("spent", 0, 4, min(100.0, percent), 10)]
    if gone is not None:
        parts += [upright("halo", gone, 3, 15), upright("proj", gone, 0, 18)]
    return _gauge(18, parts)


def share(nano: int, highest: int, kind: str = "spent") -> Markup:
    """A bar within its own column of a table, which says the figure beside it."""
    width = nano * 100 / highest if highest > 0 else 0.0
    return Markup('<svg class="share" width="100%" height="8" aria-hidden="true">{}</svg>').format(
        rect(kind, 0, 0, width, 8)
    )


def spark(amounts: Sequence[int]) -> Markup:
    """A small trend beside its figures: one path for the days that cost something, one for the others."""
    highest = max(amounts, default=0)
    ways: dict[str, list[str]] = {"sp": [], "sp0": []}
    for place, one in enumerate(amounts):
        height = max(1.0, one * 20 / highest) if highest > 0 and one > 0 else 1.0
        ways["sp" if one > 0 else "sp0"].append(f"M{place * 9} 22v-{height:.1f}h7v{height:.1f}z")
    drawn = [
        Markup(f'<path class="{kind}" d="{"".join(way)}"/>')  # noqa: S704 (numbers)
        for kind, way in ways.items()
        if way
    ]
    return Markup(
        '<svg class="spark" width="100%" height="22" viewBox="0 0 {} 22" preserveAspectRatio="none" '
        'aria-hidden="true">{}</svg>'
    ).format(max(1, len(amounts)) * 9, joined(drawn))


class Stack(NamedTuple):
    """One column: what it is called in full and below the axis, and nano-dollars by model."""

    name: str
    short: str
    parts: Mapping[str, int]

    @property
    def nano(self) -> int:
        """Its height."""
        return sum(self.parts.values())


def columns(
    title: str, stacks: Sequence[Stack], colour: Mapping[str, str], line: tuple[int, str] | None = None
) -> Markup:
    """Columns of models over time, and across them a line with its words, such as a threshold."""
    highest = max([*(one.nano for one in stacks), *([line[0]] if line else [])], default=0)
    parts, scale = axes(highest)
    wide = (100 - LEFT) / max(1, len(stacks))
    every = -(-len(stacks) // MOST_LABELS)
    for place, one in enumerate(stacks):
        x = LEFT + place * wide
        parts.append(Markup('<g class="col">{}</g>').format(_column(one, x, wide, scale, colour)))
        if (len(stacks) - 1 - place) % every == 0:
            ahead = len(stacks) - 1 - place
            at = f"{x + wide / 2:.2f}%" if ahead else "100%"
            kind = "tick mid" if ahead else "tick end"
            kind += " wide" if ahead == every else ""  # in a narrow window it would run into the last one
            parts.append(label(kind, at, BOTTOM + 17, one.short))
    if line is not None:
        parts += limit(*line, scale)
    dearest = max(stacks, key=lambda one: one.nano, default=None)
    said = (
        f"Highest {shown.money(dearest.nano)}, {dearest.name}."
        if dearest and dearest.nano
        else "Nothing was spent."
    )
    if line is not None:
        said += f" {line[1].capitalize()}."
    return picture(HEIGHT, title, said, joined(parts))


def _column(one: Stack, x: float, wide: float, scale: float, colour: Mapping[str, str]) -> Markup:
    parts = [rect("hit", x, TOP, wide, BOTTOM - TOP)]
    y = BOTTOM
    for model in colour:
        nano = one.parts.get(model, 0)
        if nano > 0:
            height = nano * scale
            y -= height
            parts.append(rect(colour[model], x + wide * 0.13, y, wide * 0.74, max(0.6, height)))
    named = [(shown.model(model) or "no model", one.parts.get(model)) for model in colour]
    each = "; ".join(f"{name} {shown.money(nano)}" for name, nano in named if nano)
    parts.append(titled(f"{one.name}: {shown.money(one.nano)}" + (f" ({each})" if each else "")))
    return joined(parts)


def axes(highest: int) -> tuple[list[Markup], float]:
    """The axis and round amounts above it up to the highest, and pixels for each nano-dollar."""
    marks = steps(highest)
    scale = (BOTTOM - TOP) / marks[-1]
    parts = [across("axis", BOTTOM, LEFT), label("tick", "0", BOTTOM + 4, "$0")]
    for mark in marks:
        y = BOTTOM - mark * scale
        parts += [across("grid", y, LEFT), label("tick", "0", y + 4, shown.money(mark).removesuffix(".00"))]
    return parts, scale


def limit(nano: int, words: str, scale: float) -> list[Markup]:
    """A line across the chart, such as a cap, with its words."""
    y = BOTTOM - nano * scale
    return [across("thr", y, LEFT), label("thrt", f"{LEFT + 1}%", y - 4, words)]
