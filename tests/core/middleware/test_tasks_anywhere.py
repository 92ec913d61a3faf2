"""Tasks hold, with their caps, wherever a generator is driven from, and leave without a word wherever they end.

Members that were reported elsewhere: github.com/openai/openai-agents-python/issues/634 (a streaming response) and 538
(a stream in a task of its own), github.com/getsentry/sentry-python/pull/4928 (an async generator that is thrown away),
github.com/unclecode/crawl4ai/pull/1922, github.com/jaseci-labs/jac/issues/6015 (driven by a thread pool),
github.com/stanfordnlp/dspy/issues/8797 (generators that are merged).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import types
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from support import apps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from support.wire_server import WireServer

MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
COST = 1000 * 1000 + 50 * 5000


def _in_its_own_context(step: Callable[[], Any]) -> Any:
    return contextvars.copy_context().run(step)


def _in_a_thread(step: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(step).result()


@pytest.mark.parametrize("drive", [_in_its_own_context, _in_a_thread])
@pytest.mark.parametrize("wrapped", [False, True], ids=["with", "contextmanager"])
def test_a_generator_keeps_its_task_and_cap_from_step_to_step(
    drive: Callable[[Callable[[], Any]], Any], wrapped: bool, guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.claude(server))

    @contextlib.contextmanager
    def work() -> Iterator[Any]:
        with guard.task("chat", cap_usd="0.0031") as task:
            yield task

    def answers() -> Iterator[str]:
        with work() if wrapped else guard.task("chat", cap_usd="0.0031") as task:
            for _ in range(3):
                client.messages.create(**MESSAGE)
                yield task.cost_usd

    steps = answers()
    assert [drive(lambda: next(steps)) for _ in range(2)] == ["0.00125", "0.0025"]
    with pytest.raises(BudgetExceededError, match="chat"):
        drive(lambda: next(steps))
    assert [event.task for event in apps.booked()] == ["chat", "chat"]


def test_a_streaming_response_of_a_web_server_keeps_its_task(guard: BudgetGuard, server: WireServer) -> None:
    from starlette.concurrency import iterate_in_threadpool

    client = guard.wrap(apps.claude(server))

    def answers() -> Iterator[str]:
        with guard.task("page") as task:
            for _ in range(3):
                client.messages.create(**MESSAGE)
                yield str(task.calls)

    async def served() -> list[str]:
        return [text async for text in iterate_in_threadpool(answers())]

    assert asyncio.run(served()) == ["1", "2", "3"]
    assert {event.task for event in apps.booked()} == {"page"}


def test_an_async_generator_that_is_thrown_away_raises_nowhere(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.claude_async(server))
    told: list[Any] = []

    async def answers() -> AsyncIterator[Any]:
        with guard.task("left"):
            while True:
                yield await client.messages.create(**MESSAGE)

    async def first() -> Any:
        async for answer in answers():
            return answer
        return None

    async def app() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, problem: told.append(problem))
        await asyncio.create_task(first())
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(app())
    assert told == []
    assert [event.task for event in apps.booked()] == ["left"]


def test_two_generators_that_take_turns_keep_their_own_tasks(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))

    def answers(name: str) -> Iterator[None]:
        with guard.task(name):
            while True:
                client.messages.create(**MESSAGE)
                yield

    turns = [answers("a"), answers("b")]
    for number in (0, 1, 0, 1):
        next(turns[number])
    assert [event.task for event in apps.booked()] == ["a", "b", "a", "b"]


def test_a_task_may_be_left_in_another_context_or_out_of_order_and_is_over_then(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.claude(server))
    elsewhere = guard.task("elsewhere")
    _in_its_own_context(elsewhere.__enter__)
    elsewhere.__exit__(None, None, None)
    first, second = guard.task("first"), guard.task("second")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    client.messages.create(**MESSAGE)
    second.__exit__(None, None, None)
    client.messages.create(**MESSAGE)
    assert [event.task for event in apps.booked()] == ["second", "messages"]
    assert (first.cost_nano, second.cost_nano) == (COST, COST), "the second began within the first"


def test_who_goes_on_while_a_generator_sleeps_is_not_in_its_task(
    guard: BudgetGuard, server: WireServer
) -> None:
    """Reported elsewhere: github.com/python/cpython/issues/74511 (what a generator sets is seen by who drives it)."""
    client = guard.wrap(apps.claude(server))

    def answers() -> Iterator[None]:
        with guard.task("within"):
            yield
            client.messages.create(**MESSAGE)
            yield

    steps = answers()
    next(steps)
    client.messages.create(**MESSAGE)
    with guard.task("beside") as beside:
        client.messages.create(**MESSAGE)
    next(steps)
    client.messages.create(**MESSAGE)
    assert [event.task for event in apps.booked()] == ["messages", "beside", "within", "messages"]
    assert list(beside.chain()) == [beside]


def test_a_task_that_is_over_is_never_found_again_by_another_frame(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.claude(server))
    kept = []

    def answers() -> Iterator[None]:
        with guard.task("over") as task:
            kept.append(task)
            yield

    with guard.task("outer"):
        steps = [answers() for _ in range(500)]
        for _ in range(2):
            for one in steps:
                next(one, None)
        del steps, one
        with guard.task("plain"):
            _through_frames_of_every_size(lambda: client.messages.create(**MESSAGE))
    assert [event.task for event in apps.booked()] == ["plain"]


def _through_frames_of_every_size(work: Callable[[], Any]) -> None:
    """Frames that lie where those of generators lay."""

    def through(inner: Callable[[], Any]) -> Any:
        return inner()

    for size in range(2, 40):
        sized = types.FunctionType(through.__code__.replace(co_stacksize=size), globals())
        work = functools.partial(sized, work)
    work()
