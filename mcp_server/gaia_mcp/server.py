"""The server object: six tools, the sections of CLAUDE.md as resources, two prompts. Both protocol eras."""

import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from mcp_types import Resource as ListedResource
from pydantic import ValidationError

from gaia_budget.errors import GaiaBudgetError, NotFoundError
from gaia_budget.session_type import names
from gaia_claude_md.files.server_words import INSTRUCTIONS, SERVER
from gaia_hooks.facts import places
from gaia_mcp.sections import resources
from gaia_mcp.sections.resources import SectionChanges
from gaia_mcp.tools import definitions as tools


class BudgetServer(MCPServer[dict[str, Any]]):
    """An MCPServer whose tools have terse schemas and whose errors tell the model how to go on."""

    def __init__(self, functions: tuple[tools.Definition, ...], changes: SectionChanges) -> None:
        made = [_tool(function, annotations) for function, annotations in functions]
        self._arguments = {tool.name: sorted(tool.parameters["properties"]) for tool in made}
        self.changes = changes
        super().__init__(
            SERVER,
            title="GAIA Token Budget",
            instructions=INSTRUCTIONS,
            version=version("gaia-token-budget"),
            tools=made,
            log_level="WARNING",
            subscriptions=changes.bus,
            middleware=[changes],
        )

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[dict[str, Any], Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; an error of the caller's or the files' making comes back as its own words and nothing else."""
        known = self._arguments.get(name)
        foreign = sorted(key[:80] for key in arguments if known is not None and key not in known)
        if known is not None and foreign:
            raise ToolError(f"{name} has no argument {foreign[0]!r}. Valid: {', '.join(known)}.")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if known is None and error.__cause__ is None:
                raise ToolError(f"unknown tool {name[:80]!r}. Valid: {', '.join(self._arguments)}.") from None
            raise _explained(error) from error.__cause__

    async def list_resources(self) -> list[ListedResource]:
        """One resource for each section of the project's CLAUDE.md and CLAUDE_L2.md."""
        return [*await super().list_resources(), *await resources.listed()]


def _tool(function: Callable[..., Any], annotations: ToolAnnotations) -> Tool:
    """A tool whose schema has no titles and no empty defaults: the model pays for each token of it."""
    tool = Tool.from_function(function, annotations=annotations)
    properties = tool.parameters.get("properties", {})
    tool.parameters = {"type": "object", "properties": {name: _terse(of) for name, of in properties.items()}}
    required = [name for name, of in properties.items() if "default" not in of]
    if required:
        tool.parameters["required"] = required
    return tool


def _terse(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "title" and (key != "default" or value)}


def _explained(error: ToolError) -> ToolError:
    """The error in the words of its cause, without what the caller passed in."""
    cause = error.__cause__
    if isinstance(cause, GaiaBudgetError | ToolError):
        return ToolError(str(cause))
    if isinstance(cause, ValidationError):
        return ToolError("; ".join(f"{'.'.join(map(str, at['loc']))}: {at['msg']}" for at in cause.errors()))
    if isinstance(error, UnexpectedToolError):
        return UnexpectedToolError(f"{error}. This is a fault of ours; the server's log has the details.")
    return error


def start_session(type: str) -> str:
    """Set the session type: quick_fix, feature_dev, architecture, or one of token_budget.json."""
    if type not in names():
        raise NotFoundError("session type", type, names())
    return (
        f"This is a {type} session. Call budget_session with type={type!r}, then tell me in one line its token "
        "limit, the models it is meant for and what is spent of the project's month. Before you start a subagent "
        "or choose a model, call budget_recommend with the task. Then wait for my task."
    )


def review_spend() -> str:
    """What this session has spent, on what, and what would make it cheaper."""
    return (
        "Review what this session has spent. Call budget_spend without arguments, then with since='session' and "
        "by='model', and with since='session' and by='agent'. Tell me in at most ten lines: the total and its share "
        "of the session's limit and of the project's month, the three biggest causes, and for each the cheapest "
        "change that keeps the quality. Say what is an estimate and what is not known."
    )


def build() -> BudgetServer:
    """The server with everything registered. With `GAIA_BUDGET_OFF` it answers, and offers nothing."""
    if not logging.getLogger().handlers:  # before the SDK sets up a terminal's rich log
        logging.basicConfig(
            level=logging.WARNING, format="gaia-budget mcp: %(levelname)s %(name)s: %(message)s"
        )
    if places.off():
        return BudgetServer((), SectionChanges())
    server = BudgetServer(tools.ALL, SectionChanges())
    resources.register(server)
    server.prompt(title="Start a session of a type")(start_session)
    server.prompt(title="Review this session's spend")(review_spend)
    return server
