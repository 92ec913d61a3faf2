"""What was reported elsewhere of the time before a request goes out, made again with the real SDKs.

That is what is held for it, the task that it belongs to, what is added to it, and which kept answer stands in for it.

Each row is a report's address, its symptom in a few words, and the figure that is right. Answers are in
`test_public_reports.py`.
"""

from __future__ import annotations

import asyncio
import base64
import contextvars
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from support.wire_server import WireServer

HI: list[Any] = [{"role": "user", "content": "hi"}]
MESSAGE: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": HI}
COST = 1000 * 1000 + 50 * 5000
SECONDS = 30  # a test that waits longer hangs


def _named(value: object) -> str:
    return (
        value.partition(" ")[0].partition("/")[2] if isinstance(value, str) and "github.com" in value else ""
    )


def _pdf(pages: int, size: int = 0) -> str:
    objects = b"".join(b"%d 0 obj<</Type /Page /Parent 2 0 R>>endobj\n" % number for number in range(pages))
    return base64.b64encode(b"%PDF-1.7\n" + objects + bytes(size) + b"\n%%EOF").decode()


def _reads(pages: int) -> list[Any]:
    source = {"type": "base64", "media_type": "application/pdf", "data": _pdf(pages)}
    return [{"role": "user", "content": [{"type": "document", "source": source}]}]


def _shown(pages: int, size: int) -> list[Any]:
    inline = {"mime_type": "application/pdf", "data": _pdf(pages, size)}
    return [{"role": "user", "parts": [{"inline_data": inline}]}]


@pytest.mark.parametrize(
    ("address", "make", "use", "least", "most"),
    [
        ("github.com/BerriAI/litellm/pull/27509 (all that was left of the budget was held)", apps.gpt,
         lambda c: c.chat.completions.create(model="gpt-4o", messages=HI), 16_384 * 10_000,
         16_384 * 10_000 + 200 * 2500),
        ("github.com/BerriAI/litellm/pull/40002 (a long prompt at the price of a short one)", apps.gemini,
         lambda c: c.models.generate_content(model="gemini-2.5-pro", contents="so " * 210_000,
                                             config={"max_output_tokens": 1000}),
         210_000 * 2500 + 1000 * 15_000, 640_000 * 2500 + 1000 * 15_000),
        ("github.com/google-gemini/gemini-cli/pull/16527 (1.6 million tokens for 100 pages of 25,800)", apps.gemini,
         lambda c: c.models.generate_content(model="gemini-2.5-flash", contents=_shown(100, 1_000_000),
                                             config={"max_output_tokens": 100}),
         25_800 * 300, 100 * 2000 * 300),
        ("github.com/Boise-State-Development/agentcore-public-stack/pull/1147 (94,485 tokens called 6,894)",
         apps.claude,
         lambda c: c.messages.create(model="claude-sonnet-4-6", max_tokens=100, messages=_reads(60)),
         94_485 * 3000, 60 * 4600 * 6000 + 3000 * 6000),
    ],
    ids=_named,
)  # fmt: skip
def test_what_is_held_bounds_the_call_and_no_more(
    address: str, make: Any, use: Any, least: int, most: int, guard: BudgetGuard, server: WireServer
) -> None:
    client, gate = guard.wrap(make(server)), threading.Event()
    server.script(Say(wait=gate))
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(use, client)
        arrived = server.arrived.acquire(timeout=SECONDS)
        held = apps.month().reserved_nano
        gate.set()
        call.result(SECONDS)
    assert arrived
    assert least <= held <= most, address
    assert apps.month().reserved_nano == 0


@pytest.mark.parametrize(
    ("address", "cap", "session", "use", "calls", "sent"),
    [
        ("github.com/BerriAI/litellm/issues/34732 (all at once passed the session's cap)", 10.0, "0.005",
         lambda c: c.chat.completions.create(model="gpt-4o", messages=HI, max_tokens=120), 8, 3),
        ("github.com/BerriAI/litellm/issues/40095 (264,000 times the cap of who was new)", 0.000_000_001, None,
         lambda c: c.chat.completions.create(model="gpt-4o", messages=HI, max_tokens=64), 8, 0),
        ("github.com/BerriAI/litellm/pull/38647 (refused at $0 spent: each held several dollars)", 15.0, None,
         lambda c: c.chat.completions.create(model="gpt-4o", messages=HI), 16, 16),
    ],
    ids=_named,
)  # fmt: skip
def test_calls_at_once_are_as_many_as_the_cap_has_room_for(
    address: str,
    cap: float,
    session: str | None,
    use: Any,
    calls: int,
    sent: int,
    root: Path,
    server: WireServer,
) -> None:
    apps.set_caps(root, {"jseeker": cap})
    guard = BudgetGuard("jseeker", cache=False, session_cap_usd=session)
    client, gate = guard.wrap(apps.gpt(server, max_retries=0)), threading.Event()
    server.hold = gate

    def one(_: int) -> bool:
        try:
            use(client)
        except BudgetExceededError:
            return False
        return True

    with ThreadPoolExecutor(calls) as pool:
        running = [pool.submit(one, number) for number in range(calls)]
        for _ in range(sent):
            assert server.arrived.acquire(timeout=SECONDS)
        while sum(call.done() for call in running) < calls - sent:
            threading.Event().wait(0.01)
        gate.set()
        went = sum(call.result(SECONDS) for call in running)
    assert (went, len(server.requests)) == (sent, sent), address
    assert apps.month().app_nano == sent * (1000 * 2500 + 50 * 10_000)


