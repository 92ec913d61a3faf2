"""`gaia-budget doctor`: what is wired, what enforces nothing and why, what is stale."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, say

Project = Annotated[Path | None, typer.Option(help="Look at this project's settings too (default: here).")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(project: Project = None, as_json: JsonFlag = False) -> None:
    """Explain what is wired and what is not; changes nothing. Exit 1 when something needs mending."""
    from gaia_budget.setup.checks.doctor import examine

    checks = examine((project or Path.cwd()).absolute())
    if as_json:
        emit_json({"checks": [check._asdict() for check in checks]})
    else:
        for check in checks:
            say(f"{'ok  ' if check.ok else 'FIX '}  {check.name}: {check.detail}")
            if check.fix:
                say("      " + check.fix.replace("\n", "\n      "))
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
