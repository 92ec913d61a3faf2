"""`gaia-budget ingest` and `import`: transcripts, event logs and the ecosystem's past into the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.current import opened_ledger
from gaia_budget.cli.output import JsonFlag, emit_json, note, say, warn_of_broken_files

if TYPE_CHECKING:
    from gaia_budget.ingest.report import Report
    from gaia_budget.settings.keys import Settings

SHOWN = 20  # skipped lines named on a terminal; the JSON document has all


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ingest")(ingest)
    group = typer.Typer(help="Take in the ecosystem's past.", no_args_is_help=True)
    group.command("jseeker-db")(jseeker_db)
    group.command("logs")(logs)
    app.add_typer(group, name="import")


Skipped = Annotated[
    bool, typer.Option("--skipped", help="Name every line that cannot be taken in, and take in nothing.")
]


def ingest(as_json: JsonFlag = False, skipped: Skipped = False) -> None:
    """Take Claude Code's transcripts and the ARGUS logs into the ledger, only what is new since the last time."""
    from gaia_budget.cli.progress import progress
    from gaia_budget.ingest.run import run
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    settings = load()
    warn_of_broken_files()
    if skipped:
        show_skipped(settings, as_json)
        return
    with Ledger.open(settings=settings) as ledger, progress("reading transcripts") as advance:
        report = run(settings, ledger, advance)
    if as_json:
        emit_json(report.document())
    else:
        show(report)


def show_skipped(settings: Settings, as_json: bool) -> None:
    """Say what is passed over in the files as they are now."""
    from gaia_budget.ingest.report import skipped

    found = list(skipped(settings))
    if as_json:
        emit_json({"skipped": [skip._asdict() for skip in found]})
        return
    for skip in found:
        say(f"{skip.file}{f':{skip.line}' if skip.line else ''}: {skip.reason}")
    if not found:
        say("everything in the transcripts and logs can be taken in")


def show(report: Report) -> None:
    """Say what a run did, for people."""
    for skip in report.skipped[:SHOWN]:
        note(f"skipped {skip.file}{f':{skip.line}' if skip.line else ''}: {skip.reason}")
    if len(report.skipped) > SHOWN:
        note(f"… and {len(report.skipped) - SHOWN} more; --json lists them all")
    for session, reason in sorted(report.unreconciled.items()):
        note(f"unreconciled session {session}: {reason}")
    if report.repriced:
        note(repriced(report))
    say(
        f"{report.responses_new} new responses ({report.events_new} new events) from {report.files} files, "
        f"{report.bytes / 1e6:.1f} MB in {report.seconds:.1f} s; {report.duplicates} known already, "
        f"{report.completed} completed, {len(report.skipped)} skipped"
    )


def repriced(report: Report) -> str:
    """That what was priced by another list, by a hook or earlier, costs what the one in force says."""
    from gaia_hooks.facts.prices import money

    one = "1 response costs" if report.repriced == 1 else f"{report.repriced} responses cost"
    change = f"{money.usd_short(abs(report.repriced_nano))} {'more' if report.repriced_nano > 0 else 'less'}"
    return f"{one} what the price list in force says: {change} than was booked before"


Database = Annotated[Path, typer.Argument(help="jSeeker's SQLite file, with its api_costs table.")]
Folder = Annotated[
    Path, typer.Argument(help="A folder with event files (*.jsonl), such as a backup of logs/.")
]


def jseeker_db(file: Database, as_json: JsonFlag = False) -> None:
    """Take in every row of jSeeker's api_costs table; rows that are known already change nothing."""
    from gaia_budget.ingest.run import import_api_costs

    with opened_ledger() as (ledger, settings):
        _answer(import_api_costs(settings, ledger, file.absolute()), as_json)


def logs(folder: Folder, as_json: JsonFlag = False) -> None:
    """Take in every event file of a folder; lines that are known already change nothing."""
    from gaia_budget.ingest.run import import_logs

    with opened_ledger() as (ledger, settings):
        _answer(import_logs(settings, ledger, folder.absolute()), as_json)


def _answer(report: Report, as_json: bool) -> None:
    if as_json:
        emit_json({"imported": report.events_new, **report.document()})
    else:
        show(report)
