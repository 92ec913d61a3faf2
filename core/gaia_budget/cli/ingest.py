"""`gaia-budget ingest`: transcripts and event logs into the ledger, only what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.cli.output import JsonFlag, emit_json, note, say, warn_of_broken_files

if TYPE_CHECKING:
    import typer

    from gaia_budget.ingest import Report

SHOWN = 20  # skipped lines named on a terminal; the JSON document has all


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest")(ingest)


def ingest(as_json: JsonFlag = False) -> None:
    """Take Claude Code's transcripts and the ARGUS logs into the ledger, only what is new since the last time."""
    from gaia_budget.cli.progress import progress
    from gaia_budget.ingest import run
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    settings = load()
    warn_of_broken_files()
    with Ledger.open(settings=settings) as ledger, progress("reading transcripts") as advance:
        report = run(settings, ledger, advance)
    if as_json:
        emit_json(report.document())
    else:
        show(report)


def show(report: Report) -> None:
    """Say what a run did, for people."""
    for skip in report.skipped[:SHOWN]:
        note(f"skipped {skip.file}{f':{skip.line}' if skip.line else ''}: {skip.reason}")
    if len(report.skipped) > SHOWN:
        note(f"… and {len(report.skipped) - SHOWN} more; --json lists them all")
    for session, reason in sorted(report.unreconciled.items()):
        note(f"unreconciled session {session}: {reason}")
    say(
        f"{report.responses_new} new responses ({report.events_new} new events) from {report.files} files, "
        f"{report.bytes / 1e6:.1f} MB in {report.seconds:.1f} s; {report.duplicates} known already, "
        f"{report.completed} completed, {len(report.skipped)} skipped"
    )
