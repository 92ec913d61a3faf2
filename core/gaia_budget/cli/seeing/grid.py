"""Columns that fit the window: the least telling ones are left out, and the screen says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from gaia_budget.cli.seeing.paper import Paper, here

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.ledger.database.measures import Figures

GAP = 2


class Cells(NamedTuple):
    """A head, its cells and what stands below them. Of columns that do not fit, the highest `drop` goes first."""

    head: str
    cells: Sequence[str]
    total: str = ""
    drop: int = 0
    left: bool = False

    @property
    def width(self) -> int:
        """Characters that it takes."""
        return max(map(cell_len, (self.head, self.total, *self.cells)))

    def cell(self, text: str) -> str:
        """A text, set to the column's side."""
        space = " " * (self.width - cell_len(text))
        return text + space if self.left else space + text


class Grid(NamedTuple):
    """Lines to draw, and the heads of the columns that were left out."""

    lines: list[Text]
    left_out: list[str]


def grid(columns: Sequence[Cells], paper: Paper, *, bold: Sequence[int] = ()) -> Grid:
    """The columns side by side with their totals; the rows of `bold` are bold."""
    kept = list(columns)
    while paper.is_fitted and _width(kept) > paper.width and any(one.drop for one in kept):
        kept.remove(max(kept, key=lambda one: one.drop))
    rule = paper.rule(_width(kept))
    lines = [_line([one.cell(one.head) for one in kept], "dim"), rule]
    for row in range(len(kept[0].cells)):
        line = _line([one.cell(one.cells[row]) for one in kept], "bold" if row in bold else "")
        lines.append(line)
    if any(one.total for one in kept):
        lines += [rule, _line([one.cell(one.total) for one in kept], "bold")]
    return Grid(lines, [one.head.lower() for one in columns if one not in kept])


def draw(columns: Sequence[Cells], foot: Sequence[str], *, title: str = "", bold: Sequence[int] = ()) -> None:
    """Write a table on stdout, with its title, what was left out of it, and sentences below it."""
    paper = here()
    drawn = grid(columns, paper, bold=bold)
    head = [Text(title), Text("")] if title else []
    left = [f"Left out at {paper.width} columns: {', '.join(drawn.left_out)}; --csv has all."]
    paper.draw([*head, *drawn.lines, Text(""), *paper.foot([*(left if drawn.left_out else []), *foot])])


def token_columns(rows: Sequence[Figures], total: Figures) -> list[Cells]:
    """Responses and every kind of token; input, output and cache add up to all tokens."""

    def column(head: str, attribute: str, drop: int) -> Cells:
        return Cells(
            head, [count(getattr(one, attribute)) for one in rows], count(getattr(total, attribute)), drop
        )

    return [
        column("Responses", "responses", 8),
        column("Input", "input_tokens", 6),
        column("Output", "output_tokens", 5),
        column("Cache", "cache_tokens", 7),
        column("All tokens", "total_tokens", 4),
    ]


def count(figure: int) -> str:
    """A count with commas; a dash for none."""
    return f"{figure:,}" if figure else "–"


def _width(columns: Sequence[Cells]) -> int:
    return sum(one.width for one in columns) + GAP * (len(columns) - 1)


def _line(cells: Sequence[str], style: str) -> Text:
    return Text((" " * GAP).join(cells).rstrip(), style)


def listed(names: Sequence[str], most: int) -> str:
    """The first names with commas, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f", {rest} more" if rest > 0 else "")
