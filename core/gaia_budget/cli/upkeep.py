"""`gaia-budget verify`, `rebuild` and `migrate-db`: the ledger proved, made anew, moved elsewhere."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.current import opened_ledger
from gaia_budget.cli.output import JsonFlag, emit_json, note, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

Sources = Annotated[bool, typer.Option(help="Also read every transcript and log anew and compare.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("verify")(verify)
    app.command("rebuild")(rebuild)
    app.command("migrate-db")(migrate_db)


def verify(sources: Sources = True, as_json: JsonFlag = False) -> None:
    """Prove that sums, budgets and reservations match the events, and the events their sources."""
    from gaia_budget.ingest.run import run
    from gaia_budget.ledger.rebuild import compare
    from gaia_budget.ledger.verify import verify as check

    with opened_ledger() as (ledger, settings):
        problems = check(ledger)
        if sources and not problems:
            began = ledger.now()
            run(settings, ledger)
            with _from_sources(settings) as fresh:
                problems = compare(ledger, fresh, began)
    if as_json:
        emit_json({"ok": not problems, "problems": [problem._asdict() for problem in problems]})
    else:
        for problem in problems:
            say(f"{problem.check}: {problem.place}: {problem.detail}")
        say(
            "The record of what was spent is not sound; `gaia-budget rebuild` makes it anew."
            if problems
            else "The record of what was spent is sound."
        )
    if problems:
        raise typer.Exit(1)


def rebuild(as_json: JsonFlag = False) -> None:
    """Make the ledger anew from transcripts and logs; rows whose source is gone are carried over."""
    from gaia_budget.ingest.run import telling_hooks
    from gaia_budget.ledger.rebuild import rebuild as remake
    from gaia_budget.ledger.verify import verify as check

    with opened_ledger() as (ledger, settings):
        with telling_hooks(settings, ledger), _from_sources(settings) as fresh:
            done = remake(ledger, fresh)
        problems = check(ledger)
    document = {"ok": not problems, "problems": [problem._asdict() for problem in problems]}
    if as_json:
        emit_json(document | done._asdict())
    else:
        for problem in problems:
            note(f"{problem.check}: {problem.place}: {problem.detail}")
        say(
            f"{done.from_sources} events from their sources; {done.carried_over} carried over, whose sources are gone"
        )
    if problems:
        raise typer.Exit(1)


@contextmanager
def _from_sources(settings: Settings) -> Iterator[Ledger]:
    """A new ledger of everything that is on this machine, thrown away afterwards."""
    from gaia_budget.cli.progress import progress
    from gaia_budget.ingest.run import take_in
    from gaia_budget.ledger import Ledger

    with tempfile.TemporaryDirectory(prefix="gaia-budget-", ignore_cleanup_errors=True) as folder:
        url = f"sqlite:///{(Path(folder) / 'ledger.db').as_posix()}"
        with Ledger.open(url, settings=settings) as fresh, progress("reading every source") as advance:
            take_in(settings, fresh, advance)
            yield fresh


def migrate_db(
    url: Annotated[str, typer.Argument(help="The new database, such as postgresql://user@host/database.")],
    as_json: JsonFlag = False,
) -> None:
    """Copy the ledger of the settings into an empty database and prove that every row arrived."""
    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.rebuild import check_zone, move

    with opened_ledger() as (source, settings):
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
