"""`gaia-budget forecast` and `anomalies`: where each month ends, and days that cost more than is usual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.current import books_now
from gaia_budget.cli.output import JsonFlag, Module, columns, emit_json, say
from gaia_hooks.facts import names
from gaia_hooks.facts.prices.money import usd_short

if TYPE_CHECKING:
    from gaia_budget.forecast.anomalies import Anomaly
    from gaia_budget.forecast.month import Projection
    from gaia_budget.forecast.outlook import Outlook
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.money.month import Total
    from gaia_budget.reports.money.plan import PlanWindow

Since = Annotated[
    str | None, typer.Option(help="From here on: 2026-11-23, 2026-11, 30d, ...; default: 14 days.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("forecast")(forecast)
    app.command("anomalies")(anomalies)


def forecast(module: Module = None, as_json: JsonFlag = False) -> None:
    """Where each module's month ends at the rate so far, with a range, and when its cap is used up."""
    from gaia_budget.reports.money.forecast import forecast as ask

    with books_now() as books:
        found = ask(books, module)
    if as_json:
        emit_json(found.document())
        return
    _show(found.modules)
    if found.total.limit_nano is not None and module is None:
        _show_total(found.total)
    for name, window in found.plan.items():
        if window is not None:
            _show_window(name, window, books.ledger.zone)


def _show(found: list[Outlook]) -> None:
    if not found:
        say("No data yet: nothing was spent this month, and token_budget.json names no module.")
        return
    lines = [["module", "cap used up", "spent", "of", "month's end", "between", "and"]]
    for one in found:
        cap = usd_short(one.cap_nano)
        lines.append([one.module, one.says(), *_amounts(one.counted, cap)])
        if one.beside is not None:
            lines.append(["", "Claude Code, not counted, at API prices", *_amounts(one.beside, "")])
    say(columns(lines, left=2))
    for one in found:
        if one.counted.known:
            say(f"{names.said(one.module)}: from {one.counted.method}")
    say("The range is meant to hold the truth four times out of five.")


def _show_total(total: Total) -> None:
    ends = total.outlook.counted.projected_nano
    expected = "" if ends is None else f", {usd_short(ends)} expected by its end"
    spent = f"{usd_short(total.spent_nano)} of {usd_short(total.limit_nano or 0)}"
    say(f"all modules together: {spent} this month ({total.percent:g} %){expected}; {total.outlook.says()}")


def _show_window(name: str, window: PlanWindow, zone: Zone) -> None:
    def at(ts: int) -> str:
        return zone.local(ts).strftime("%Y-%m-%d %H:%M")

    pace = "not full before it resets" if window.reached_at is None else f"full at {at(window.reached_at)}"
    title = name.replace("_", "-")
    say(f"plan, {title} window: {window.percent:g} % at {at(window.as_of)}, at this pace {pace}")
    for kind, shares in (("module", window.projects), ("agent", window.agents)):
        for share in shares:
            say(f"  {kind} {share.name}: {share.low:.0f} to {share.percent:.0f} % of the window")


def _amounts(projection: Projection, cap: str) -> list[str]:
    ends = (projection.projected_nano, projection.low_nano, projection.high_nano)
    return [usd_short(projection.spent_nano), cap, *("-" if end is None else usd_short(end) for end in ends)]


def anomalies(module: Module = None, since: Since = None, as_json: JsonFlag = False) -> None:
    """Days on which a task or a module cost more than is usual for it, with the likely cause."""
    from gaia_budget.reports.money.forecast import anomalies as ask

    with books_now() as books:
        found = ask(books, module, since)
    if as_json:
        emit_json({"anomalies": [one.document() for one in found]})
    else:
        _show_days(found)


def _show_days(found: list[Anomaly]) -> None:
    from gaia_budget.ledger.zone import day_name

    if not found:
        say("Nothing out of the ordinary.")
        return
    lines = [["day", "module", "task", "likely cause", "usually", "cost"]]
    for one in found:
        task = "(all together)" if one.task is None else one.task or "(none)"
        amounts = (usd_short(one.expected_nano), usd_short(one.actual_nano))
        lines.append([day_name(one.day), one.module, task, one.cause, *amounts])
    say(columns(lines, left=4))
