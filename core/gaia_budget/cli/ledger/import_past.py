"""`gaia-budget import`: the ecosystem's past, from jSeeker's database or a folder of event files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.ledger.ingest import show
from gaia_budget.cli.output import JsonFlag, emit_json

if TYPE_CHECKING:
    from gaia_budget.ingest import Report

Database = Annotated[Path, typer.Argument(help="jSeeker's SQLite file, with its api_costs table.")]
Folder = Annotated[
    Path, typer.Argument(help="A folder with event files (*.jsonl), such as a backup of logs/.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Take in the ecosystem's past.", no_args_is_help=True)
    group.command("jseeker-db")(jseeker_db)
    group.command("logs")(logs)
    app.add_typer(group, name="import")


def jseeker_db(file: Database, as_json: JsonFlag = False) -> None:
    """Take in every row of jSeeker's api_costs table; rows that are known already change nothing."""
    from gaia_budget.ingest import import_api_costs
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    settings = load()
    with Ledger.open(settings=settings) as ledger:
        _answer(import_api_costs(settings, ledger, file.absolute()), as_json)


def logs(folder: Folder, as_json: JsonFlag = False) -> None:
    """Take in every event file of a folder; lines that are known already change nothing."""
    from gaia_budget.ingest import import_logs
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    settings = load()
    with Ledger.open(settings=settings) as ledger:
        _answer(import_logs(settings, ledger, folder.absolute()), as_json)


def _answer(report: Report, as_json: bool) -> None:
    if as_json:
        emit_json({"imported": report.events_new, **report.document()})
    else:
        show(report)
