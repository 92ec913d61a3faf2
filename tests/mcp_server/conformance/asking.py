"""Tools that ask the client's model or its user in the middle of a call."""

from typing import Any, Literal

from contents import server
from mcp.server.mcpserver import Context
from mcp_types import (
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks the client's model."""
    message = SamplingMessage(role="user", content=TextContent(text=prompt))
    answer = await ctx.session.create_message(
        messages=[message], max_tokens=100, related_request_id=ctx.request_id
    )
    return f"LLM response: {getattr(answer.content, 'text', '')}"


class User(BaseModel):
    """What is asked for."""

    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    """One default of each type."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


async def asked(ctx: Context, message: str, schema: type[BaseModel] | dict[str, Any]) -> str:
    if isinstance(schema, dict):
        raw = await ctx.session.elicit_form(message, schema, ctx.request_id)
        return f"action={raw.action}, content={raw.content}"
    answer = await ctx.elicit(message, schema)
    return f"action={answer.action}, content={getattr(answer, 'data', None)}"


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the user."""
    return f"User response: {await asked(ctx, message, User)}"


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Asks with defaults."""
    return f"Elicitation completed: {await asked(ctx, 'Please confirm', Defaults)}"


OPTIONS = ["option1", "option2", "option3"]
TITLED = [
    {"const": f"value{n}", "title": title}
    for n, title in enumerate(("First Option", "Second Option", "Third Option"), 1)
]


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Asks with every form of enum."""
    names = ["Option One", "Option Two", "Option Three"]
    properties = {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": names},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    }
    return f"Elicitation completed: {await asked(ctx, 'Please choose', {'type': 'object', 'properties': properties})}"
