"""Sessions and stretches of five hours as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gaia_budget.cli.seeing.grid import Cells, grid, left_out, listed
from gaia_budget.cli.seeing.overview import shares
from gaia_budget.cli.seeing.paper import here, state
from gaia_budget.cli.seeing.tables import count, token_columns
from gaia_budget.reports import shown

if TYPE_CHECKING:
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.money.blocks import UsageBlock
    from gaia_budget.reports.money.tables import TableRow
    from gaia_budget.reports.sessions.recent import RecentSessions


def draw_sessions(found: RecentSessions, zone: Zone) -> None:
    """The newest sessions; the total is of those that are shown."""
    paper, lines = here(), found.lines
    costs, total = shown.cents([one.spend.cost_nano for one in lines])
    figures = [one.spend.figures for one in lines]
    columns = [
        Cells("Session", [one.short for one in lines], f"{len(lines)} of {found.known:,}", left=True),
        Cells("Started", [_when(zone, one.spend.first_ts) for one in lines], drop=3, left=True),
        Cells("Took", [shown.span(one.spend.last_ts - one.spend.first_ts) for one in lines], drop=5),
        Cells("Project", [shown.name(one.spend.module, 20) for one in lines], drop=1, left=True),
        Cells("Type", [one.status.type for one in lines], drop=7, left=True),
        Cells("That count", [count(one.budget_tokens) for one in figures], count(found.total.budget_tokens), drop=2),
        Cells("Of limit", [_of_limit(one.status.percent) for one in lines]),
        Cells("Agents", [count(one.agents) for one in lines], drop=6),
        Cells("All tokens", [count(one.total_tokens) for one in figures], count(found.total.total_tokens), drop=8),
        Cells("Claude Code", costs, total),
        Cells("Models", [listed([shown.model(part.key) for part in one.spend.models], 3) for one in lines],
               drop=9, left=True),
    ]  # fmt: skip
    drawn = grid(columns, paper)
    foot = [
        *left_out(drawn, paper),
        "One of them: gaia-budget receipt ID (its first letters are enough).",
    ]
    paper.draw([*drawn.lines, Text(""), *paper.foot(foot)])


def draw_blocks(found: list[UsageBlock], total: TableRow, zone: Zone) -> None:
    """Stretches of five hours, the newest first."""
    paper = here()
    costs, cost = shown.cents([one.line.claude_code_nano for one in found])
    whose = ["plan's own" if one.told else "worked out" for one in found]
    columns = [
        Cells("From", [_when(zone, one.start_ts) for one in found], "Total", left=True),
        Cells("To", [f"{zone.local(one.end_ts):%H:%M}" for one in found], drop=2),
        Cells("Window", whose, drop=3, left=True),
        Cells("Full", [shown.percent(one.percent) for one in found]),
        *token_columns([one.line.figures for one in found], total.figures),
        Cells("Claude Code", costs, cost),
        Cells("Models", [shares(one.line, 3) for one in found], drop=9, left=True),
    ]
    drawn = grid(columns, paper)
    how = "Plan's own: as Claude Code told its status line. Worked out: five hours from its first response's hour."
    paper.draw([*drawn.lines, Text(""), *paper.foot([*left_out(drawn, paper), how])])


def _when(zone: Zone, ts: int) -> str:
    local = zone.local(ts)
    return f"{local.day:2d} {local:%b}, {local:%H:%M}"


def _of_limit(percent: float) -> str:
    sign, _ = state(percent)
    return f"{sign} {int(percent)} %".strip()
