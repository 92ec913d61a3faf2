"""`gaia-budget status`: where this session and its module's month stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, say

if TYPE_CHECKING:
    from gaia_budget.ledger.status import Status

Session = Annotated[
    str | None, typer.Option(help="The session; default: the running one, else the newest in the ledger.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(session: Session = None, as_json: JsonFlag = False) -> None:
    """One plain line, then the breakdown."""
    from gaia_budget import settings as settings_of
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.status import status as ask

    settings = settings_of.load()
    with Ledger.open(settings=settings) as ledger:
        found = ask(ledger, settings, session)
    if as_json:
        emit_json(found.document())
    else:
        _show(found)


def _show(found: Status) -> None:
    from rich.table import Table

    from gaia_hooks.money import usd_short

    say(found.line())
    spent = found.session.spend if found.session else None
    if found.session is None or spent is None:
        return
    table = Table("", "", "budget tokens", "cache reads", "dollars", box=None, pad_edge=False)
    for label, parts in (("model", spent.models), ("agent", spent.agents)):
        for part in parts:
            figures = part.figures
            tokens, reads = f"{figures.budget_tokens:,}", f"{figures.cache_read_tokens:,}"
            table.add_row(label, part.name, tokens, reads, usd_short(figures.cost_nano))
    if spent.unattributed_nano:
        table.add_row("", "unattributed", "", "", usd_short(spent.unattributed_nano))
    say(table)
