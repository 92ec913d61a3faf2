"""`gaia-budget session type`: shows or sets the type of a session."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from gaia_budget.cli import human
from gaia_budget.cli.output import JsonFlag, emit_json, say
from gaia_budget.errors import InputError

Type = Annotated[str | None, typer.Argument(help="quick_fix, feature_dev or architecture; without it: show.")]
Session = Annotated[str | None, typer.Option(help="The session's id; inside Claude Code the running one.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(no_args_is_help=True, help="The running session's settings.")
    group.command("type")(session_type)
    app.add_typer(group, name="session")


def session_type(type: Type = None, session: Session = None, as_json: JsonFlag = False) -> None:
    """Show or set a session's type, which decides its token limit."""
    from gaia_budget import session_type as types

    wanted = session or os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    if not wanted:
        raise InputError(
            "no session is running here: name one with --session (`gaia-budget spend --by session`)",
            slug="no-session",
        )
    if type is None:
        found = types.current(wanted)
    else:
        if types.needs_human(wanted, type):
            human.require(f"raising session {wanted} to {type} past a hard limit", yes=True)
        found = types.choose(wanted, type)
    if as_json:
        emit_json(found._asdict())
    else:
        say(f"{found.session}: {found.type} (chosen by: {found.chosen_by})")
