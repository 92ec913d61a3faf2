"""Tools and a prompt that answer with what they still need to know, and go on when they are asked again."""

from typing import Any

from contents import server
from mcp.server.mcpserver import Context
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)


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


@server.prompt()
def test_input_required_result_prompt(ctx: Context) -> Any:
    """Asks first."""
    if answered(ctx, "user_context") is None:
        return InputRequiredResult(
            input_requests={"user_context": form("What context should the prompt use?", context=NAME)}
        )
    return "with context"
