"""Tells clients that the sections of CLAUDE.md have changed, in both protocol eras.

The watch begins when a client first asks for resources: until then nobody would hear of a change.
"""

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourcesListChanged

from gaia_mcp import place
from gaia_mcp.sections.watching import Watch

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

log = logging.getLogger(__name__)
SETTLE_SECONDS = 0.2  # an editor saves in several steps
TOLD_SESSIONS = 8  # handshake-era sessions that are told; a stdio server has one


class SectionChanges:
    """Server middleware: remembers who is connected, and publishes `list_changed` when a known file changes."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._sessions: deque[ServerSession] = deque(maxlen=TOLD_SESSIONS)
        self._asked = False
        self._watch: Watch | None = None

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Declare `resources.listChanged` in the handshake, and note whom to tell."""
        if not self._asked and ctx.method in ("resources/list", "subscriptions/listen"):
            self._asked = True
            await anyio.to_thread.run_sync(self._start, anyio.lowlevel.current_token())
        result = await call_next(ctx)
        if ctx.method == "initialize" and isinstance(result, dict) and "resources" in result["capabilities"]:
            result["capabilities"]["resources"]["listChanged"] = True
        elif ctx.method == "notifications/initialized":
            self._sessions.append(ctx.session)
        return result

    def _start(self, token: anyio.lowlevel.EventLoopToken) -> None:
        def tell() -> None:
            try:
                anyio.from_thread.run(self._publish, token=token)
            except anyio.RunFinishedError:
                log.debug("the server has ended; nobody is left to tell")

        folders = place.folders()
        try:
            self._watch = Watch(folders, place.KNOWN.__contains__, tell, settle=SETTLE_SECONDS)
        except OSError as error:  # no watches left in this system: clients ask anew as they need
            log.warning("cannot watch %s: %s", ", ".join(map(str, folders)), error)

    async def _publish(self) -> None:
        await self.bus.publish(ResourcesListChanged())
        for session in list(self._sessions):
            await session.send_resource_list_changed()

    def stop(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.stop()
            self._watch, self._asked = None, False
