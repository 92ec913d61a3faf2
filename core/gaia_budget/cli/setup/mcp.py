"""`gaia-budget mcp`: the MCP server, on stdin and stdout or over HTTP on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

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


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("mcp")(mcp)


def mcp(port: HttpPort = None) -> None:
    """The MCP server for Claude Code and other clients."""
    from gaia_mcp.transport import serving

    if port is None:
        serving.stdio()
    else:
        serving.http(port)
