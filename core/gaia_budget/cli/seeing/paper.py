"""What a screen is drawn on: how wide it is, whether it has colours and block characters."""

from __future__ import annotations

import os
import shutil
import sys
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from gaia_budget.forecast.standing import severity_of
from gaia_budget.owner import THRESHOLDS
from gaia_hooks.facts.severity import CRITICAL, WARNING

if TYPE_CHECKING:
    from collections.abc import Sequence

USUAL_WIDTH = 80
NARROWEST = 20
EIGHTHS = " ▏▎▍▌▋▊▉"
HEIGHTS = "▁▂▃▄▅▆▇█"
PLAIN = {
    "█": "#",
    "·": ".",
    "▲": "!",
    "■": "!!",
    "└": " ",
    "─": "-",
    "–": "-",
    "…": "..",
    "−": "-",
    "↑": "^",
    "↓": "v",
    "●": "*",
}


class Paper(NamedTuple):
    """A place to draw. `width` is in characters; what goes into a file or a pipe is not fitted to it (`is_fitted`)."""

    width: int
    is_fitted: bool
    has_blocks: bool

    def bar(self, share: float, cells: int, style: str = "cyan") -> Text:
        """A bar of which `share` (0 to 1) is filled, to an eighth of a character."""
        eighths = round(max(0.0, min(1.0, share)) * cells * 8)
        full, rest = divmod(eighths, 8)
        if not self.has_blocks:
            return Text("#" * full, style) + Text("." * (cells - full), "dim")
        filled = "█" * full + (EIGHTHS[rest] if rest else "")
        return Text(filled, style) + Text("·" * (cells - len(filled)), "dim")

    def trend(self, amounts: Sequence[int]) -> Text:
        """Amounts as heights, each against the highest; where there are no blocks there is none."""
        highest = max(amounts, default=0)
        if not self.has_blocks or highest <= 0:
            return Text("")
        last = len(HEIGHTS) - 1
        return Text("".join(HEIGHTS[round(one * last / highest)] if one > 0 else "·" for one in amounts))

    def rule(self, width: int) -> Text:
        """A line across."""
        return Text("─" * width, "dim")

    def foot(self, sentences: Sequence[str]) -> list[Text]:
        """Sentences below a table, each on lines of its own that fit."""
        return [
            Text(part, "dim") for one in sentences for part in wrap(one, self.width, break_on_hyphens=False)
        ]

    def draw(self, lines: Sequence[Text]) -> None:
        """Write the lines on stdout: in colour where the terminal has it and nobody asks for none."""
        console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)
        for line in lines:
            console.print(self.fitting(line))

    def fitting(self, line: Text) -> Text:
        """The line in the characters that this place has, without blanks at its end."""
        shown = line.copy()
        shown.rstrip()
        if self.has_blocks or not any(sign in shown.plain for sign in PLAIN):
            return shown
        parts = []
        for sign in shown.divide(range(1, len(shown.plain))):
            plain = PLAIN.get(sign.plain, sign.plain)
            parts.append(Text(plain, sign.spans[0].style if sign.spans else sign.style))
        return Text.assemble(*parts)


def here() -> Paper:
    """The paper that stdout is: as wide as its terminal, or as COLUMNS says."""
    is_fitted = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    columns = shutil.get_terminal_size((USUAL_WIDTH, 24)).columns if is_fitted else USUAL_WIDTH
    return Paper(max(NARROWEST, columns), is_fitted, _has_blocks())


def _has_blocks() -> bool:
    if os.environ.get("TERM") == "dumb":
        return False
    named = next((os.environ[key] for key in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(key)), "utf-8")
    return "utf" in named.lower()


SIGNS = {CRITICAL: ("■", "bold red"), WARNING: ("▲", "yellow"), "": ("", "")}
"""The sign and the style of how bad something is."""


def state(percent: float, thresholds: tuple[float, float] = THRESHOLDS) -> tuple[str, str]:
    """The sign and the style of a percentage of a limit."""
    return SIGNS[severity_of(percent, thresholds)]
