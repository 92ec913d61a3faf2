"""What was reported elsewhere of figures that shift within a stream: told twice, in parts, at its end alone.

Each row is a report's address, its symptom in a few words, the events as they came, and the figure that is right.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from gaia_budget import BudgetGuard
    from support.wire_server import WireServer

HI: list[Any] = [{"role": "user", "content": "hi"}]
SEARCH = 10_000_000


def _claude(opened: dict[str, Any], over: dict[str, Any]) -> list[dict[str, Any]]:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": {"output_tokens": 1, **opened}}  # fmt: skip
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 50, **over},
        },
        {"type": "message_stop"},
    ]


def _written(short: int, long: int, total: int = 0) -> dict[str, Any]:
    split = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    return {"cache_creation_input_tokens": total or short + long, "cache_creation": split}


def _chat(*usages: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A word for each usage but the last two: those are of the chunk that ends it, and of the one after."""
    *words, end, after = usages
    one = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    choices = [[{"index": 0, "delta": {"content": "ok"}}] for _ in words]
    choices += [[{"index": 0, "delta": {}, "finish_reason": "stop"}], []]
    return [
        {**one, "choices": choice, "usage": told}
        for choice, told in zip(choices, (*words, end, after), strict=True)
    ]


def _of_chat(prompt: int, output: int, cached: int | None = None) -> dict[str, Any]:
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output, **details}


def _gemini(*usages: dict[str, Any]) -> list[dict[str, Any]]:
    content = {"role": "model", "parts": [{"text": "ok"}]}
    events: list[dict[str, Any]] = [
        {"candidates": [{"content": content}], "modelVersion": "gemini-2.5-flash", "usageMetadata": one}
        for one in usages
    ]
    events[-1]["candidates"][0]["finishReason"] = "STOP"
    return events


def _response(over: str, **usage: int) -> list[dict[str, Any]]:
    one = {"id": "r", "object": "response", "created_at": 1, "model": "gpt-5-nano", "output": [],
           "parallel_tool_calls": False, "tools": [], "tool_choice": "auto"}  # fmt: skip
    return [
        {"type": "response.created", "sequence_number": 0, "response": {**one, "status": "in_progress"}},
        {
            "type": f"response.{over}",
            "sequence_number": 1,
            "response": {**one, "status": over, "usage": usage},
        },
    ]


REPORTS = [
    ("github.com/BerriAI/litellm/issues/42663 (of a server's tool, the first round's writes alone were priced)",
     _claude({"input_tokens": 9, **_written(31_490, 0)},
             {"input_tokens": 123_201, "cache_read_input_tokens": 426_653, "cache_creation_input_tokens": 184_457,
              "server_tool_use": {"web_search_requests": 5}}),
     123_201 * 1000 + 426_653 * 100 + 184_457 * 1250 + 50 * 5000 + 5 * SEARCH),
    ("github.com/langchain-ai/langchainjs/issues/10249 (a cache that is told at start and end counted twice)",
     _claude({"input_tokens": 3, "cache_read_input_tokens": 700, **_written(0, 1000)},
             {"input_tokens": 3, "cache_read_input_tokens": 700, "cache_creation_input_tokens": 1000}),
     3 * 1000 + 700 * 100 + 1000 * 2000 + 50 * 5000),
    ("github.com/maximhq/bifrost/pull/5355 (the split of the start stayed beside that of the end)",
     _claude({"input_tokens": 1000, "cache_creation_input_tokens": 0},
             {"input_tokens": 100, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 0}),
     100 * 1000 + 900 * 100 + 50 * 5000),
    ("github.com/envoyproxy/ai-gateway/pull/2236 (an end that tells nothing of what the start told)",
     _claude({"input_tokens": 9, "cache_read_input_tokens": 5, **_written(2, 0)},
             {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}),
     9 * 1000 + 5 * 100 + 2 * 1250 + 50 * 5000),
    ("github.com/can1357/oh-my-pi/issues/5022 (the cache's share comes after the reason to end)",
     _chat(None, _of_chat(35_227, 8), _of_chat(35_227, 8, 32_512)), 2715 * 2500 + 32_512 * 1250 + 8 * 10_000),
    ("github.com/ai-dynamo/dynamo/issues/14850 (usage in every chunk, the cache's share in the last alone)",
     _chat(_of_chat(1000, 1), _of_chat(1000, 2), _of_chat(1000, 2), _of_chat(1000, 2, 900)),
     100 * 2500 + 900 * 1250 + 2 * 10_000),
    ("github.com/openai/openai-agents-python/pull/2126 (usage before the end, and none at the end)",
     _chat(None, _of_chat(1000, 20, 0), None), 1000 * 2500 + 20 * 10_000),
    ("github.com/langchain-ai/langchainjs/pull/9912 (the cache's share first, and all of it at the end)",
     _gemini({"cachedContentTokenCount": 5100}, {"cachedContentTokenCount": 5100},
             {"promptTokenCount": 5105, "candidatesTokenCount": 16, "cachedContentTokenCount": 5100}),
     5 * 300 + 5100 * 30 + 16 * 2500),
    ("github.com/pydantic/pydantic-ai/issues/5205 (the last chunk leaves the cache's share out)",
     _gemini({"promptTokenCount": 76_000, "cachedContentTokenCount": 73_673, "candidatesTokenCount": 1},
             {"promptTokenCount": 76_000, "candidatesTokenCount": 16}),
     2327 * 300 + 73_673 * 30 + 16 * 2500),
    ("github.com/QuantumNous/new-api/issues/7241 (an answer that its limit cut off was billed as nothing)",
     _response("incomplete", input_tokens=64, output_tokens=1500, total_tokens=1564), 64 * 50 + 1500 * 400),
    ("github.com/vm0-ai/vm0/issues/14592 (so was one that failed after tokens had been used)",
     _response("failed", input_tokens=1000, output_tokens=100, total_tokens=1100), 1000 * 50 + 100 * 400),
]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "events", "nano"), REPORTS, ids=[row[0].partition(" ")[0] for row in REPORTS]
)
def test_a_stream_is_billed_by_what_its_events_tell_together(
    address: str, events: list[dict[str, Any]], nano: int, guard: BudgetGuard, server: WireServer
) -> None:
    named = "type" in events[0]
    lines = [
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events
    ]
    done = "data: [DONE]\n\n" if "object" in events[0] else ""
    server.script(Say(raw="".join(lines) + done, headers={"content-type": "text/event-stream"}))
    if named and events[0]["type"].startswith("response."):
        asks = guard.wrap(apps.gpt(server))
        assert list(
            asks.responses.create(model="gpt-5-nano", input="hi", max_output_tokens=2000, stream=True)
        )
    elif named:
        client = guard.wrap(apps.claude(server))
        assert list(
            client.messages.create(model="claude-haiku-4-5", max_tokens=1000, messages=HI, stream=True)
        )
    elif done:
        assert list(
            guard.wrap(apps.gpt(server)).chat.completions.create(model="gpt-4o", messages=HI, stream=True)
        )
    else:
        asked = guard.wrap(apps.gemini(server))
        assert list(asked.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"))
    (event,) = apps.booked()
    assert (event.status, event.cost_nano) == ("success", nano)
