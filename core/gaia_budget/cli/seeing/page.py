"""`gaia-budget dashboard` and `report`: the page, live on this machine or as one file."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.current import current_ledger, opened_ledger
from gaia_budget.cli.output import JsonFlag, emit_json, not_a_link, say
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

Host = Annotated[
    str, typer.Option(help="Where to listen; from elsewhere than this machine a token is asked for.")
]
Port = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Default: the first free one from 8765 on; never 8501-8504."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("dashboard")(dashboard)
    app.command("report")(report)


def dashboard(host: Host = "127.0.0.1", port: Port = None) -> None:
    """The page with everything, live in a browser; its figures as JSON under /api/v1, for Prometheus under /metrics."""
    from gaia_budget.dashboard.serving import serve

    with opened_ledger(lean=True) as (ledger, settings):
        serve(ledger, settings, host, port)


Month = Annotated[str | None, typer.Option(help="A month, such as 2026-11; default: the running one.")]
Week = Annotated[str | None, typer.Option(help="A week instead, such as 2026-W48.")]
Module = Annotated[str | None, typer.Option("--module", "--project", help="This project alone.")]
Out = Annotated[
    Path | None, typer.Option(help="The file; default: gaia-budget-PERIOD.html or .md in this folder.")
]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="As Markdown instead: its tables, without charts.")
]


def report(
    month: Month = None,
    week: Week = None,
    module: Module = None,
    out: Out = None,
    markdown: Markdown = False,
    as_json: JsonFlag = False,
) -> None:
    """A month or a week as one HTML file: charts and tables, nothing loaded from anywhere; it prints well, too."""
    from gaia_budget.dashboard.views import page
    from gaia_budget.settings import load
    from gaia_hooks.machine import files

    if month and week:
        raise InputError("give --month or --week, not both", slug="options-exclude")
    settings = load()
    with current_ledger(settings) as ledger:
        name, since, until = _stretch(ledger, month, week)
        form = "md" if markdown else "html"
        text = page(ledger, settings, name, since, until, module, form)
    file = out or Path(f"gaia-budget-{name}{'-' + _plain(module) if module else ''}.{form}")
    try:
        if out is None:  # in whatever folder we are: a link that lies there is replaced, not followed
            files.replace(str(file.absolute()), text.encode(), durable=False)
        else:
            not_a_link(out).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(
            f"{file}: the report cannot be written: {error.strerror}; name another with --out",
            slug="file-unwritable",
        ) from None
    if as_json:
        emit_json({"file": str(file), "period": name, "bytes": len(text.encode())})
    else:
        say(f"Written: {file}")


def _stretch(ledger: Ledger, month: str | None, week: str | None) -> tuple[str, int, int]:
    """The name of the period, and its [since, until). Raises InputError."""
    zone = ledger.zone
    if week is not None:
        found = re.fullmatch(r"(\d{4})-W(\d{1,2})", week)
        try:
            start = date.fromisocalendar(int(found[1]), int(found[2]), 1) if found else None
        except ValueError:
            start = None
        if start is None:
            raise InputError(f"--week {week!r} is no week; write it as 2026-W48", slug="not-valid")
        return week, zone.start_of_day(start), zone.start_of_day(start + timedelta(days=7))
    name = month or f"{zone.local(ledger.now()):%Y-%m}"
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", name) or name.startswith("0000"):
        raise InputError(f"--month {name!r} is no month; write it as 2026-11", slug="not-valid")
    number = int(name[:4]) * 12 + int(name[5:]) - 1
    return name, zone.start_of_month(number), zone.start_of_month(number + 1)


def _plain(name: str) -> str:
    from gaia_hooks.facts.names import file_name

    return file_name(name)
