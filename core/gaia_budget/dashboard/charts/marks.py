"""The small parts of charts: rectangles, lines and texts, escaped; and what colour a model has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLOURS = 9
OTHERS = f"m{COLOURS}"
"""The last colour, which models beyond the others share."""


def rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    """A rectangle: x and width in percent, y and height in pixels. `kind` is a word of ours: nothing to escape."""
    size = f'width="{max(0.0, width):.2f}%" y="{y:.1f}" height="{max(0.0, height):.1f}"'
    return Markup(f'<rect class="{kind}" x="{x:.2f}%" {size}/>')  # noqa: S704 (numbers)


def upright(kind: str, x: float, top: float, bottom: float) -> Markup:
    """A vertical line at x percent."""
    return Markup(f'<line class="{kind}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{top:.1f}" y2="{bottom:.1f}"/>')  # noqa: S704 (numbers)


def across(kind: str, y: float, left: float) -> Markup:
    """A horizontal line from `left` percent to the right edge."""
    return Markup(f'<line class="{kind}" x1="{left}%" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')  # noqa: S704 (numbers)


def label(kind: str, x: str, y: float, words: str) -> Markup:
    """A text at x (with its unit)."""
    return Markup('<text class="{}" x="{}" y="{:.1f}">{}</text>').format(kind, x, y, words)


def titled(words: str) -> Markup:
    """What a part says on hover and to a screen reader."""
    return Markup("<title>{}</title>").format(words)


def joined(parts: Iterable[Markup]) -> Markup:
    """Parts one after another."""
    return Markup("").join(parts)


def picture(height: int, title: str, description: str, inside: Markup) -> Markup:
    """A whole chart of full width with its title and description."""
    return Markup('<svg class="chart" width="100%" height="{}" role="img">{}<desc>{}</desc>{}</svg>').format(
        height, titled(title), description, inside
    )


def colours(models: Sequence[str]) -> dict[str, str]:
    """The class of each model's colour: by its place among all models ever used, the dearest first.

    So a model has one colour on every chart; from the ninth on they share the last.
    """
    return {model: f"m{min(place, COLOURS - 1) + 1}" for place, model in enumerate(models)}


def steps(highest: int) -> list[int]:
    """Two round amounts of nano-dollars above zero, the second at or above the highest."""
    for power in range(7, 60):
        for lead in (10, 15, 20, 25, 30, 40, 50, 60, 80):
            step = lead * 10 ** (power - 1)
            if 2 * step >= highest:
                return [step, 2 * step]
    return [highest, 2 * highest]
