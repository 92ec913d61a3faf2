"""A month adding up against its cap, and a whole divided among models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from markupsafe import Markup

from gaia_budget.dashboard.charts.bars import BOTTOM, HEIGHT, LEFT, TOP, axes, limit
from gaia_budget.dashboard.charts.marks import joined, label, picture, titled
from gaia_budget.reports import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OUTER, INNER = 72.0, 46.0
UPRIGHT = 24
"""Labels this near the middle stand above or below the ring."""
MIDDLE = (160.0, 100.0)
LABELLED = 0.04
"""Parts smaller than this share have no label beside them; table and hover have them all."""


def adding_up(title: str, amounts: Sequence[int], days: int, lines: Sequence[tuple[int, str]]) -> Markup:
    """The running sum of `amounts`, one a day, in a month of so many days, below lines such as its cap."""
    running = [sum(amounts[: place + 1]) for place in range(len(amounts))]
    highest = max([*running, *(nano for nano, _ in lines)], default=0)
    parts, scale = axes(highest)
    for nano, words in lines:
        parts += limit(nano, words, scale)
    points = [
        (place * 1000 / max(1, days - 1), BOTTOM - TOP - nano * scale) for place, nano in enumerate(running)
    ]
    if points:
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        last = points[-1][0]
        parts.append(
            Markup(
                '<svg x="{0}%" y="{1}" width="{2}%" height="{3}" viewBox="0 0 1000 {3}" preserveAspectRatio="none">'
                '<polygon class="area" points="0,{3} {4} {5:.1f},{3}"/><polyline class="ln" points="{4}"/></svg>'
            ).format(LEFT, TOP, 100 - LEFT, BOTTOM - TOP, way, last)
        )
        for day in (1, 8, 15, 22, days):
            x = LEFT + (day - 1) * (100 - LEFT) / max(1, days - 1)
            kind = "tick end" if day == days else "tick mid" if day > 1 else "tick"
            parts.append(label(kind, f"{x:.2f}%", BOTTOM + 17, str(day)))
    said = f"{shown.money(running[-1])} after {len(running)} days." if running else "Nothing was spent."
    return picture(HEIGHT, title, said, joined(parts))


def donut(title: str, parts: Sequence[tuple[str, int]], colour: Mapping[str, str], inside: str) -> Markup:
    """Shares of a whole; `parts` are names and nano-dollars, the largest first."""
    whole = sum(nano for _, nano in parts)
    drawn, turned = [], 0.0
    for name, nano in parts:
        share = nano / whole if whole else 0.0
        words = f"{name}: {shown.money(nano)}, {nano * 100 // whole if whole else 0} %"
        drawn.append(_slice(colour.get(name, "m9"), turned, turned + share, words))
        if share >= LABELLED:
            drawn.append(_beside(turned + share / 2, name, f"{nano * 100 // whole} %"))
        turned += share
    drawn += [
        Markup('<text class="dc" x="{}" y="{}">{}</text>').format(*MIDDLE, shown.money(whole)),
        Markup('<text class="ds" x="{}" y="{}">{}</text>').format(MIDDLE[0], MIDDLE[1] + 15, inside),
    ]
    said = "; ".join(f"{name} {shown.money(nano)}" for name, nano in parts)
    return Markup('<svg class="donut" viewBox="0 0 320 206" role="img">{}<desc>{}</desc>{}</svg>').format(
        titled(title), said, joined(drawn)
    )


def _slice(kind: str, start: float, end: float, words: str) -> Markup:
    end = min(end, start + 0.9999)  # an arc from a point to itself would be none
    (ax, ay), (bx, by) = _on(OUTER, start), _on(OUTER, end)
    (cx, cy), (dx, dy) = _on(INNER, end), _on(INNER, start)
    large = 1 if end - start > 0.5 else 0
    way = f"M{ax}{ay:+}A72 72 0 {large} 1 {bx} {by}L{cx} {cy}A46 46 0 {large} 0 {dx} {dy}Z"
    return Markup('<path class="slice {}" d="{}">{}</path>').format(
        kind, way.replace("+", " "), titled(words)
    )


def _beside(turn: float, name: str, share: str) -> Markup:
    x, y = _on(OUTER + 12, turn)
    near, far = _on(OUTER + 2, turn), _on(OUTER + 9, turn)
    side = " mid" if abs(x - MIDDLE[0]) < UPRIGHT else "" if turn < 0.5 else " end"
    if side == " mid":
        y += 10 if y > MIDDLE[1] else -16  # two lines above or below the ring, clear of the line to it
    return Markup(
        '<line class="lead" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text class="dl{}" x="{}" y="{}">{}<tspan class="dp" x="{}" dy="13">{}</tspan></text>'
    ).format(*near, *far, side, x, y, shown.name(name, 18), x, share)


def _on(radius: float, turn: float) -> tuple[float, float]:
    angle = 2 * math.pi * turn
    return round(MIDDLE[0] + radius * math.sin(angle), 1), round(MIDDLE[1] - radius * math.cos(angle), 1)
