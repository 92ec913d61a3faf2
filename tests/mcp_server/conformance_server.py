"""Our server object over HTTP with the fixtures that the conformance suite expects; prints its port.

`python conformance_server.py`: nothing of this is part of the product.
"""

import asyncio
import base64
import socket
from typing import Annotated, Any, Literal

import uvicorn
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    AudioContent,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field

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


def form(message: str, **properties: dict[str, Any]) -> ElicitRequest:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(text: str, tokens: int) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=tokens))


def answered(ctx: Context, *names: str) -> list[Any] | None:
    """The answers with these names when all are there and of the right kind."""
    found = [(ctx.input_responses or {}).get(name) for name in names]
    if any(one is None or (hasattr(one, "action") and not getattr(one, "content", None)) for one in found):
        return None
    return found


NAME = {"type": "string"}


@server.tool()
async def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    """One question."""
    found = answered(ctx, "user_name")
    if found is None or not (found[0].content or {}).get("name"):
        return InputRequiredResult(input_requests={"user_name": form("What is your name?", name=NAME)})
    return f"Hello, {found[0].content['name']}!"


server.tool(name="test_streaming_elicitation")(test_input_required_result_elicitation)


@server.tool()
async def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    """One sampling."""
    found = answered(ctx, "capital_question")
    if found is None:
        question = sample("What is the capital of France?", 100)
        return InputRequiredResult(input_requests={"capital_question": question})
    return str(getattr(found[0].content, "text", found[0].content))


@server.tool()
async def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    """One look at the roots."""
    found = answered(ctx, "client_roots")
    if found is None:
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})
    return ", ".join(str(root.uri) for root in found[0].roots)


@server.tool()
async def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    """A question with a state."""
    if answered(ctx, "confirm") is None:
        question = form("Please confirm", ok={"type": "boolean"})
        return InputRequiredResult(input_requests={"confirm": question}, request_state="asked")
    return "state-ok" if ctx.request_state == "asked" else "state-lost"


server.tool(name="test_input_required_result_tampered_state")(test_input_required_result_request_state)


@server.tool()
async def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    """Three questions at once."""
    if answered(ctx, "user_name", "greeting", "client_roots") is None:
        questions = {
            "user_name": form("What is your name?", name=NAME),
            "greeting": sample("Generate a greeting", 50),
            "client_roots": ListRootsRequest(),
        }
        return InputRequiredResult(input_requests=questions, request_state="three")
    return "all are answered"


@server.tool()
async def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    """Two rounds."""
    if ctx.request_state == "two" and answered(ctx, "step2") is not None:
        return "both steps are answered"
    if ctx.request_state == "one" and answered(ctx, "step1") is not None:
        second = form("Step 2: What is your favorite color?", color=NAME)
        return InputRequiredResult(input_requests={"step2": second}, request_state="two")
    first = form("Step 1: What is your name?", name=NAME)
    return InputRequiredResult(input_requests={"step1": first}, request_state="one")


@server.tool()
async def test_input_required_result_capabilities(ctx: Context) -> str | InputRequiredResult:
    """Asks only for what the client can answer."""
    can = ctx.client_capabilities
    questions: dict[str, Any] = {}
    if can is not None and can.elicitation is not None:
        questions["user_name"] = form("What is your name?", name=NAME)
    if can is not None and can.sampling is not None:
        questions["greeting"] = sample("Generate a greeting", 50)
    if can is not None and can.roots is not None:
        questions["client_roots"] = ListRootsRequest()
    return InputRequiredResult(input_requests=questions) if questions and not ctx.input_responses else "done"


class Yes(BaseModel):
    """A yes."""

    yes: bool


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


@server.prompt()
def test_input_required_result_prompt(ctx: Context) -> Any:
    """Asks first."""
    if answered(ctx, "user_context") is None:
        return InputRequiredResult(
            input_requests={"user_context": form("What context should the prompt use?", context=NAME)}
        )
    return "with context"


async def done(ctx: Any, params: Any) -> EmptyResult:
    return EmptyResult()


low = server._lowlevel_server
low.add_request_handler("logging/setLevel", SetLevelRequestParams, done)
low.add_request_handler("resources/subscribe", SubscribeRequestParams, done)
low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, done)

if __name__ == "__main__":
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        print(listener.getsockname()[1], flush=True)
        app = server.streamable_http_app(host="127.0.0.1")
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
