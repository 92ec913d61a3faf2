"""Every form in which an app may make a call, on the real SDKs: each makes one call of 1,000 and 50 tokens."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from support import apps
from support.wire_server import SECRET_ANSWER

if TYPE_CHECKING:
    from collections.abc import Callable

HAIKU, MINI, FLASH = "claude-haiku-4-5", "gpt-4o-mini", "gemini-2.5-flash"
HI: list[Any] = [{"role": "user", "content": "hi"}]
MESSAGE: dict[str, Any] = {"model": HAIKU, "max_tokens": 100, "messages": HI}
CHAT: dict[str, Any] = {"model": MINI, "max_tokens": 100, "messages": HI}
RESPONSE: dict[str, Any] = {"model": MINI, "max_output_tokens": 100, "input": "hi"}
GENERATE: dict[str, Any] = {"model": FLASH, "contents": "hi", "config": {"max_output_tokens": 100}}
PRICES = {HAIKU: 1000 * 1000 + 50 * 5000, MINI: 1000 * 150 + 50 * 600, FLASH: 1000 * 300 + 50 * 2500}
"""Nano-dollars of one call."""


class Form(NamedTuple):
    """How the client is made, the call itself, and the model it asks."""

    make: Callable[..., Any]
    use: Callable[[Any], Any]
    model: str


class Nothing(BaseModel):
    """What a structured answer is parsed into; the server's answer does not fit it, which costs all the same."""


def _stream_text(client: Any) -> None:
    with client.messages.stream(**MESSAGE) as stream:
        assert "".join(stream.text_stream).strip() == SECRET_ANSWER


def _stream_beta(client: Any) -> None:
    with client.beta.messages.stream(**MESSAGE) as stream:
        assert stream.get_final_message().usage.output_tokens == 50


def _stream_raw(client: Any) -> None:
    with client.messages.with_streaming_response.create(**MESSAGE, stream=True) as response:
        assert b"message_stop" in b"".join(response.iter_bytes())


def _streamed_whole(client: Any) -> None:
    with client.messages.with_streaming_response.create(**MESSAGE) as response:
        assert response.parse().usage.output_tokens == 50


def _tools(client: Any) -> None:
    tools = [{"name": "t", "description": "d", "input_schema": {"type": "object"}}]
    client.messages.create(**MESSAGE, tools=tools)


def _runner(client: Any) -> None:
    client.beta.messages.tool_runner(**MESSAGE, tools=[]).until_done()


def _chat_stream(client: Any) -> None:
    chunks = list(client.chat.completions.create(**CHAT, stream=True))
    assert all(chunk.choices for chunk in chunks), (
        "a caller that did not ask for usage gets no chunk without choices"
    )


def _chat_stream_usage(client: Any) -> None:
    *_, last = client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True})
    assert last.usage.prompt_tokens == 1000


def _chat_stream_helper(client: Any) -> None:
    with client.chat.completions.stream(**CHAT) as stream:
        stream.until_done()


def _chat_parse(client: Any) -> None:
    with contextlib.suppress(ValueError):
        client.chat.completions.parse(**CHAT, response_format=Nothing)


def _response_stream(client: Any) -> None:
    with client.responses.stream(**RESPONSE) as stream:
        assert stream.get_final_response().output_text == SECRET_ANSWER