def _asked(client: Any, guard: BudgetGuard, seen: list[int]) -> Iterator[bytes]:
    with guard.task("page", cap_usd="0.0031") as task:
        for _ in range(2):
            client.messages.create(**MESSAGE)
            seen.append(task.cost_nano)
            yield b"."


async def _by_a_thread_each(steps: Iterator[bytes]) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(3):
        await loop.run_in_executor(None, partial(next, steps, None))


async def _by_a_server(steps: Iterator[bytes]) -> None:
    from starlette.responses import StreamingResponse

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(_: Any) -> None:
        """The client takes it."""

    await StreamingResponse(steps)({"type": "http", "method": "GET"}, receive, send)


async def _ended_elsewhere(steps: Iterator[bytes]) -> None:
    for _ in range(2):
        contextvars.Context().run(next, steps)
    contextvars.Context().run(steps.close)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("address", "drive"),
    [
        ("github.com/jaseci-labs/jac/pull/6604 (a context that each thread has of its own)", _by_a_thread_each),
        ("github.com/langfuse/langfuse/issues/3961 (lost after the first piece)", _by_a_server),
        ("github.com/gyrinx-app/gyrinx/issues/1204 (an exception where it ended)", _ended_elsewhere),
    ],
    ids=_named,
)  # fmt: skip
def test_a_task_holds_what_its_generator_asks_wherever_it_is_driven_from(
    address: str, drive: Callable[[Any], Any], guard: BudgetGuard, server: WireServer
) -> None:
    client, seen = guard.wrap(apps.claude(server)), list[int]()
    asyncio.run(drive(_asked(client, guard, seen)))
    client.messages.create(**MESSAGE)
    assert [event.task for event in apps.booked()] == ["page", "page", "messages"], address
    assert seen == [COST, 2 * COST]


def test_a_response_that_an_async_generator_streams_keeps_its_task(
    guard: BudgetGuard, server: WireServer
) -> None:
    """Reported elsewhere: github.com/newrelic/newrelic-python-agent/pull/1720 (sync and async generators),
    github.com/Arize-ai/phoenix/pull/11362 (an error where one is finalised)."""
    client, problems = guard.wrap(apps.claude_async(server)), list[Any]()

    async def asked() -> AsyncIterator[bytes]:
        with guard.task("page") as task:
            for _ in range(3):
                await client.messages.create(**MESSAGE)
                yield task.cost_usd.encode()

    async def app() -> list[bytes]:
        asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem))
        steps = asked()
        taken = [await asyncio.create_task(anext(steps)) for _ in range(2)]
        await asyncio.create_task(steps.aclose())  # type: ignore[attr-defined]
        return taken

    assert asyncio.run(app()) == [b"0.00125", b"0.0025"]
    assert problems == []
    assert [event.task for event in apps.booked()] == ["page", "page"]


LONG = "You are careful. " * 2500
MARK = {"type": "ephemeral"}
TOOL = {"name": "a", "description": "d" * 9000, "input_schema": {"type": "object"}}


def _said(*texts: str, marked: int = 0) -> list[Any]:
    blocks: list[Any] = [{"type": "text", "text": text} for text in texts]
    return [{**block, "cache_control": MARK} if n < marked else block for n, block in enumerate(blocks)]


def _refusals(value: Any) -> list[str]:
    """What Anthropic refuses of the marks in a request."""
    found, marks = list[str](), 0
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if "cache_control" in one:
                marks += 1
                found += ["an empty block"] if one.get("type") == "text" and not one["text"].strip() else []
                found += ["a deferred tool"] if one.get("defer_loading") else []
            todo += one.values()
        elif isinstance(one, list):
            todo += one
    return found + (["more than four"] if marks > 4 else []) + [f"{marks} marks"]


