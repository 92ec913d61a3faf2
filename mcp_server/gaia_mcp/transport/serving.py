"""The two ways to serve. Nearly all of a start is the import of the SDK.

Nothing made there is ever garbage, so the collector waits until it is over and then leaves it alone: a fifth of
the start.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from gaia_hooks.facts import trust

if TYPE_CHECKING:
    from gaia_mcp.server import BudgetServer


def stdio() -> None:
    """Serve one client on stdin and stdout until it is gone."""
    server = _started()
    from gaia_mcp.transport.stdio import serve

    serve(server)


def http(port: int) -> None:
    """Serve streamable HTTP on loopback until a signal ends it. Raises InputError when the port is taken."""
    server = _started()
    from gaia_mcp.transport.http import serve

    serve(server, port)


def _started() -> BudgetServer:
    ignored = trust.forget_project_variables()
    if ignored:
        sys.stderr.write(f"gaia-budget mcp: {trust.notice(ignored)}\n")
    gc.disable()
    try:
        from gaia_mcp.server import build

        return build()
    finally:
        gc.freeze()
        gc.enable()
