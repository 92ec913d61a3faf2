"""`gaia-budget anomalies`: days that cost more than is usual, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.output import JsonFlag, columns, emit_json, say

if TYPE_CHECKING:
    from gaia_budget.forecast.anomalies import Anomaly

Module = Annotated[str | None, typer.Option(help="This module alone.")]
Since = Annotated[
    str | None, typer.Option(help="From here on: 2026-11-23, 2026-11, 30d, ...; default: 14 days.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("anomalies")(anomalies)


def anomalies(module: Module = None, since: Since = None, as_json: JsonFlag = False) -> None:
    """Days on which a task or a module cost more than is usual for it, with the likely cause."""
    from gaia_budget.cli.current import books_now
    from gaia_budget.reports.money.anomalies import anomalies as ask

    with books_now() as books:
        found = ask(books, module, since)
    if as_json:
        emit_json({"anomalies": [one.document() for one in found]})
    else:
        _show(found)


def _show(found: list[Anomaly]) -> None:
    from gaia_budget.forecast.days import day_named
    from gaia_hooks.facts.prices.money import usd_short

    if not found:
        say("Nothing out of the ordinary.")
        return
    lines = [["day", "module", "task", "likely cause", "usually", "cost"]]
    for one in found:
        task = "(all together)" if one.task is None else one.task or "(none)"
        amounts = (usd_short(one.expected_nano), usd_short(one.actual_nano))
        lines.append([day_named(one.day), one.module, task, one.cause, *amounts])
    say(columns(lines, left=4))
