"""`gaia-budget sessions` and `blocks`: Claude Code by sessions, and by stretches of five hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.cli.current import current_ledger
from gaia_budget.cli.output import AsCsv, JsonFlag, Project, Since, Top, Until, answered
from gaia_budget.cli.seeing.empty import say_nothing
from gaia_budget.reports import shown

if TYPE_CHECKING:
    import typer

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.asked import Asked
    from gaia_budget.reports.money.blocks import UsageBlock
    from gaia_budget.reports.money.tables import TableRow
    from gaia_budget.reports.sessions.recent import RecentSessions


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sessions")(sessions)
    app.command("blocks")(blocks)


def sessions(
    since: Since = None,
    until: Until = None,
    project: Project = None,
    top: Top = None,
    as_csv: AsCsv = False,
    as_json: JsonFlag = False,
) -> None:
    """The newest sessions: when, where, how much of the limit, what they cost. What was asked is not kept."""
    from gaia_budget.reports.sessions.recent import USUAL
    from gaia_budget.reports.sessions.recent import sessions as ask

    with current_ledger() as ledger:
        found = ask(ledger, _asked(ledger, since, until, project), top or USUAL)
        if answered(found.document(), as_json, as_csv):
            return
        if found.lines:
            _draw_sessions(found, ledger.zone)
        else:
            say_nothing(ledger, " in that stretch")


def blocks(
    since: Since = None,
    until: Until = None,
    project: Project = None,
    as_csv: AsCsv = False,
    as_json: JsonFlag = False,
) -> None:
    """Claude Code by stretches of five hours, the newest first: a plan's own windows where it told them."""
    from gaia_budget.reports.money.blocks import blocks as ask
    from gaia_budget.reports.money.blocks import total

    with current_ledger() as ledger:
        found = ask(ledger, _asked(ledger, since or (None if until else "3d"), until, project))
        whole = total(found)
        document = {"total": whole.document(), "rows": [one.document() for one in found]}
        if answered(document, as_json, as_csv):
            return
        if found:
            _draw_blocks(found, whole, ledger.zone)
        else:
            say_nothing(ledger, " in that stretch")


def _asked(ledger: Ledger, since: str | None, until: str | None, project: str | None) -> Asked:
    from gaia_budget.reports.asked import Asked

    return Asked(ledger.instant(since), until, {"module": project} if project else {})


def _draw_sessions(found: RecentSessions, zone: Zone) -> None:
    """The total is of those that are shown."""
    from gaia_budget.cli.seeing.grid import Cells, count, draw, listed
    from gaia_budget.cli.seeing.paper import state

    lines = found.lines
    costs, total = shown.cents([one.spend.cost_nano for one in lines])
    figures = [one.spend.figures for one in lines]
    limits = [f"{state(one.status.percent)[0]} {int(one.status.percent)} %".strip() for one in lines]
    columns = [
        Cells("Session", [one.short for one in lines], f"{len(lines)} of {found.known:,}", left=True),
        Cells("Started", [_when(zone, one.spend.first_ts) for one in lines], drop=3, left=True),
        Cells("Took", [shown.span(one.spend.last_ts - one.spend.first_ts) for one in lines], drop=5),
        Cells("Project", [shown.name(one.spend.module, 20) for one in lines], drop=1, left=True),
        Cells("Type", [one.status.type for one in lines], drop=7, left=True),
        Cells("That count", [count(one.budget_tokens) for one in figures], count(found.total.budget_tokens), drop=2),
        Cells("Of limit", limits),
        Cells("Agents", [count(one.agents) for one in lines], drop=6),
        Cells("All tokens", [count(one.total_tokens) for one in figures], count(found.total.total_tokens), drop=8),
        Cells("Claude Code", costs, total),
        Cells("Models", [listed([shown.model(part.key) for part in one.spend.models], 3) for one in lines],
               drop=9, left=True),
    ]  # fmt: skip
    draw(columns, ["One of them: gaia-budget receipt ID (its first letters are enough)."])


def _draw_blocks(found: list[UsageBlock], total: TableRow, zone: Zone) -> None:
    from gaia_budget.cli.seeing.grid import Cells, draw, token_columns
    from gaia_budget.cli.seeing.overview import shares

    costs, cost = shown.cents([one.line.claude_code_nano for one in found])
    columns = [
        Cells("From", [_when(zone, one.start_ts) for one in found], "Total", left=True),
        Cells("To", [f"{zone.local(one.end_ts):%H:%M}" for one in found], drop=2),
        Cells("Window", ["plan's own" if one.told else "worked out" for one in found], drop=3, left=True),
        Cells("Full", [shown.percent(one.percent) for one in found]),
        *token_columns([one.line.figures for one in found], total.figures),
        Cells("Claude Code", costs, cost),
        Cells("Models", [shares(one.line, 3) for one in found], drop=9, left=True),
    ]
    how = "Plan's own: as Claude Code told its status line. Worked out: five hours from its first response's hour."
    draw(columns, [how])


def _when(zone: Zone, ts: int) -> str:
    local = zone.local(ts)
    return f"{local.day:2d} {local:%b}, {local:%H:%M}"
