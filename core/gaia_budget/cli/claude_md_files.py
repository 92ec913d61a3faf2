"""What the `claude-md` commands share: which files are meant, and under which limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from gaia_claude_md.plan.planner import Options

PathArgument = Annotated[Path | None, typer.Argument(help="The file or its folder; here, if left out.")]
Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders; here, if left out.")]
User = Annotated[bool, typer.Option("--user", help="The user's own file in Claude Code's folder.")]


def file_of(path: Path | None, user: bool) -> Path:
    """The file or folder that is meant. Raises InputError when two are."""
    from gaia_budget import places

    if user and path:
        raise InputError("give a path or --user, not both")
    return places.claude_config_dir() if user else path or Path.cwd()


def files_of(paths: list[Path] | None, user: bool, below: bool) -> list[Path]:
    """The files that are meant; with `below`, every CLAUDE.md under the folders. Raises InputError when none is."""
    from gaia_claude_md.files import reading

    if user and paths:
        raise InputError("give paths or --user, not both")
    given = paths or [file_of(None, user)]
    if not below:
        return given
    found = [file for path in given for file in (reading.below(path) if path.is_dir() else [path])]
    if not found:
        raise InputError(f"no CLAUDE.md in {', '.join(map(str, given))} or below")
    return found


def token_cap() -> int:
    """The setting `l1_token_cap`."""
    from gaia_budget import settings

    return settings.load().l1_token_cap


def options() -> Options:
    """What a split depends on besides its source: the cap, and the user's template."""
    from gaia_claude_md.plan.planner import Options
    from gaia_claude_md.plan.template import read_template

    return Options(token_cap=token_cap(), template=read_template())
