"""`gaia-budget claude-md watch`: keep split files in step while they are edited."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget import places
from gaia_budget.cli.claude_md.files import Paths, User, files_of, options
from gaia_budget.cli.output import JsonFlag, emit_json, say

if TYPE_CHECKING:
    from pathlib import Path

Below = Annotated[bool, typer.Option("--all", help="Every CLAUDE.md in the folder and below it.")]
Once = Annotated[bool, typer.Option("--once", help="Take edits in now and end: for hooks and scripts.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch")(watch)


def watch(
    paths: Paths = None,
    user: User = False,
    below: Below = False,
    once: Once = False,
    as_json: JsonFlag = False,
) -> None:
    """Take edits of split files in as they are made. Files that were never split are left alone."""
    if once:
        _once(files_of(paths, user, below), as_json)
        return
    from gaia_claude_md.files import finding
    from gaia_claude_md.files.watch import Watcher

    roots = files_of(paths, user, False)
    roots = (
        [places.real(path) for path in roots] if below else [_real(finding.locate(path)) for path in roots]
    )
    watcher = Watcher(roots, options(), _print, recursive=below)
    _print(f"watching {', '.join(map(str, roots))}; end with Ctrl-C")
    try:
        watcher.run()
    except KeyboardInterrupt:
        _print("ended")


def _once(files: list[Path], as_json: bool) -> None:
    from gaia_claude_md.files import finding, repository
    from gaia_claude_md.files.watch import sync

    located = [finding.locate(path) for path in files]
    said = [sync(l1, options()) for l1 in located if not repository.git_is_busy(l1)]
    messages = [synced.message for synced in said if synced]
    if as_json:
        emit_json({"files": len(files), "messages": messages})
    else:
        say("".join(f"{message}\n" for message in messages), end="")


def _real(l1: Path) -> Path:
    """The file by its real folder, which is how the system reports changes; a link as L1 stays one."""
    return places.real(l1.parent) / l1.name


def _print(message: str) -> None:
    say(message)
    sys.stdout.flush()
