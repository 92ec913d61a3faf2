"""`gaia-budget spend`: what was spent, by any axis and any two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.output import JsonFlag, Since, Until, columns, emit_json, say, warn_of_broken_files
from gaia_hooks.facts import names

if TYPE_CHECKING:
    from gaia_budget.ledger.questions import Spend

WHOLE = 4_096
"""Characters of a key: a path is never cut."""
By = Annotated[
    str,
    typer.Option(
        help="By what, several with commas: project (or module), model, task, session, agent, provider, source, "
        "billing, branch, user, machine, effort, entrypoint, skill, plugin, after_mcp_server and after_mcp_tool "
        "(answers that read a result of one), hour, day, week, month, response; and, as estimates, tool, "
        "mcp_server, file."
    ),
]
Module = Annotated[str | None, typer.Option("--module", "--project", help="This project or module alone.")]
Session = Annotated[
    str | None, typer.Option(help="This session alone; the first letters of its id are enough.")
]
Top = Annotated[
    int | None, typer.Option(min=1, help="The first rows alone, of times the newest; the total is whole.")
]


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
    from gaia_budget.cli.current import books_now
    from gaia_budget.ledger.questions import CONTEXT_AXES, TIMES
    from gaia_budget.reports.asked import as_stored, axes_of
    from gaia_budget.reports.money.spend import spend as ask
    from gaia_budget.reports.sessions.beside_client import BesideClient, beside_client

    axes = axes_of(by)
    warn_of_broken_files()
    with books_now() as books:
        module = books.module(module) if module else None
        session = books.session_id(session) if session else None
        if set(CONTEXT_AXES) & set(axes):
            total = ask(books, (), since, until, module, session)
            _context(list(as_stored(axes)), total, module, session, top, as_json)
            return
        answer = ask(books, axes, since, until, module, session)
    newest = bool(axes) and axes[0] in TIMES
    answer = answer._replace(rows=answer.rows[-top:] if top and newest else answer.rows[:top])
    beside = beside_client(session) if session else BesideClient([], [])
    if as_json:
        emit_json(answer.document() | beside.document())
    else:
        _show(answer)
        for head, what in beside.facts():
            say(f"{head.lower()}: {what}")


def _show(answer: Spend) -> None:
    from gaia_hooks.facts.prices.money import usd_short

    figures_of = ("responses", "tokens that count", "written again", "cache reads", "dollars")
    recached = bool(answer.total.recached_tokens)
    lines = [[*(axis.replace("_", " ") for axis in answer.by), *_columns(list(figures_of), recached)]]
    rows = [([names.said(value, WHOLE) or "(none)" for value in row.key], row.figures) for row in answer.rows]
    rows.append((["total", *[""] * (len(answer.by) - 1)], answer.total))
    for key, figures in rows:
        unpriced = (
            f" + {figures.unpriced_responses} without a known price" if figures.unpriced_responses else ""
        )
        counts = (
            figures.responses,
            figures.budget_tokens,
            figures.recached_tokens,
            figures.cache_read_tokens,
        )
        cells = [*(f"{count:,}" for count in counts), usd_short(figures.cost_nano) + unpriced]
        lines.append([*key, *_columns(cells, recached)])
    say(columns(lines, left=len(answer.by)))
    if recached:
        say(
            "written again: what a pause made the cache lose; it costs, and does not count against session limits"
        )


def _columns(cells: list[str], recached: bool) -> list[str]:
    return cells if recached else [*cells[:2], *cells[3:]]


def _context(
    axes: list[str], measured: Spend, module: str | None, session: str | None, top: int | None, as_json: bool
) -> None:
    """What fills the context: estimates of tool results, beside the measured total of the same range."""
    from gaia_budget import places
    from gaia_budget.cli.progress import progress
    from gaia_budget.ingest.context import ContextQuestion, fills
    from gaia_budget.owner import load_registry

    asked = ContextQuestion(axes, measured.since, measured.until, module, session)
    with progress("reading transcripts") as advance:
        rows = fills(places.claude_config_dirs(), load_registry().roots(), asked, advance)[:top]
    if as_json:
        emit_json(measured.document() | {"rows": [row.document(axes) for row in rows]})
        return
    lines = [[*(axis.replace("_", " ") for axis in axes), "calls", "result tokens", "carried tokens"]]
    for row in rows:
        figures = (row.calls, row.result_tokens, row.carried_tokens)
        lines.append(
            [
                *(names.said(value, WHOLE) or "(none)" for value in row.key),
                *(f"{count:,}" for count in figures),
            ]
        )
    say(columns(lines, left=len(axes)))
    say("Estimates: a result's size, and that times the later requests that carried it.")
