"""`gaia-budget export csv|json|otlp`: the events for a spreadsheet, a program, a collector of telemetry."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.current import books_now
from gaia_budget.cli.output import JsonFlag, Module, Until, emit_json, not_a_link, note
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

Since = Annotated[str | None, typer.Option(help="From here on (see `spend`).")]
Out = Annotated[Path | None, typer.Option("--out", help="File to write; default: standard output.")]
Endpoint = Annotated[
    str | None,
    typer.Option(help="The collector, such as http://localhost:4318; default: OTEL_EXPORTER_OTLP_ENDPOINT."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Events in other forms.")
    group.command("csv", help="One line per event, with exact dollars.")(_file("csv"))
    group.command("json", help="One JSON object per line and event, with exact dollars.")(_file("json"))
    group.command("otlp")(as_spans)
    app.add_typer(group, name="export")


def _file(form: str) -> Callable[..., None]:
    def command(
        since: Since = None,
        until: Until = None,
        module: Module = None,
        out: Out = None,
        as_json: JsonFlag = False,
    ) -> None:
        from gaia_budget.reports.money import export

        write = {"csv": export.write_csv, "json": export.write_json}[form]
        if as_json and out is None:
            raise InputError(
                "--json goes with --out FILE: standard output carries the events otherwise",
                slug="options-exclude",
            )
        with books_now() as books:
            found = export.events(books.ledger, since, until, books.module(module) if module else None)
            if out is None:
                write(found, sys.stdout)
                return
            try:
                with not_a_link(out).open("w", encoding="utf-8", newline="") as file:
                    count = write(found, file)
            except OSError as error:
                raise InputError(
                    f"{out}: cannot be written: {error.strerror}", slug="file-unwritable"
                ) from None
        if as_json:
            emit_json({"file": str(out), "events": count})
        else:
            note(f"{count} events in {out}")

    return command


def as_spans(
    since: Since = None,
    until: Until = None,
    module: Module = None,
    endpoint: Endpoint = None,
    as_json: JsonFlag = False,
) -> None:
    """One OpenTelemetry span per event, by the GenAI conventions, to a collector. Needs the extra `otlp`."""
    from gaia_budget.reports.money import export

    with books_now() as books:
        wanted = books.module(module) if module else None
        count = export.send(export.events(books.ledger, since, until, wanted, export.PORTION), endpoint)
    if as_json:
        emit_json({"spans": count})
    else:
        note(f"{count:,} spans were sent")
