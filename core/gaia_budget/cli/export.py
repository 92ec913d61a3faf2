"""`gaia-budget export csv|json|otlp`: the events for a spreadsheet, a program, a collector of telemetry."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.output import JsonFlag, Module, Until, emit_json, not_a_link, note
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from gaia_budget.reports.money.export import Fields

Since = Annotated[str | None, typer.Option(help="From here on (see `spend`).")]
Out = Annotated[Path | None, typer.Option("--out", help="File to write; default: standard output.")]
Endpoint = Annotated[
    str | None,
    typer.Option(help="The collector, such as http://localhost:4318; default: OTEL_EXPORTER_OTLP_ENDPOINT."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Events in other forms.")
    group.command("csv")(as_csv)
    group.command("json")(as_lines)
    group.command("otlp")(as_spans)
    app.add_typer(group, name="export")


def as_csv(
    since: Since = None,
    until: Until = None,
    module: Module = None,
    out: Out = None,
    as_json: JsonFlag = False,
) -> None:
    """One line per event, with exact dollars."""
    from gaia_budget.reports.money.export import write_csv

    _write(write_csv, since, until, module, out, as_json)


def as_lines(
    since: Since = None,
    until: Until = None,
    module: Module = None,
    out: Out = None,
    as_json: JsonFlag = False,
) -> None:
    """One JSON object per line and event, with exact dollars."""
    from gaia_budget.reports.money.export import write_json

    _write(write_json, since, until, module, out, as_json)


def as_spans(
    since: Since = None,
    until: Until = None,
    module: Module = None,
    endpoint: Endpoint = None,
    as_json: JsonFlag = False,
) -> None:
    """One OpenTelemetry span per event, by the GenAI conventions, to a collector. Needs the extra `otlp`."""
    from gaia_budget.cli.current import books_now
    from gaia_budget.reports.money import export

    with books_now() as books:
        wanted = books.module(module) if module else None
        count = export.send(export.events(books.ledger, since, until, wanted, export.PORTION), endpoint)
    if as_json:
        emit_json({"spans": count})
    else:
        note(f"{count:,} spans were sent")


def _write(
    write: Callable[[Iterator[list[Fields]], TextIO], int],
    since: str | None,
    until: str | None,
    module: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    from gaia_budget.cli.current import books_now
    from gaia_budget.reports.money.export import events

    if as_json and out is None:
        raise InputError(
            "--json goes with --out FILE: standard output carries the events otherwise",
            slug="options-exclude",
        )
    with books_now() as books:
        found = events(books.ledger, since, until, books.module(module) if module else None)
        if out is None:
            write(found, sys.stdout)
            return
        try:
            with not_a_link(out).open("w", encoding="utf-8", newline="") as file:
                count = write(found, file)
        except OSError as error:
            raise InputError(f"{out}: cannot be written: {error.strerror}", slug="file-unwritable") from None
    if as_json:
        emit_json({"file": str(out), "events": count})
    else:
        note(f"{count} events in {out}")
