"""Serves one client over stdin and stdout, and ends when stdin, a signal or the parent's death says so.

The SDK keeps fd 1 for the protocol and points stray output at stderr. It cannot end while its reader waits in
stdin, so a signal ends the process itself: nothing of ours needs unwinding, the ledger's writes are transactions
and the child that does the heavy work ends with its own stdin.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import anyio

from gaia_mcp import work
from gaia_mcp.transport import parent
from gaia_mcp.transport.mending import Mending

if TYPE_CHECKING:
    from gaia_mcp.server import BudgetServer


def serve(server: BudgetServer) -> None:
    """Serve until the client is gone; does not return."""
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: os._exit(0))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work.start()
    anyio.run(_serve, server)
    os._exit(0)  # a tool that still waits for a locked file must not keep the process


async def _serve(server: BudgetServer) -> None:
    from mcp.server.stdio import stdio_server

    protocol = server._lowlevel_server  # as the SDK's own `run_stdio_async` does
    async with stdio_server() as (reading, writing):
        try:
            await protocol.run(Mending(reading), writing, protocol.create_initialization_options())
        except anyio.get_cancelled_exc_class():  # an answer could not be written: nobody reads them any more
            os._exit(0)


def _end_with_parent() -> None:
    parent.wait()
    os._exit(0)
