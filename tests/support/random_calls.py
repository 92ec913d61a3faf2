"""Makes random calls (`random_plans`) of all SDKs: in threads, in generators however driven, in an event loop.

As a program (`URL MODULE SEED START COUNT`) it makes the calls of a server, until it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gaia_budget import BudgetGuard
from support import apps
from support.random_plans import LIMIT, Plan, plans_of
from support.wire_server import PLAN_HEADER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

THREADS, LOOPED = 4, 8
"""Calls at once: of threads, and of an event loop beside them."""
PATIENCE = {"timeout": 600}
"""Of the SDKs: a busy machine must not use up the tries that a plan needs for its refusals."""


class Clients:
    """The clients of one guard."""

    def __init__(self, guard: BudgetGuard, server: Any) -> None:
        self.claude, self.gpt, self.claude_async, self.gpt_async = (
            guard.wrap(make(server, **PATIENCE))
            for make in (apps.claude, apps.gpt, apps.claude_async, apps.gpt_async)
        )
        self.gemini = guard.wrap(apps.gemini(server))

    def call(self, plan: Plan) -> None:
        """Make the call, and read of its answer what the plan says."""
        if plan.form.endswith("_batch"):
            getattr(self, f"_{plan.form}")(plan)
            return
        streams = plan.form.endswith("_stream")
        if plan.form.startswith("claude"):
            made = self.claude.messages.create(**asked(plan))
        elif plan.form.startswith("chat"):
            made = self.gpt.chat.completions.create(**asked(plan))
        elif plan.form.startswith("responses"):
            made = self.gpt.responses.create(**asked(plan))
        else:
            models = self.gemini.models
            generate = models.generate_content_stream if streams else models.generate_content
            made = generate(**asked(plan))
        if streams:
            _read(made, plan)

    def _claude_batch(self, plan: Plan) -> None:
        batches = self.claude.with_options(default_headers={PLAN_HEADER: plan.name}).messages.batches
        params = {
            "model": plan.model,
            "max_tokens": LIMIT,
            "messages": [{"role": "user", "content": plan.prompt}],
        }
        made = batches.create(requests=[{"custom_id": str(one), "params": params} for one in range(4)])
        assert list(batches.results(made.id))

    def _openai_batch(self, plan: Plan) -> None:
        client = self.gpt.with_options(default_headers={PLAN_HEADER: plan.name})
        made = client.batches.create(
            input_file_id="f", endpoint="/v1/chat/completions", completion_window="24h"
        )
        over = client.batches.retrieve(made.id)
        assert client.files.content(over.output_file_id).text

    def _gemini_batch(self, plan: Plan) -> None:
        config = {"http_options": {"headers": {PLAN_HEADER: plan.name}}}
        asked = {"contents": [{"role": "user", "parts": [{"text": plan.prompt}]}],
                 "config": {"max_output_tokens": LIMIT}}  # fmt: skip
        made = self.gemini.batches.create(model=plan.model, src=[asked] * 4, config=config)
        for _ in range(2):
            self.gemini.batches.get(name=made.name, config=config)

    async def call_async(self, plan: Plan) -> None:
        """The same from an event loop."""
        if plan.form.startswith("gemini"):
            await self.gemini.aio.models.generate_content(**asked(plan))
            return
        claude = plan.form.startswith("claude")
        create = self.claude_async.messages.create if claude else self.gpt_async.chat.completions.create
        made = await create(**asked(plan))
        if not plan.form.endswith("_stream"):
            return
        words = 0
        async for event in made:
            words += _words_of(event)
            if plan.leaves_after and words >= plan.leaves_after:
                await made.close()
                break


def asked(plan: Plan) -> dict[str, Any]:
    """What the app gives to its SDK."""
    streams = plan.form.endswith("_stream")
    if plan.form.startswith("gemini"):
        config = {"max_output_tokens": LIMIT, "http_options": {"headers": {PLAN_HEADER: plan.name}}}
        return {"model": plan.model, "contents": plan.prompt, "config": config}
    common = {"model": plan.model, "stream": streams, "extra_headers": {PLAN_HEADER: plan.name}, **plan.shape}
    if plan.form.startswith("responses"):
        return {**common, "max_output_tokens": LIMIT, "input": plan.prompt}
    return {**common, "max_tokens": LIMIT, "messages": [{"role": "user", "content": plan.prompt}]}


def _words_of(event: Any) -> int:
    """How many words an event carries."""
    if hasattr(event, "choices"):
        return sum(bool(choice.delta.content) for choice in event.choices)
    if hasattr(event, "candidates"):
        return 1
    if getattr(event, "type", "") == "content_block_delta":
        return 1
    return len(event.delta.split()) if getattr(event, "type", "") == "response.output_text.delta" else 0


def _read(stream: Any, plan: Plan) -> None:
    words = 0
    for event in stream:
        words += _words_of(event)
        if plan.leaves_after and words >= plan.leaves_after:
            break
    if plan.leaves_after and hasattr(stream, "close"):
        stream.close()


def _steps(guard: BudgetGuard, plan: Plan, work: Callable[[Plan], None]) -> Iterator[None]:
    """A generator around a call, as a web server drives it: entered, called and left at steps of their own."""
    with guard.task(plan.name), contextlib.suppress(Exception):
        yield
        work(plan)
        yield


def _run(guard: BudgetGuard, clients: Clients, plan: Plan, hop: ThreadPoolExecutor) -> None:
    if plan.way == "plain":
        with guard.task(plan.name), contextlib.suppress(Exception):
            clients.call(plan)
        return
    steps = _steps(guard, plan, clients.call)
    for _ in range(2 if plan.way == "abandoned" else 3):
        if plan.way == "hopping":
            hop.submit(next, steps, None).result()
        else:
            next(steps, None)


async def _async_steps(guard: BudgetGuard, plan: Plan, clients: Clients) -> AsyncIterator[None]:
    with guard.task(plan.name), contextlib.suppress(Exception):
        await clients.call_async(plan)
        yield


def make(guard: BudgetGuard, server: Any, plans: list[Plan]) -> None:
    """Make the calls of a server's plans: in threads, and those of an event loop at the same time."""
    clients = Clients(guard, server)

    async def one(plan: Plan) -> None:
        if plan.way == "abandoned":
            async for _ in _async_steps(guard, plan, clients):
                break
            return
        with guard.task(plan.name), contextlib.suppress(Exception):
            await clients.call_async(plan)

    async def all_of(wanted: list[Plan]) -> None:
        async with clients.claude_async, clients.gpt_async:
            for start in range(0, len(wanted), LOOPED):
                await asyncio.gather(*(one(plan) for plan in wanted[start : start + LOOPED]))
        await clients.gemini.aio.aclose()

    loops = [plan for plan in plans if "_async" in plan.form]
    with ThreadPoolExecutor(THREADS) as pool, ThreadPoolExecutor(THREADS) as hop:
        running = [
            pool.submit(_run, guard, clients, plan, hop) for plan in plans if "_async" not in plan.form
        ]
        asyncio.run(all_of(loops))
        for future in running:
            future.result()


def main() -> None:
    """Make the calls, in a process that may be killed."""
    url, module, seed, start, count = sys.argv[1:]
    guard = BudgetGuard(module, cache=False, prompt_caching=False)
    make(guard, SimpleNamespace(url=url), plans_of(seed, int(start), int(count)))


if __name__ == "__main__":
    main()
