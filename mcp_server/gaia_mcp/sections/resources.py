"""The sections of CLAUDE.md and CLAUDE_L2.md as resources `claude-md://{section}`, with completion."""

from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
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
from gaia_mcp.sections import handbook

if TYPE_CHECKING:
    from gaia_claude_md import Section

TEMPLATE = "claude-md://{section}"
MIME = "text/markdown"
MOST_COMPLETIONS = 100  # the protocol's own limit


def register(server: MCPServer[Any]) -> None:
    """Add the template and its completion to the server."""
    server.resource(TEMPLATE, name="section", description="A section of CLAUDE.md by slug.", mime_type=MIME)(
        read
    )
    server.completion()(complete)  # type: ignore[no-untyped-call]


def read(section: str) -> str:
    """The exact text of one section."""
    try:
        return handbook.section(section, place.handbooks().files).section.text
    except InputError as error:
        raise ResourceNotFoundError(str(error)) from error


async def listed() -> list[Resource]:
    """One resource per section; none where there is no file."""
    return [
        Resource(uri=f"claude-md://{quote(name, safe='/:')}", name=name, title=section.title, mime_type=MIME)
        for name, section in await anyio.to_thread.run_sync(_sections)
    ]


async def complete(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion | None:
    """Slugs for `{section}`, session types for the prompt."""
    if isinstance(ref, ResourceTemplateReference):
        names = [name for name, _ in await anyio.to_thread.run_sync(_sections)]
    else:
        names = await anyio.to_thread.run_sync(session_types)
    typed = argument.value.casefold()
    fitting = sorted((name for name in names if typed in name.casefold()), key=lambda name: name.find(typed))
    return Completion(
        values=fitting[:MOST_COMPLETIONS], total=len(fitting), has_more=len(fitting) > MOST_COMPLETIONS
    )


def _sections() -> "list[tuple[str, Section]]":
    """Each section under a name of its own: its slug, after its file where two files have the same."""
    try:
        found = handbook.sections(place.handbooks().files)
    except InputError:
        return []
    shared = Counter(section.slug for _, section in found)
    return [
        (f"{place.shown(file)}:{section.slug}" if shared[section.slug] > 1 else section.slug, section)
        for file, section in found
    ]