@pytest.mark.parametrize(
    ("address", "asked", "marks"),
    [
        ("github.com/router-for-me/CLIProxyAPI/issues/1372 (a fifth mark beside the app's own)",
         {"system": _said(LONG, "b", "c", marked=3), "messages": [{"role": "user", "content": _said("hi", marked=1)}]},
         4),
        ("github.com/BerriAI/litellm/pull/33886 (the app's marks on tools were not counted)",
         {"system": LONG, "tools": [{**TOOL, "name": f"t{n}", "cache_control": MARK} for n in range(4)]}, 4),
        ("github.com/BerriAI/litellm/pull/30480 (a mark in the app's messages)",
         {"system": _said(LONG), "messages": [{"role": "user", "content": _said("a", "b", marked=2)}]}, 2),
        ("github.com/vercel/eve/issues/2753 (a mark on an empty block)", {"system": _said(LONG, "")}, 1),
        ("github.com/omnara-ai/omnara/pull/443 (an empty system prompt)", {"system": "", "tools": [TOOL] * 3}, 1),
        ("github.com/NousResearch/hermes-agent/pull/1216 (an answer without a text before a tool)",
         {"system": LONG, "messages": [*HI, {"role": "assistant", "content": _said("", "x")}, *HI]}, 1),
    ],
    ids=_named,
)  # fmt: skip
def test_a_mark_of_ours_never_makes_a_request_one_that_is_refused(
    address: str, asked: dict[str, Any], marks: int, root: Path, server: WireServer
) -> None:
    client = BudgetGuard("jseeker", cache=False).wrap(apps.claude(server))
    server.script(*[Say(input=12_000, output=10)] * 2)
    for _ in range(2):
        client.messages.create(**{"model": "claude-sonnet-4-6", "max_tokens": 50, "messages": HI, **asked})
    assert _refusals(server.requests[-1].body) == [f"{marks} marks"], address
    own = json.dumps(asked).count("cache_control")
    assert [json.dumps(request.body).count("cache_control") for request in server.requests] == [own, marks]
    assert [event.cost_nano for event in apps.booked()] == [12_000 * 3000 + 10 * 15_000] * 2


def _chat(**more: Any) -> Callable[[Any], Any]:
    return lambda c: c.chat.completions.create(
        **{"model": "gpt-4o", "messages": HI, "max_tokens": 90, "temperature": 0, **more}
    )


def _response(**more: Any) -> Callable[[Any], Any]:
    return lambda c: c.responses.create(
        **{
            "model": "gpt-4o",
            "input": "hi",
            "temperature": 0,
            "store": False,
            "max_output_tokens": 90,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("address", "first", "second", "paid"),
    [
        ("github.com/BerriAI/litellm/issues/42400 (num_ctx was not in the key)", _chat(extra_body={"num_ctx": 2048}),
         _chat(extra_body={"num_ctx": 8192}), 2),
        ("github.com/majiayu000/litellm-rs/issues/505 (nor five fields that change the answer)",
         _chat(parallel_tool_calls=True), _chat(parallel_tool_calls=False), 2),
        ("github.com/NadirRouter/NadirClaw/issues/90 (nor the form of the answer)", _chat(),
         _chat(response_format={"type": "json_object"}), 2),
        ("github.com/BerriAI/litellm/pull/25673 (nor what the Responses API takes)", _response(),
         _response(instructions="Be brief."), 2),
        ("github.com/nightscout/nocturne/pull/321 (nor the tenant that a gateway's header names)",
         _chat(extra_headers={"x-forwarded-host": "a.example"}),
         _chat(extra_headers={"x-forwarded-host": "b.example"}), 2),
        ("github.com/Archomeda/Gw2Sharp/issues/1 (nor the key)", _chat(),
         lambda c: _chat()(c.with_options(api_key="another-key")), 2),
        ("github.com/BerriAI/litellm/issues/40128 (but the order in which it was written)", _chat(seed=1, user="u"),
         _chat(user="u", seed=1), 1),
    ],
    ids=_named,
)  # fmt: skip
def test_a_kept_answer_stands_in_for_the_same_question_of_the_same_asker_alone(
    address: str, first: Any, second: Any, paid: int, root: Path, server: WireServer
) -> None:
    client = BudgetGuard("jseeker", cache=True).wrap(apps.gpt(server))
    for _ in range(2):
        first(client)
        second(client)
    assert len(server.requests) == paid, address
    costs = sorted(event.cost_nano for event in apps.booked())
    assert costs == [0] * (4 - paid) + [1000 * 2500 + 50 * 10_000] * paid
