"""`gaia-budget hook`, `statusline` and `mcp`: the programs that Claude Code starts, by hand."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("hook")(hook)
    app.command("statusline")(statusline)
    app.command("mcp")(mcp)


def hook() -> None:
    """The hook by hand: one event as JSON on stdin (Claude Code is wired to the compiled copy)."""
    from gaia_hooks import main

    main.run()


def statusline() -> None:
    """The status line by hand: Claude Code's JSON on stdin, one line out."""
    from gaia_hooks import statusline

    statusline.run()


HttpPort = Annotated[
    int | None,
    typer.Option(
        "--http",
        min=1,
        max=65535,
        metavar="PORT",
        help="Serve streamable HTTP on http://127.0.0.1:PORT/mcp, behind a token; default: stdin and stdout.",
    ),
]


def mcp(port: HttpPort = None) -> None:
    """The MCP server for Claude Code and other clients."""
    from gaia_mcp.transport import serving

    if port is None:
        serving.stdio()
    else:
        serving.http(port)
