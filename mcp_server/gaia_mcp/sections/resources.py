"""The sections of the project's files of instructions: looked up as they are at this moment, and their changes.

As resources they are `claude-md://{section}`. The watch begins when a client first asks for resources: until then
nobody would hear of a change.
"""

import logging
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourcesListChanged
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    Resource,
    ResourceTemplateReference,
)

from gaia_budget.errors import InputError
from gaia_budget.session_type import names as session_types
from gaia_mcp import place
from gaia_mcp.sections.watching import SectionsWatch

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

    from gaia_claude_md import Section
    from gaia_claude_md.markdown.lookup import Found

log = logging.getLogger(__name__)
TEMPLATE = "claude-md://{section}"
MIME = "text/markdown"
MOST_COMPLETIONS = 100  # the protocol's own limit
SETTLE_SECONDS = 0.2  # an editor saves in several steps
TOLD_SESSIONS = 8  # handshake-era sessions that are told; a stdio server has one


def sections(files: Sequence[Path]) -> "list[tuple[Path, Section]]":
    """All sections in order, each with its L1. Raises InputError where a file cannot be read."""
    from gaia_claude_md import sections as sections_in

    return [(file, one) for file in files for one in sections_in(file)]


def find(name: str, files: Sequence[Path]) -> "Found":
    """One section by slug, number or title, with its file as it is shown.

    Raises NotFoundError with the nearest names; InputError, with the names to choose from, where several files
    have such a section.
    """
    from gaia_claude_md import document
    from gaia_claude_md.markdown import lookup

    return lookup.find([(place.shown(file), document(file)) for file in files], name)


def register(server: MCPServer[Any]) -> None:
    """Add the template and its completion to the server."""
    server.resource(TEMPLATE, name="section", description="A section of CLAUDE.md by slug.", mime_type=MIME)(
        read
    )
    server.completion()(complete)  # type: ignore[no-untyped-call]


def read(section: str) -> str:
    """The exact text of one section."""
    try:
        return find(section, place.handbooks().files).section.text
    except InputError as error:
        raise ResourceNotFoundError(str(error)) from error


async def listed() -> list[Resource]:
    """One resource per section; none where there is no file."""
    return [
        Resource(uri=f"claude-md://{quote(name, safe='/:')}", name=name, title=section.title, mime_type=MIME)
        for name, section in await anyio.to_thread.run_sync(_named)
    ]


async def complete(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion | None:
    """Slugs for `{section}`, session types for the prompt."""
    if isinstance(ref, ResourceTemplateReference):
        names = [name for name, _ in await anyio.to_thread.run_sync(_named)]
    else:
        names = await anyio.to_thread.run_sync(session_types)
    typed = argument.value.casefold()
    fitting = sorted((name for name in names if typed in name.casefold()), key=lambda name: name.find(typed))
    return Completion(
        values=fitting[:MOST_COMPLETIONS], total=len(fitting), has_more=len(fitting) > MOST_COMPLETIONS
    )


def _named() -> "list[tuple[str, Section]]":
    """Each section under a name of its own: its slug, after its file where two files have the same."""
    try:
        found = sections(place.handbooks().files)
    except InputError:
        return []
    shared = Counter(section.slug for _, section in found)
    return [
        (f"{place.shown(file)}:{section.slug}" if shared[section.slug] > 1 else section.slug, section)
        for file, section in found
    ]


class SectionChanges:
    """Server middleware: remembers who is connected, and publishes `list_changed` when a known file changes."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._sessions: deque[ServerSession] = deque(maxlen=TOLD_SESSIONS)
        self._asked = False
        self._watch: SectionsWatch | None = None

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
            self._watch = SectionsWatch(folders, place.known().__contains__, tell, settle=SETTLE_SECONDS)
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
