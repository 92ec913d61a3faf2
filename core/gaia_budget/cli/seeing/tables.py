"""`gaia-budget daily`, `weekly`, `monthly`, `projects`: what each stretch and each project cost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from gaia_budget.cli.current import current_ledger
from gaia_budget.cli.output import AsCsv, JsonFlag, Project, Since, Top, Until, answered
from gaia_budget.cli.seeing.empty import say_nothing
from gaia_budget.reports import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.asked import Asked
    from gaia_budget.reports.money.tables import SpendTable

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

        settings = load()
        with current_ledger(settings) as ledger:
            asked = _asked(ledger, since or (None if until else USUAL[axis]), until, project, axis)
            found = measured(ledger, settings, axis, asked)
            found = found.newest(top) if top else found
            if answered(found.document(), as_json, as_csv):
                return
            if found.lines:
                _draw(found, _title(ledger, found.since, found.until))
            else:
                say_nothing(ledger, " in that stretch")

    return command


def _asked(ledger: Ledger, since: str | None, until: str | None, project: str | None, axis: str) -> Asked:
    """Whole days and weeks: a stretch of days ago begins with its first day."""
    from gaia_budget.reports.asked import Asked

    start = ledger.instant(since)
    if start is not None and axis in ("day", "week") and since in USUAL.values():
        day = ledger.zone.local(start).date()
        start = ledger.zone.start_of_day(day - timedelta(days=day.weekday() if axis == "week" else 0))
    return Asked(start, until, {"module": project} if project else {})


def _title(ledger: Ledger, since: int | None, until: int | None) -> str:
    last = ledger.zone.local(ledger.now() if until is None else until - 1)
    first = None if since is None else ledger.zone.local(since)
    start = "Everything" if first is None else f"{first.day} {first:%b}"
    if first is not None and first.year != last.year:
        start += f" {first.year}"
    return f"{start} to {last.day} {last:%b %Y}" + (f", {last:%H:%M %Z}" if until is None else "")


def _draw(found: SpendTable, title: str) -> None:
    from gaia_budget.cli.seeing.grid import Cells, draw, token_columns
    from gaia_budget.cli.seeing.overview import shares

    axis, lines, total = found.axis, found.lines, found.total
    apps, apps_total = shown.cents([one.apps_nano for one in lines])
    code, code_total = shown.cents([one.claude_code_nano for one in lines])
    columns = [
        Cells(HEADS[axis], [_key_shown(axis, one.key) for one in lines], "Total", left=True),
        *token_columns([one.figures for one in lines], total.figures),
    ]
    if total.apps_nano:
        marked = [
            f"▲ {cell}" if one.key in found.passed else cell for one, cell in zip(lines, apps, strict=True)
        ]
        columns.append(Cells("Apps", marked, apps_total))
    columns.append(Cells("Claude Code", code, code_total))
    columns.append(Cells("Models", [shares(one, 3) for one in lines], drop=9, left=True))
    draw(columns, _foot(found), title=title, bold=[0] if axis != "module" else ())


def _key_shown(axis: str, key: str) -> str:
    """A row's name as people write it."""
    if axis == "day":
        day = date.fromisoformat(key)
        return f"{day:%a} {day.day:2d} {day:%b}"
    if axis == "month":
        return f"{date.fromisoformat(f'{key}-01'):%b %Y}"
    return shown.name(key or "no project", 24) if axis == "module" else key


def _foot(found: SpendTable) -> list[str]:
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
