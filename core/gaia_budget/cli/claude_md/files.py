"""What the `claude-md` commands share: which files are meant, under which limits, and how they are told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from gaia_claude_md.files.operations import Checked
    from gaia_claude_md.markdown.blocks import Document
    from gaia_claude_md.markdown.sections import Section
    from gaia_claude_md.plan.splitting import SplitOptions

PathArgument = Annotated[Path | None, typer.Argument(help="The file or its folder; here, if left out.")]
Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders; here, if left out.")]
User = Annotated[bool, typer.Option("--user", help="The user's own file in Claude Code's folder.")]


def file_of(path: Path | None, user: bool) -> Path:
    """The file or folder that is meant. Raises InputError when two are."""
    from gaia_budget import places

    if user and path:
        raise InputError("give a path or --user, not both", slug="options-exclude")
    return places.claude_config_dir() if user else path or Path.cwd()


def files_of(paths: list[Path] | None, user: bool, below: bool) -> list[Path]:
    """The files that are meant: those that load from a folder; with `below`, from every folder under it.

    Raises InputError when there is none.
    """
    from gaia_claude_md.files import finding

    if user and paths:
        raise InputError("give paths or --user, not both", slug="options-exclude")
    look = finding.below if below else lambda folder: finding.of_folder(folder).files or [folder]
    given = paths or [file_of(None, user)]
    found = [file for path in given for file in (look(path) if path.is_dir() else [path])]
    if not found:
        raise InputError(
            f"no CLAUDE.md or AGENTS.md in {', '.join(map(str, given))} or below", slug="no-claude-md"
        )
    return found


def seen_from(path: Path | None, user: bool) -> list[tuple[str, Document]]:
    """The files that are seen together, each under its name: a folder's own, then those above; or one file.

    Raises InputError.
    """
    from gaia_claude_md import document
    from gaia_claude_md.files import finding

    place = file_of(path, user)
    if user or not place.is_dir():
        files = [finding.locate(place)]
    else:
        files = finding.upwards(place).files or [finding.locate(place)]
    return [(_shown(file), document(file)) for file in files]


def _shown(file: Path) -> str:
    """A file as it is named from here."""
    try:
        return os.path.relpath(file)
    except ValueError:  # another drive
        return str(file)


def token_cap() -> int:
    """The setting `l1_token_cap`."""
    from gaia_budget import settings

    return settings.load().l1_token_cap


def options() -> SplitOptions:
    """What a split depends on besides its source: the cap, and the user's template."""
    from gaia_claude_md.plan.selection import read_template
    from gaia_claude_md.plan.splitting import SplitOptions

    return SplitOptions(token_cap=token_cap(), template=read_template())


def described(checked: Checked) -> dict[str, Any]:
    """What is told of a CLAUDE.md as JSON."""
    return {
        "path": str(checked.path),
        "ok": not checked.problems,
        "lines": checked.lines,
        "l1_tokens": checked.l1_tokens,
        "l2_tokens": checked.l2_tokens,
        "sections": [section_row(section) for section in checked.sections],
        "imports": [{"path": str(loaded.path), "tokens": loaded.tokens} for loaded in checked.imports],
        "problems": checked.problems,
    }


def section_row(section: Section) -> dict[str, Any]:
    """What is told of a section as JSON."""
    return {"slug": section.slug, "title": section.title, "lines": section.lines, "tokens": section.tokens}
