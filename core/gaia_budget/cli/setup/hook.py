"""`gaia-budget hook` and `gaia-budget statusline`: the wired programs by hand, for debugging."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Add the two commands."""
    app.command("hook")(hook)
    app.command("statusline")(statusline)


def hook() -> None:
    """The hook by hand: one event as JSON on stdin (Claude Code is wired to the compiled copy)."""
    from gaia_hooks import main

    main.run()


def statusline() -> None:
    """The status line by hand: Claude Code's JSON on stdin, one line out."""
    from gaia_hooks import statusline

    statusline.run()
