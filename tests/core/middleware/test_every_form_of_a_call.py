"""N calls give N events whose sums agree, whichever client, whichever form."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from support import apps
from support.wire_server import SECRET_ANSWER, Say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget import BudgetGuard
    from support.wire_server import WireServer

HAIKU, MINI, FLASH = "claude-haiku-4-5", "gpt-4o-mini", "gemini-2.5-flash"
MESSAGE: dict[str, Any] = {"model": HAIKU, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
CHAT: dict[str, Any] = {"model": MINI, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
RESPONSE: dict[str, Any] = {"model": MINI, "max_output_tokens": 100, "input": "hi"}
GENERATE: dict[str, Any] = {"model": FLASH, "contents": "hi", "config": {"max_output_tokens": 100}}
PRICES = {HAIKU: 1000 * 1000 + 50 * 5000, MINI: 1000 * 150 + 50 * 600, FLASH: 1000 * 300 + 50 * 2500}


def _stream_text(client: Any) -> None:
    with client.messages.stream(**MESSAGE) as stream:
        assert "".join(stream.text_stream).strip() == SECRET_ANSWER


def _stream_events(client: Any) -> None:
    for _ in client.messages.create(**MESSAGE, stream=True):
        pass


def _stream_raw(client: Any) -> None:
    with client.messages.with_streaming_response.create(**MESSAGE, stream=True) as response:
        assert b"message_stop" in b"".join(response.iter_bytes())


def _chat_stream(client: Any) -> None:
    chunks = list(client.chat.completions.create(**CHAT, stream=True))
    assert all(chunk.choices for chunk in chunks), (
        "a caller that did not ask for usage gets no chunk without choices"
    )


def _chat_stream_usage(client: Any) -> None:
    *_, last = client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True})
    assert last.usage.prompt_tokens == 1000


def _response_stream(client: Any) -> None:
    with client.responses.stream(**RESPONSE) as stream:
        assert stream.get_final_response().output_text == SECRET_ANSWER


FORMS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any], str]] = {
    "messages": (apps.claude, lambda c: c.messages.create(**MESSAGE), HAIKU),
    "messages beta": (apps.claude, lambda c: c.beta.messages.create(**MESSAGE), HAIKU),
    "messages text stream": (apps.claude, _stream_text, HAIKU),
    "messages events": (apps.claude, _stream_events, HAIKU),
    "messages streamed bytes": (apps.claude, _stream_raw, HAIKU),
    "messages raw": (apps.claude, lambda c: c.messages.with_raw_response.create(**MESSAGE).parse(), HAIKU),
    "messages with options": (
        apps.claude,
        lambda c: c.with_options(timeout=9).messages.create(**MESSAGE),
        HAIKU,
    ),
    "chat": (apps.gpt, lambda c: c.chat.completions.create(**CHAT), MINI),
    "chat stream": (apps.gpt, _chat_stream, MINI),
    "chat stream with usage": (apps.gpt, _chat_stream_usage, MINI),
    "chat raw": (apps.gpt, lambda c: c.chat.completions.with_raw_response.create(**CHAT).parse(), MINI),
    "chat with options": (
        apps.gpt,
        lambda c: c.with_options(max_retries=0).chat.completions.create(**CHAT),
        MINI,
    ),
    "responses": (apps.gpt, lambda c: c.responses.create(**RESPONSE), MINI),
    "responses stream": (apps.gpt, _response_stream, MINI),
    "generate": (apps.gemini, lambda c: c.models.generate_content(**GENERATE), FLASH),
    "generate stream": (apps.gemini, lambda c: list(c.models.generate_content_stream(**GENERATE)), FLASH),
    "chat session": (apps.gemini, lambda c: c.chats.create(model=FLASH).send_message("hi"), FLASH),
}


async def _a_stream_text(client: Any) -> None:
    async with client.messages.stream(**MESSAGE) as stream:
        assert "".join([text async for text in stream.text_stream]).strip() == SECRET_ANSWER


async def _a_all(stream: Any) -> None:
    async for _ in await stream:
        pass


ASYNC_FORMS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any], str]] = {
    "messages": (apps.claude_async, lambda c: c.messages.create(**MESSAGE), HAIKU),
    "messages text stream": (apps.claude_async, _a_stream_text, HAIKU),
    "messages events": (
        apps.claude_async,
        lambda c: _a_all(c.messages.create(**MESSAGE, stream=True)),
        HAIKU,
    ),
    "messages raw": (apps.claude_async, lambda c: c.messages.with_raw_response.create(**MESSAGE), HAIKU),
    "chat": (apps.gpt_async, lambda c: c.chat.completions.create(**CHAT), MINI),
    "chat stream": (apps.gpt_async, lambda c: _a_all(c.chat.completions.create(**CHAT, stream=True)), MINI),
    "responses": (apps.gpt_async, lambda c: c.responses.create(**RESPONSE), MINI),
    "generate": (apps.gemini, lambda c: c.aio.models.generate_content(**GENERATE), FLASH),
    "generate stream": (
        apps.gemini,
        lambda c: _a_all(c.aio.models.generate_content_stream(**GENERATE)),
        FLASH,
    ),
}


def _once_each(root: Path, model: str, calls: int) -> None:
    events, lines = apps.booked(), apps.logged(root)
    assert [event.cost_nano for event in events] == [PRICES[model]] * calls
    assert {(event.input_tokens, event.output_tokens, event.status) for event in events} == {
        (1000, 50, "success")
    }
    assert sorted(line["event_id"] for line in lines) == sorted(event.event_id for event in events)
    assert sum(line["cost_nano_usd"] for line in lines) == PRICES[model] * calls
    month = apps.month()
    assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (PRICES[model] * calls, 0, 0)


@pytest.mark.parametrize("form", FORMS)
def test_two_calls_are_two_events_whose_sums_agree(
    form: str, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    make, use, model = FORMS[form]
    client = guard.wrap(make(server))
    use(client)
    use(client)
    _once_each(root, model, 2)


@pytest.mark.parametrize("form", ASYNC_FORMS)
def test_asynchronous_calls_cost_what_the_others_do(
    form: str, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    make, use, model = ASYNC_FORMS[form]

    async def three() -> None:
        client = guard.wrap(make(server))
        await asyncio.gather(*(use(client) for _ in range(3)))
        await (client.aio.aclose() if make is apps.gemini else client.close())

    asyncio.run(three())
    _once_each(root, model, 3)


@pytest.mark.parametrize("form", ["messages", "messages events", "chat", "responses", "generate"])
def test_compressed_answers_are_read_too(
    form: str, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    make, use, model = FORMS[form]
    server.script(Say(zip=True))
    use(guard.wrap(make(server)))
    _once_each(root, model, 1)


def test_counting_tokens_costs_nothing_and_leaves_no_event(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    client = guard.wrap(apps.claude(server))
    asked = {key: MESSAGE[key] for key in ("model", "messages")}
    assert client.messages.count_tokens(**asked).input_tokens == 1000
    assert (apps.booked(), apps.logged(root), list(guard.notices)) == ([], [], [])


def test_embeddings_without_a_known_price_are_counted_as_unpriced_not_as_free(
    guard: BudgetGuard, server: WireServer
) -> None:
    guard.wrap(apps.gpt(server)).embeddings.create(model="text-embedding-of-nobody", input="hi")
    (event,) = apps.booked()
    assert (event.input_tokens, event.cost_nano, event.price_source) == (1000, None, "unpriced")


def test_cache_reads_and_writes_have_their_own_prices(guard: BudgetGuard, server: WireServer) -> None:
    server.script(Say(input=10, output=0, read=2000, write=400))
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    (event,) = apps.booked()
    assert (event.input_tokens, event.cache_read_tokens, event.cache_write_5m_tokens) == (10, 2000, 400)
    assert event.cost_nano == 10 * 1000 + 2000 * 100 + 400 * 1250


def test_the_model_that_answered_is_priced_not_the_one_that_was_asked(
    guard: BudgetGuard, server: WireServer
) -> None:
    server.script(Say(model="claude-opus-5-5"))
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    (event,) = apps.booked()
    assert (event.model, event.cost_nano) == ("claude-opus-5-5", 1000 * 4000 + 50 * 20_000)
