"""`gaia-budget migrate-db URL`: the ledger moves to another database, verified row by row."""

from __future__ import annotations

from typing import Annotated

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, note, say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate-db")(migrate_db)


def migrate_db(
    url: Annotated[str, typer.Argument(help="The new database, such as postgresql://user@host/database.")],
    as_json: JsonFlag = False,
) -> None:
    """Copy the ledger of the settings into an empty database and prove that every row arrived."""
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.move import check_zone, move
    from gaia_budget.settings import load

    settings = load()
    with Ledger.open(settings=settings) as source:
        check_zone(source, url, settings)
        with Ledger.open(url, settings=settings) as target:
            rows = move(source, target)
    if as_json:
        emit_json({"rows": rows})
        return
    say(f"{sum(rows.values())} rows moved and compared: {rows['events']} events.")
    note(
        "The old ledger is unchanged. Set db in settings.toml (or GAIA_BUDGET_DB) to the new URL to use the new one."
    )
