"""`gaia-budget daily`, `weekly`, `monthly`, `projects`, `sessions`, `blocks`: the tables people look for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.cli.seeing.grid import Cells
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.database.measures import Figures
    from gaia_budget.reports.asked import Asked
    from gaia_budget.reports.money.tables import SpendTable

Since = Annotated[
    str | None, typer.Option(help="From here on: 2026-11-23, 2026-11, 7d, 36h, today, month, or a time.")
]
Until = Annotated[str | None, typer.Option(help="Up to here; a date includes its day.")]
Project = Annotated[str | None, typer.Option(help="This project alone.")]
Top = Annotated[int | None, typer.Option(min=1, help="The first rows alone: the newest, or the dearest.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Every column and exact figures, as CSV on stdout.")]

USUAL = {"day": "13d", "week": "8w", "month": None, "module": "month"}
"""How far back a table goes where nobody says."""
HEADS = {"day": "Day", "week": "Week", "month": "Month", "module": "Project"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, axis, what in (
        ("daily", "day", "What each day cost, the newest first; 14 days where nothing else is said."),
        ("weekly", "week", "What each week cost, the newest first; eight weeks where nothing else is said."),
        ("monthly", "month", "What each month cost, the newest first."),
        (
            "projects",
            "module",
            "What each project cost, the dearest first; this month where nothing else is said.",
        ),
    ):
        app.command(name, help=what)(_of(axis))
    app.command("sessions")(sessions)
    app.command("blocks")(blocks)


def _of(axis: str) -> Callable[..., None]:
    def command(
        since: Since = None,
        until: Until = None,
        project: Project = None,
        top: Top = None,
        as_csv: AsCsv = False,
        as_json: JsonFlag = False,
    ) -> None:
        from gaia_budget.reports.money.thresholds import measured
        from gaia_budget.settings import load

        with _ledger() as ledger:
            asked = _asked(ledger, since or (None if until else USUAL[axis]), until, project, axis)
            found = measured(ledger, load(), axis, asked)
            found = found.newest(top) if top else found
            if _given(found.document(), as_json, as_csv):
                return
            if not found.lines:
                _say_nothing(ledger)
                return
            _draw_table(found, _title(ledger, found.since, found.until))

    return command


def sessions(
    since: Since = None,
    until: Until = None,
    project: Project = None,
    top: Top = None,
    as_csv: AsCsv = False,
    as_json: JsonFlag = False,
) -> None:
    """The newest sessions: when, where, how much of the limit, what they cost. What was asked is not kept."""
    from gaia_budget.reports.sessions.recent import USUAL as MOST
    from gaia_budget.reports.sessions.recent import sessions as ask

    with _ledger() as ledger:
        found = ask(ledger, _asked(ledger, since, until, project, ""), top or MOST)
        if _given(found.document(), as_json, as_csv):
            return
        if not found.lines:
            _say_nothing(ledger)
            return
        from gaia_budget.cli.seeing import listing

        listing.draw_sessions(found, ledger.zone)


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

    with _ledger() as ledger:
        found = ask(ledger, _asked(ledger, since or (None if until else "3d"), until, project, ""))
        document = {"total": total(found).document(), "rows": [one.document() for one in found]}
        if _given(document, as_json, as_csv):
            return
        if not found:
            _say_nothing(ledger)
            return
        from gaia_budget.cli.seeing import listing

        listing.draw_blocks(found, total(found), ledger.zone)


def _ledger() -> Any:
    from gaia_budget.cli.current import current_ledger
    from gaia_budget.settings import load

    return current_ledger(load())


def _asked(ledger: Ledger, since: str | None, until: str | None, project: str | None, axis: str) -> Asked:
    """Whole days and weeks: a stretch of days ago begins with its first day."""
    from datetime import timedelta

    from gaia_budget.reports.asked import Asked

    start = ledger.instant(since)
    if start is not None and axis in ("day", "week") and since in USUAL.values():
        day = ledger.zone.local(start).date()
        start = ledger.zone.start_of_day(day - timedelta(days=day.weekday() if axis == "week" else 0))
    return Asked(start, until, {"module": project} if project else {})


def _given(document: dict[str, Any], as_json: bool, as_csv: bool) -> bool:
    """Whether programs were answered."""
    if as_json:
        emit_json(document)
    elif as_csv:
        from gaia_budget.reports.shown import csv_text

        sys.stdout.write(csv_text(document["rows"]))
    return as_json or as_csv


def _say_nothing(ledger: Ledger) -> None:
    from gaia_budget.cli.seeing.empty import nothing

    for line in nothing(ledger, " in that stretch"):
        say(line)


def _title(ledger: Ledger, since: int | None, until: int | None) -> str:
    last = ledger.zone.local(ledger.now() if until is None else until - 1)
    first = None if since is None else ledger.zone.local(since)
    start = "Everything" if first is None else f"{first.day} {first:%b}"
    if first is not None and first.year != last.year:
        start += f" {first.year}"
    return f"{start} to {last.day} {last:%b %Y}" + (f", {last:%H:%M %Z}" if until is None else "")


def _draw_table(found: SpendTable, title: str) -> None:
    from rich.text import Text

    from gaia_budget.cli.seeing.grid import Cells, grid, left_out
    from gaia_budget.cli.seeing.overview import shares
    from gaia_budget.cli.seeing.paper import here
    from gaia_budget.reports import shown

    paper, axis, lines, total = here(), found.axis, found.lines, found.total
    apps, apps_total = shown.cents([one.apps_nano for one in lines])
    code, code_total = shown.cents([one.claude_code_nano for one in lines])
    keys = [key_shown(axis, one.key) for one in lines]
    columns = [
        Cells(HEADS[axis], keys, "Total", left=True),
        *token_columns([one.figures for one in lines], total.figures),
    ]
    if total.apps_nano:
        marked = [
            f"▲ {cell}" if one.key in found.passed else cell for one, cell in zip(lines, apps, strict=True)
        ]
        columns.append(Cells("Apps", marked, apps_total))
    columns.append(Cells("Claude Code", code, code_total))
    columns.append(Cells("Models", [shares(one, 3) for one in lines], drop=9, left=True))
    drawn = grid(columns, paper, bold=[0] if axis in ("day", "week", "month") else ())
    lines_below = paper.foot([*left_out(drawn, paper), *_foot(found)])
    paper.draw([Text(title), Text(""), *drawn.lines, Text(""), *lines_below])


def token_columns(rows: list[Figures], total: Figures) -> list[Cells]:
    """Responses and every kind of token; input, output and cache add up to all tokens."""
    from gaia_budget.cli.seeing.grid import Cells

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


def key_shown(axis: str, key: str) -> str:
    """A row's name as people write it."""
    from datetime import date

    from gaia_budget.reports import shown

    if axis == "day":
        day = date.fromisoformat(key)
        return f"{day:%a} {day.day:2d} {day:%b}"
    if axis == "month":
        return f"{date.fromisoformat(f'{key}-01'):%b %Y}"
    return shown.name(key or "no project", 24) if axis == "module" else key


def _foot(found: SpendTable) -> list[str]:
    from gaia_budget.reports import shown

    total, lines = found.total, []
    if found.passed:
        lines.append(f"▲ reached its threshold of {shown.money(found.threshold_nano)}.")
    if total.apps_nano and total.claude_code_nano:
        lines.append("Apps count against the caps; Claude Code is at API prices.")
    if total.figures.unpriced_responses:
        lines.append(
            f"{total.figures.unpriced_responses:,} responses have no known price and are not in the dollars."
        )
    return lines
