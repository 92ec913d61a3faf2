"""`gaia-budget spend`: what was spent, by any axis and any two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, say

if TYPE_CHECKING:
    from gaia_budget.ledger.questions import Spend

By = Annotated[
    str,
    typer.Option(
        help="One axis, or several with commas: module, model, task, session, agent, provider, source, billing, "
        "branch, user, machine, hour, day, week, month, response."
    ),
]
Since = Annotated[
    str | None, typer.Option(help="From here on: 2026-11-23, 2026-11, 7d, 36h, today, month, or a time.")
]
Until = Annotated[str | None, typer.Option(help="Up to here; a date includes its day.")]
Module = Annotated[str | None, typer.Option(help="This module alone.")]
Session = Annotated[str | None, typer.Option(help="This session alone.")]
Top = Annotated[int | None, typer.Option(min=1, help="The first rows alone; the total stays whole.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("spend")(spend)


def spend(
    by: By = "module",
    since: Since = None,
    until: Until = None,
    module: Module = None,
    session: Session = None,
    top: Top = None,
    as_json: JsonFlag = False,
) -> None:
    """What was spent: dearest first, times in order."""
    from gaia_budget.ledger import Ledger

    axes = [axis.strip() for axis in by.split(",") if axis.strip()]
    with Ledger.open() as ledger:
        answer = ledger.spend(axes, since, until, module.lower() if module else None, session)
    answer = answer._replace(rows=answer.rows[:top])
    if as_json:
        emit_json(answer.document())
    else:
        _show(answer)


def _show(answer: Spend) -> None:
    from rich.table import Table

    from gaia_hooks.money import usd_short

    table = Table(box=None, pad_edge=False)
    for place, axis in enumerate(answer.by):
        widest = max((len(row.key[place]) for row in answer.rows), default=0)
        table.add_column(axis.replace("_", " "), min_width=widest, no_wrap=True)
    for name in ("responses", "budget tokens", "cache reads", "dollars"):
        table.add_column(name, justify="right")
    shown = [(row.key, row.figures) for row in answer.rows]
    for key, figures in [*shown, (("total", *[""] * (len(answer.by) - 1)), answer.total)]:
        unpriced = f" + {figures.unpriced_responses} unpriced" if figures.unpriced_responses else ""
        table.add_row(
            *(value or "(none)" if key[0] != "total" else value for value in key),
            f"{figures.responses:,}",
            f"{figures.budget_tokens:,}",
            f"{figures.cache_read_tokens:,}",
            usd_short(figures.cost_nano) + unpriced,
        )
    say(table)
