"""The command `gaia-budget`: one verb per file, put together here."""

from __future__ import annotations

import sys

import typer

app = typer.Typer(
    name="gaia-budget",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Token budgets for Claude Code and for apps: exact counting, warnings in time, limits that hold.",
)


@app.callback()
def root() -> None:
    """Token budgets for Claude Code and for apps: exact counting, warnings in time, limits that hold."""


def main() -> None:
    """Run the command line; every error ends here with a message and its exit code (see `gaia_budget.errors`)."""
    from gaia_budget.errors import GaiaBudgetError

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a cp1252 console must never end in UnicodeEncodeError
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except GaiaBudgetError as error:
        sys.stderr.write(f"gaia-budget: {error}\n")
        sys.exit(error.exit_code)
