"""Serves one client over stdin and stdout, and ends when stdin, a signal or the parent's death says so.

The SDK keeps fd 1 for the protocol and points stray output at stderr. It cannot end while its reader waits in
stdin, so a signal ends the process itself: nothing of ours needs unwinding, the ledger's writes are transactions
and the child that does the heavy work ends with its own stdin.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from pydantic import ValidationError

from gaia_mcp import worker

if TYPE_CHECKING:
    from typing import Self

    from gaia_mcp.server import BudgetServer

POLL_SECONDS = 1.0
"""How often the parent is looked for where the system cannot tell us of its end."""


def serve(server: BudgetServer) -> None:
    """Serve until the client is gone; does not return."""
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: os._exit(0))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    worker.supervise()
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
    wait_for_parent()
    os._exit(0)


class Mending:
    """A stream of messages around the SDK's own: JSON that holds half a character is mended, and so answered.

    `"\\ud800"` alone is JSON and yet no text. The SDK's parser refuses such a line without a word, and whoever has
    asked waits for ever.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def receive(self) -> SessionMessage | Exception:
        """The next message, or why there is none."""
        return mended(await self._stream.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return mended(await self._stream.__anext__())

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *how: Any) -> None:
        await self._stream.__aexit__(*how)


def mended(item: SessionMessage | Exception) -> SessionMessage | Exception:
    """A message that was refused for half a character, with a sign in its place; anything else as it is."""
    if not isinstance(item, ValidationError):
        return item
    try:
        told = json.loads(item.errors()[0]["input"])
        line = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except (ValueError, TypeError, RecursionError):
        return item


def wait_for_parent() -> None:
    """Return when the process that started us has ended: a client that was killed closes no pipe it has shared."""
    parent = os.getppid()
    if sys.platform == "win32":
        _wait_windows(parent)
    elif sys.platform == "linux":
        _wait_linux(parent)
    else:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)


if sys.platform == "linux":

    def _wait_linux(parent: int) -> None:
        try:
            handle = os.pidfd_open(parent)
        except ProcessLookupError:
            return
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()


if sys.platform == "win32":

    def _wait_windows(parent: int) -> None:
        import _winapi

        synchronize = 0x00100000
        try:
            handle = _winapi.OpenProcess(synchronize, False, parent)
        except OSError:
            return
        _winapi.WaitForSingleObject(handle, _winapi.INFINITE)