FORMS: dict[str, Form] = {
    "messages": Form(apps.claude, lambda c: c.messages.create(**MESSAGE), HAIKU),
    "messages with tools": Form(apps.claude, _tools, HAIKU),
    "messages beta": Form(apps.claude, lambda c: c.beta.messages.create(**MESSAGE), HAIKU),
    "messages beta stream": Form(apps.claude, _stream_beta, HAIKU),
    "messages tool runner": Form(apps.claude, _runner, HAIKU),
    "messages text stream": Form(apps.claude, _stream_text, HAIKU),
    "messages events": Form(apps.claude, lambda c: list(c.messages.create(**MESSAGE, stream=True)), HAIKU),
    "messages streamed bytes": Form(apps.claude, _stream_raw, HAIKU),
    "messages streamed whole": Form(apps.claude, _streamed_whole, HAIKU),
    "messages raw": Form(
        apps.claude, lambda c: c.messages.with_raw_response.create(**MESSAGE).parse(), HAIKU
    ),
    "messages with options": Form(
        apps.claude, lambda c: c.with_options(timeout=9).messages.create(**MESSAGE), HAIKU
    ),
    "messages of a copy": Form(
        apps.claude, lambda c: c.copy(max_retries=0).copy().messages.create(**MESSAGE), HAIKU
    ),
    "chat": Form(apps.gpt, lambda c: c.chat.completions.create(**CHAT), MINI),
    "chat stream": Form(apps.gpt, _chat_stream, MINI),
    "chat stream with usage": Form(apps.gpt, _chat_stream_usage, MINI),
    "chat stream helper": Form(apps.gpt, _chat_stream_helper, MINI),
    "chat parse": Form(apps.gpt, _chat_parse, MINI),
    "chat raw": Form(apps.gpt, lambda c: c.chat.completions.with_raw_response.create(**CHAT).parse(), MINI),
    "chat with options": Form(
        apps.gpt, lambda c: c.with_options(max_retries=0).chat.completions.create(**CHAT), MINI
    ),
    "responses": Form(apps.gpt, lambda c: c.responses.create(**RESPONSE), MINI),
    "responses stream": Form(apps.gpt, _response_stream, MINI),
    "generate": Form(apps.gemini, lambda c: c.models.generate_content(**GENERATE), FLASH),
    "generate stream": Form(apps.gemini, lambda c: list(c.models.generate_content_stream(**GENERATE)), FLASH),
    "chat session": Form(apps.gemini, lambda c: c.chats.create(model=FLASH).send_message("hi"), FLASH),
    "chat session stream": Form(
        apps.gemini, lambda c: list(c.chats.create(model=FLASH).send_message_stream("hi")), FLASH
    ),
}


async def _a_stream_text(client: Any) -> None:
    async with client.messages.stream(**MESSAGE) as stream:
        assert "".join([text async for text in stream.text_stream]).strip() == SECRET_ANSWER


async def _a_streamed(client: Any) -> None:
    async with client.messages.with_streaming_response.create(**MESSAGE) as response:
        assert (await response.parse()).usage.output_tokens == 50


async def _a_all(stream: Any) -> None:
    async for _ in await stream:
        pass


ASYNC_FORMS: dict[str, Form] = {
    "messages": Form(apps.claude_async, lambda c: c.messages.create(**MESSAGE), HAIKU),
    "messages text stream": Form(apps.claude_async, _a_stream_text, HAIKU),
    "messages events": Form(
        apps.claude_async, lambda c: _a_all(c.messages.create(**MESSAGE, stream=True)), HAIKU
    ),
    "messages raw": Form(apps.claude_async, lambda c: c.messages.with_raw_response.create(**MESSAGE), HAIKU),
    "messages streamed whole": Form(apps.claude_async, _a_streamed, HAIKU),
    "messages with options": Form(
        apps.claude_async, lambda c: c.with_options(timeout=9).messages.create(**MESSAGE), HAIKU
    ),
    "chat": Form(apps.gpt_async, lambda c: c.chat.completions.create(**CHAT), MINI),
    "chat stream": Form(
        apps.gpt_async, lambda c: _a_all(c.chat.completions.create(**CHAT, stream=True)), MINI
    ),
    "responses": Form(apps.gpt_async, lambda c: c.responses.create(**RESPONSE), MINI),
    "responses stream": Form(
        apps.gpt_async, lambda c: _a_all(c.responses.create(**RESPONSE, stream=True)), MINI
    ),
    "generate": Form(apps.gemini, lambda c: c.aio.models.generate_content(**GENERATE), FLASH),
    "generate stream": Form(
        apps.gemini, lambda c: _a_all(c.aio.models.generate_content_stream(**GENERATE)), FLASH
    ),
    "chat session": Form(apps.gemini, lambda c: c.aio.chats.create(model=FLASH).send_message("hi"), FLASH),
}


async def end(client: Any) -> None:
    """Close an asynchronous client."""
    await (client.aio.aclose() if hasattr(client, "aio") else client.close())
