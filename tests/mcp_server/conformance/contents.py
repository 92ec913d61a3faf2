"""Our server object with the contents that the conformance suite expects: tools, resources, prompts."""

import asyncio
import base64
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from gaia_mcp.server import build

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
SILENCE = base64.b64encode(
    b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0@\x1f\0\0\x01\0\x08\0data\0\0\0\0"
).decode()
SCHEMA_2020 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
server = build()


def text_of(uri: str, mime: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=mime, text=text))


def picture() -> ImageContent:
    return ImageContent(data=PIXEL, mime_type="image/png")


@server.tool()
def test_simple_text() -> str:
    """Simple text."""
    return "This is a simple text response for testing."


@server.tool()
def test_image_content() -> ImageContent:
    """An image."""
    return picture()


@server.tool()
def test_audio_content() -> AudioContent:
    """Audio."""
    return AudioContent(data=SILENCE, mime_type="audio/wav")


@server.tool()
def test_embedded_resource() -> EmbeddedResource:
    """A resource."""
    return text_of("test://embedded-resource", "text/plain", "This is an embedded resource content.")


@server.tool()
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    """Several kinds."""
    resource = text_of("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return [TextContent(text="Multiple content types test:"), picture(), resource]


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Three log messages."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(line)
        await asyncio.sleep(0.05)
    return "Tool with logging executed successfully"


server.tool(name="test_logging_tool")(test_tool_with_logging)


@server.tool()
def test_error_handling() -> str:
    """Always fails."""
    raise ToolError("This tool intentionally returns an error for testing")


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Progress."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
        await asyncio.sleep(0.05)
    return "done"


@server.tool()
async def test_reconnection(ctx: Context) -> str:
    """Closes the stream in the middle of a call."""
    if ctx.request_context.close_sse_stream is not None:
        await ctx.request_context.close_sse_stream()
    await asyncio.sleep(0.2)
    return "Reconnection test completed successfully"


@server.tool()
def json_schema_2020_12_tool() -> str:
    """Keeps its schema."""
    return "ok"


next(
    tool for tool in [server._tool_manager.get_tool("json_schema_2020_12_tool")] if tool
).parameters = SCHEMA_2020


@server.tool()
async def test_missing_capability(ctx: Context) -> str:
    """Needs sampling."""
    from mcp.server.mcpserver.resolve import Sample, _require_capability

    message = SamplingMessage(role="user", content=TextContent(text="x"))
    _require_capability(ctx, Sample([message], max_tokens=1), "test")
    return "the client can sample"


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    """Says that the tools changed."""
    await ctx.notify_tools_changed()
    return "told"


@server.tool()
async def test_trigger_prompt_change(ctx: Context) -> str:
    """Says that the prompts changed."""
    await ctx.notify_prompts_changed()
    return "told"


@server.tool()
def test_headers(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    """Takes an argument in a header."""
    return region


@server.resource("test://static-text", description="Text.", mime_type="text/plain")
def static_text() -> str:
    return "This is the content of the static text resource."


@server.resource("test://static-binary", description="A pixel.", mime_type="image/png")
def static_binary() -> bytes:
    return base64.b64decode(PIXEL)


@server.resource("test://watched-resource", description="Watched.", mime_type="text/plain")
def watched() -> str:
    return "watched"


@server.resource("test://template/{id}/data", description="By id.", mime_type="application/json")
def by_id(id: str) -> str:
    return f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}'


@server.prompt()
def test_simple_prompt() -> str:
    """A simple prompt."""
    return "This is a simple prompt for testing."


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """Two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[Any]:
    """A resource."""
    resource = text_of(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]


@server.prompt()
def test_prompt_with_image() -> list[Any]:
    """An image."""
    return [UserMessage(picture()), UserMessage("Please analyze the image above.")]
