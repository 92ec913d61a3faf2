"""`gaia-budget export csv`: the events for a spreadsheet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, note
from gaia_budget.errors import InputError

Since = Annotated[str | None, typer.Option(help="From here on (see `spend`).")]
Until = Annotated[str | None, typer.Option(help="Up to here; a date includes its day.")]
Module = Annotated[str | None, typer.Option(help="This module alone.")]
Out = Annotated[Path | None, typer.Option("--out", help="File to write; default: standard output.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(no_args_is_help=True, help="Events in other forms.")
    group.command("csv")(as_csv)
    app.add_typer(group, name="export")


def as_csv(
    since: Since = None,
    until: Until = None,
    module: Module = None,
    out: Out = None,
    as_json: JsonFlag = False,
) -> None:
    """One line per event, with exact dollars."""
    from gaia_budget.cli.current import books_now
    from gaia_budget.reports.money.export import write_csv

    if as_json and out is None:
        raise InputError("--json goes with --out FILE: standard output carries the events otherwise")
    module = module.lower() if module else None
    with books_now() as books:
        ledger = books.ledger
        if out is None:
            write_csv(ledger, sys.stdout, since, until, module)
            return
        try:
            with out.open("w", encoding="utf-8", newline="") as file:
                count = write_csv(ledger, file, since, until, module)
        except OSError as error:
            raise InputError(f"{out}: cannot be written: {error.strerror}") from None
    if as_json:
        emit_json({"file": str(out), "events": count})
    else:
        note(f"{count} events in {out}")
