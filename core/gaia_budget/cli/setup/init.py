"""`gaia-budget init`: wire Claude Code, show what local history would have meant; `--undo` takes it all back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaia_budget.cli import human
from gaia_budget.cli.output import JsonFlag, emit_json, note, say, warn_of_broken_files
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from gaia_budget.setup.init import Options, Plan

Project = Annotated[
    Path | None,
    typer.Option(help="Wire this project alone (.claude/settings.local.json), not all of the user's."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the diff; change nothing.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take our entries out again.")]
GaiaRoot = Annotated[
    Path | None, typer.Option(help="The folder that holds token_budget.json and registry.json.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Permissions = Annotated[
    bool, typer.Option(help="Allow our read-only MCP tools, which would ask for every call otherwise.")
]
StatusLine = Annotated[bool, typer.Option(help="Add a status line where there is none.")]
Wrap = Annotated[bool, typer.Option("--wrap-status-line", help="Print ours below an existing status line.")]
Replay = Annotated[bool, typer.Option(help="Read local history afterwards and say what it cost.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    project: Project = None,
    dry_run: DryRun = False,
    undo: Undo = False,
    gaia_root: GaiaRoot = None,
    yes: Yes = False,
    permissions: Permissions = True,
    status_line: StatusLine = True,
    wrap_status_line: Wrap = False,
    replay: Replay = True,
    as_json: JsonFlag = False,
) -> None:
    """Wire hooks, MCP server and status line into Claude Code by merging; the diff is shown first."""
    from gaia_budget.setup.init import Options

    project = project.absolute() if project else None
    if undo:
        _undo(project, dry_run, yes, as_json)
        return
    root = gaia_root.absolute() if gaia_root else None
    _wire(Options(project, root, permissions, status_line, wrap_status_line), dry_run, yes, replay, as_json)


def _wire(options: Options, dry_run: bool, yes: bool, replay: bool, as_json: bool) -> None:
    from gaia_budget.setup import init as setup

    plan = setup.plan(options)
    warn_of_broken_files()
    document: dict[str, Any] = {"changed": plan.changed, "diff": plan.diff, "replay": None}
    if not as_json:
        _show(plan)
    if plan.changed and not dry_run:
        _confirm("Make these changes?", yes)
        setup.apply(plan)
    if not dry_run and replay:
        document["replay"] = _replayed()
    document["notices"] = plan.notices
    if as_json:
        emit_json(document)
        return
    if dry_run:
        note("Nothing was changed (--dry-run).")
    elif plan.changed:
        note(
            "Wired. New Claude Code sessions count from now on; `gaia-budget init --undo` takes it out again."
        )
    if document["replay"]:
        say(document["replay"]["text"])


def _replayed() -> dict[str, Any]:
    from gaia_budget.cli.progress import progress
    from gaia_budget.setup.history import replayed

    with progress("reading transcripts") as advance:
        return replayed(advance)


def _show(plan: Plan) -> None:
    say(plan.readable, end="")
    if not plan.changed:
        note("Everything is wired already; nothing to change.")
    for text in plan.notices:
        note(f"Note: {text}.")


def _undo(project: Path | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    from gaia_budget.setup import hookcopy, showing
    from gaia_budget.setup import undo as setup

    changes, notices = setup.plan(project), list[str]()
    if not as_json:
        say(showing.readable(changes, hookcopy.root()), end="")
    if not dry_run:
        if changes:
            human.require_for_hard_limits("taking out what holds the limits")
            _confirm("Take our entries out?", yes)
        notices = setup.apply(project, changes)
    changed = [str(change.file) for change in changes]
    if as_json:
        emit_json({"changed": changed, "diff": showing.exact(changes), "replay": None, "notices": notices})
        return
    for text in notices:
        note(f"Note: {text}.")
    note(
        "Nothing was changed (--dry-run)."
        if dry_run
        else "Taken out."
        if changes
        else "Nothing of ours was there."
    )


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(
            f"{question} There is no terminal to ask on: give --yes to say so, --dry-run to only look"
        )
    if not typer.confirm(question, default=True, err=True):
        raise InputError("Nothing was changed")
