"""What was reported elsewhere, made again with the real SDKs on the loopback server, with the figure that is right.

Each row is a report's address, its symptom in a few words, and what has to come out here.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from gaia_budget import BudgetGuard
from gaia_budget.errors import LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.verify import verify
from gaia_budget.middleware.reserve import downgrade, tokens
from gaia_budget.middleware.transport.streams import library_of
from gaia_budget.middleware.wire import claude, gemini, openai
from gaia_budget.settings import load
from gaia_hooks.machine import clock
from support import apps
from support.events import ts
from support.wire_server import Say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.wire_server import WireServer

HI: list[Any] = [{"role": "user", "content": "hi"}]
MESSAGE: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": HI}
COST = 1000 * 1000 + 50 * 5000


class Report(NamedTuple):
    """One report. `nano` None: it has no price, and `notice` is said."""

    address: str
    symptom: str
    make: Callable[..., Any]
    use: Callable[[Any], Any]
    document: dict[str, Any]
    nano: int | None
    notice: str = ""


def _chat(model: str, usage: Any, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "ok"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": choices, "usage": usage,
            **more}  # fmt: skip


def _asks_chat(model: str, **more: Any) -> Callable[[Any], Any]:
    return lambda client: client.chat.completions.create(model=model, messages=HI, max_tokens=4000, **more)


def _asks_gemini(model: str) -> Callable[[Any], Any]:
    return lambda client: client.models.generate_content(model=model, contents="hi")


def _gemini(model: str, **usage: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": "ok"}]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP"}], "modelVersion": model, "usageMetadata": usage,
    }  # fmt: skip


def _embeds(model: str) -> Callable[[Any], Any]:
    return lambda client: client.models.embed_content(model=model, contents="hi")


NANO_RESPONSE = {
    "id": "r", "object": "response", "created_at": 1, "model": "gpt-5-nano", "status": "completed", "output": [],
    "parallel_tool_calls": False, "tools": [], "tool_choice": "auto", "service_tier": "flex",
    "usage": {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100},
}  # fmt: skip
ANSWERS = [
    Report("github.com/BerriAI/litellm/issues/13810", "flex was billed as standard, twice the price", apps.gpt,
           lambda c: c.responses.create(model="gpt-5-nano", input="a joke", service_tier="flex", max_output_tokens=900),
           NANO_RESPONSE, 1000 * 25 + 100 * 200),
    Report("github.com/BerriAI/litellm/issues/37647", "the traffic type of flex was not known: $0.0018555",
           apps.gemini, _asks_gemini("gemini-3.8-flash-tts"),
           _gemini("gemini-3.8-flash-tts", promptTokenCount=1000, candidatesTokenCount=0,
                   trafficType="ON_DEMAND_FLEX"), 1000 * 250),
    Report("github.com/BerriAI/litellm/pull/38421", "flex of a model without such a price was billed as standard",
           apps.gemini, _asks_gemini("gemini-3.5-flash"),
           _gemini("gemini-3.5-flash", promptTokenCount=4061, candidatesTokenCount=25, trafficType="ON_DEMAND_FLEX"),
           None, "not priced: flex tier of gemini-3.5-flash"),
    Report("github.com/BerriAI/litellm/issues/33681", "an image that was embedded cost nothing", apps.gemini,
           _embeds("gemini-embedding-2"),
           {"embedding": {"values": [0.1]}, "embeddings": [{"values": [0.1]}], "usageMetadata": {
               "promptTokenCount": 258, "promptTokenDetails": [{"modality": "IMAGE", "tokenCount": 258}]}}, 258 * 450),
    Report("github.com/langfuse/langfuse/issues/10592", "cached input was added to the input: 35,720 tokens",
           apps.gpt, _asks_chat("gpt-4o"),
           _chat("gpt-4o", {"prompt_tokens": 17_903, "completion_tokens": 0,
                            "prompt_tokens_details": {"cached_tokens": 17_817}}), 86 * 2500 + 17_817 * 1250),
    Report("github.com/langfuse/langfuse/issues/5568", "the same: 3,791 tokens instead of 1,999", apps.gpt,
           _asks_chat("gpt-4o-mini"),
           _chat("gpt-4o-mini", {"prompt_tokens": 1999, "completion_tokens": 0,
                                 "prompt_tokens_details": {"cached_tokens": 1792}}), 207 * 150 + 1792 * 75),
    Report("github.com/langfuse/langfuse/issues/12306", "Anthropic's three counts were added up and added again",
           apps.claude, lambda c: c.messages.create(**MESSAGE),
           {"id": "m", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [],
            "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 128_955, "cache_creation_input_tokens": 1253,
                      "output_tokens": 0}}, 5 * 1000 + 128_955 * 100 + 1253 * 1250),
    Report("github.com/microsoft/autogen/issues/1270", "Azure's names without a version were dearer models",
           apps.gpt, _asks_chat("my-deployment"),
           _chat("gpt-35-turbo", {"prompt_tokens": 1000, "completion_tokens": 0}), 1000 * 500),
    Report("github.com/pydantic/genai-prices/issues/455", "a host without the model's price made the call fail",
           apps.gpt, _asks_chat("nobody-sells-this"),
           _chat("nobody-sells-this", {"prompt_tokens": 1000, "completion_tokens": 0}), None,
           "not priced: model nobody-sells-this"),
    Report("github.com/maximhq/bifrost/pull/7295", "an embedding whose usage was dropped cost nothing", apps.gemini,
           _embeds("gemini-embedding-001"), {"embeddings": [{"values": [0.1]}]}, 17 * 150, "booked by estimate"),
    Report("github.com/Continuum-AI-Corp/OrcaRouter-Lite/issues/125", "a usage of null stopped the program",
           apps.gpt, _asks_chat("gpt-4o"), _chat("gpt-4o", None), 17 * 2500 + 10_000, "booked by estimate"),
    Report("github.com/ai-dynamo/dynamo/pull/12473", "a total that its parts contradict", apps.gpt,
           _asks_chat("gpt-4o"), _chat("gpt-4o", {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 999}),
           10 * 2500 + 5 * 10_000),
]  # fmt: skip


@pytest.mark.parametrize("report", ANSWERS, ids=lambda report: report.address.partition("/")[2])
def test_an_answer_is_booked_at_its_own_price(
    report: Report, root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: ts("2026-11-27T12:00"))  # some prices are those of this year
    guard = BudgetGuard("jseeker", cache=False)
    server.script(Say(document=report.document))
    report.use(guard.wrap(report.make(server)))
    (event, *_) = apps.booked()
    assert event.cost_nano == report.nano, report.symptom
    assert not report.notice or any(report.notice in text for text in guard.notices)


@pytest.mark.parametrize(
    ("address", "make", "use", "events"),
    [
        ("github.com/openai/openai-node/issues/1505 (no usage after a break)", apps.gpt,
         lambda c: c.chat.completions.create(model="gpt-4o", messages=HI, stream=True, max_tokens=4000), 20),
        ("github.com/BerriAI/litellm/pull/30630 (no row at all for a stream that was left)", apps.gpt,
         lambda c: c.chat.completions.create(model="gpt-4o-mini", messages=HI, stream=True), 6),
        ("github.com/BerriAI/litellm/pull/36008 (the few pieces that were read instead of the answer)", apps.claude,
         lambda c: c.messages.create(**{**MESSAGE, "max_tokens": 4000}, stream=True), 30),
        ("github.com/pollinations/pollinations/issues/5594 (a stopped client paid nothing)", apps.gemini,
         lambda c: c.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"), 12),
    ],
    ids=lambda value: value.partition(" ")[0].partition("/")[2] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_stream_that_is_left_costs_what_arrived_with_room(
    address: str, make: Any, use: Any, events: int, guard: BudgetGuard, server: WireServer
) -> None:
    server.script(Say(text=" ".join(["word"] * 400), input=17, output=400))
    client = guard.wrap(make(server))
    began = time.perf_counter()
    stream = use(client)
    for _ in range(events):
        next(stream)
    stream.close()
    (event,) = apps.booked()
    unseen = tokens.hidden_tokens(time.perf_counter() - began)  # what may have been thought meanwhile
    rates = {"gpt-4o": 10_000, "gpt-4o-mini": 600, "claude-haiku-4-5": 5000, "gemini-2.5-flash": 2500}
    written = (events - 2) * rates[event.model]
    assert written * 95 // 100 <= event.cost_nano <= written * 4 + (200 + unseen) * rates[event.model], (
        address
    )


def _batches(document: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda client: [client.batches.retrieve(str(document["id"])) for _ in range(3)]


def _file(client: Any) -> None:
    for _ in range(2):
        assert client.files.content("file-1").text


OVER = {"object": "batch", "status": "completed", "endpoint": "/v1/responses", "input_file_id": "f", "created_at": 1,
        "completion_window": "24h"}  # fmt: skip
BIG = {**OVER, "id": "batch_1", "model": "gpt-5-2025-08-07", "usage": {
    "completion_tokens": 0, "prompt_tokens": 0, "total_tokens": 51_279_835, "completion_tokens_details": None,
    "prompt_tokens_details": None, "input_tokens": 31_493_594, "output_tokens": 19_786_241,
    "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 18_373_824},
}}  # fmt: skip
NONE_LEFT = {**OVER, "id": "batch_2", "model": "gpt-4o", "error_file_id": "file-e",
             "request_counts": {"completed": 0, "failed": 2, "total": 2}}  # fmt: skip


def _line(number: int, body: dict[str, Any], status: int = 200) -> str:
    return json.dumps({"id": f"r{number}", "response": {"status_code": status, "body": body}}) + "\n"


EMBEDDED = {"object": "list", "model": "text-embedding-3-small", "data": [{"embedding": [0.1]}],
            "usage": {"prompt_tokens": 1000, "total_tokens": 1000}}  # fmt: skip
FAILED = {"error": {"message": "temperature: 999", "type": "invalid_request_error"}}


@pytest.mark.parametrize(
    ("address", "use", "says", "nano"),
    [
        ("github.com/BerriAI/litellm/issues/14884 (zeros beside the tokens)", _batches(BIG), [Say(document=BIG)] * 3,
         31_493_594 * 625 + 19_786_241 * 5000),
        ("github.com/BerriAI/litellm/issues/41750 (batches of embeddings at $0)", _file,
         [Say(raw=_line(0, EMBEDDED) + _line(1, EMBEDDED))] * 2, 2 * 1000 * 10),
        ("github.com/BerriAI/litellm/pull/37208 (lines that failed)", _file,
         [Say(raw=_line(0, EMBEDDED) + _line(1, FAILED, 400))] * 2, 1000 * 10),
        ("github.com/BerriAI/litellm/pull/36877 (billed once for each look)", _batches(NONE_LEFT),
         [Say(document=NONE_LEFT)] * 3, 0),
    ],
    ids=lambda value: value.partition(" ")[0].partition("/")[2] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_batch_is_counted_once_and_in_full(
    address: str, use: Any, says: list[Say], nano: int, guard: BudgetGuard, server: WireServer
) -> None:
    server.script(*says)
    use(guard.wrap(apps.gpt(server)))
    assert apps.month().spent_nano() == sum(event.cost_nano or 0 for event in apps.booked()) == nano, address


@pytest.mark.parametrize(
    ("address", "wire", "path", "asked", "model", "gone"),
    [
        ("github.com/CommonstackAI/UncommonRoute/issues/24 (invalid signature in a thinking block)", claude,
         "/v1/messages", {"messages": [*HI, {"role": "assistant", "content": [
             {"type": "redacted_thinking", "data": "of opus"}, {"type": "text", "text": "ok"}]}]}, "claude-haiku-4-5",
         ("redacted_thinking",)),
        ("github.com/langchain-ai/open-swe/pull/628 (parallel_tool_calls and temperature, refused by o3)", openai,
         "/v1/chat/completions", {"messages": HI, "parallel_tool_calls": False, "temperature": 0}, "o3-mini",
         ("parallel_tool_calls", "temperature")),
        ("github.com/NousResearch/hermes-agent/pull/78305 (max_tokens, refused by GPT-5)", openai,
         "/v1/chat/completions", {"messages": HI, "max_tokens": 100, "temperature": 0.2, "stop": ["x"]}, "gpt-5-nano",
         ("max_tokens", "temperature", "stop")),
        ("github.com/incidentfox/incidentfox/pull/111 (an effort that the other model does not have)", openai,
         "/v1/responses", {"input": "hi", "reasoning": {"effort": "none"}, "model": "gpt-5.1"}, "gpt-5-mini",
         ("none",)),
        ("github.com/unarbos/arbos/pull/34 (a corrupted thought signature)", gemini,
         "/v1beta/models/gemini-3-pro:generateContent",
         {"contents": [{"role": "model", "parts": [{"text": "t", "thought": True, "thoughtSignature": "of another"}]}]},
         "gemini-2.5-flash", ("of another",)),
    ],
    ids=lambda value: value.partition(" ")[0].partition("/")[2] if isinstance(value, str) and "(" in value else "",
)  # fmt: skip
def test_what_the_cheaper_model_would_refuse_is_left_out(
    address: str, wire: Any, path: str, asked: dict[str, Any], model: str, gone: tuple[str, ...]
) -> None:
    sent = json.dumps(downgrade.fitted(wire.ask(path, {"model": "gpt-4o", **asked}), model).body)
    assert not [word for word in gone if f'"{word}"' in sent], address


@pytest.mark.parametrize("times", [1, 3])
def test_while_the_ledger_is_gone_nothing_is_lost_held_or_counted_twice(
    times: int, guard: BudgetGuard, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reported elsewhere: github.com/BerriAI/litellm/pull/30039 (the cost was never written),
    github.com/aws-samples/sample-agentic-ai-acceleration-kr/pull/79 (written twice when it was tried again),
    github.com/BerriAI/litellm/issues/30460 (holds that grew until all was refused)."""
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    paid, left = guard._accounts.books()._paid, [times]
    settle = paid.settle

    def unsure(*told: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            if left[0] % 2 == 0:
                settle(*told)  # written, and the word of it was lost
            raise LedgerError("the connection is gone", slug="ledger-unusable")
        settle(*told)

    monkeypatch.setattr(paid, "settle", unsure)
    for _ in range(4):
        client.messages.create(**MESSAGE)
    guard.close()
    month = apps.month()
    assert (month.app_nano, month.assumed_nano, month.reserved_nano) == (5 * COST, 0, 0)
    with Ledger.open(settings=load()) as ledger:
        assert verify(ledger) == []


def _told(http: Any) -> Any:
    usage = {"input_tokens": 1000, "output_tokens": 50}
    return {"id": "m", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "usage": usage,
            "content": [], "stop_reason": "end_turn", "stop_sequence": None}  # fmt: skip


def _in_pieces(http: Any) -> Any:
    def pieces() -> Iterator[bytes]:
        text = json.dumps(_told(http)).encode()
        yield from (text[:40], text[40:])

    return http.Response(200, content=pieces(), headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    ("address", "answer", "nano"),
    [
        ("github.com/pydantic/httpx2/issues/495 (a body that is there at once)",
         lambda http: http.Response(200, json=_told(http)), COST),
        ("github.com/lundberg/respx/issues/163 (a body that is there, read by a hook)",
         lambda http: http.Response(200, text=json.dumps(_told(http)), headers={"content-type": "application/json"}),
         COST),
        ("github.com/encode/httpx/pull/1401 (a body that comes in pieces)", _in_pieces, COST),
        ("github.com/Colin-b/pytest_httpx/issues/118 (a refusal)",
         lambda http: http.Response(400, json={"error": {"message": "no"}}), 0),
    ],
    ids=lambda value: value.partition(" ")[0].partition("/")[2] if isinstance(value, str) else "",
)  # fmt: skip
def test_answers_that_tests_of_users_make_up_are_booked_as_answers(
    address: str, answer: Any, nano: int, guard: BudgetGuard, server: WireServer
) -> None:
    import anthropic

    http, read = library_of(apps.claude(server)._client), []
    hooks = {"response": [lambda response: read.append(response.read())]} if "hook" in address else {}
    transport = http.MockTransport(lambda _: answer(http))
    inner = http.Client(transport=transport, event_hooks=hooks)
    client = guard.wrap(anthropic.Anthropic(api_key="none", http_client=inner, max_retries=0))
    if nano:
        assert client.messages.create(**MESSAGE).usage.input_tokens == 1000
    else:
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**MESSAGE)
    (event,) = apps.booked()
    assert (event.cost_nano, len(read)) == (nano, len(hooks)), address
