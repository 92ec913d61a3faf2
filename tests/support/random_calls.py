"""Random calls of all SDKs, batches among them, each with what it truly costs, reckoned apart from our code.

In this world a word is a token, so the bill of a stream that broke off is known: its prompt, and the words that had
been sent. As a program (`URL MODULE SEED START COUNT`) it makes the calls of a server, until it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import BudgetGuard
from support import apps
from support.wire_server import PLAN_HEADER, Say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRICES = {
    "claude-haiku-4-5": (1000, 5000, 100, 1250),
    "claude-sonnet-4-6": (3000, 15_000, 300, 3750),
    "gpt-4o-mini": (150, 600, 75, 0),
    "gpt-4o": (2500, 10_000, 1250, 0),
    "gemini-2.0-flash": (100, 400, 25, 0),
}
"""Nano-dollars of a token: fresh, written by the model, read from the cache, written to it."""
THREADS, LOOPED = 4, 8
"""Calls at once: of threads, and of an event loop beside them."""
LIMIT = 400  # output tokens that each call allows
AT_ONCE = {"retry-after": "0", "retry-after-ms": "0"}


class Plan(NamedTuple):
    """One call: how it is made, what the server does, and what it truly costs. `exact`: a usage was sent."""

    number: int
    form: str
    model: str
    words: int
    says: list[Say]
    truth: int
    exact: bool
    leaves_after: int = 0

    @property
    def name(self) -> str:
        """Its task, and the name of its plan."""
        return f"call_{self.number}"

    @property
    def prompt(self) -> str:
        """So many words."""
        return "word " * self.words


FORMS = {
    "claude": ("claude-haiku-4-5", "claude-sonnet-4-6"),
    "claude_stream": ("claude-haiku-4-5", "claude-sonnet-4-6"),
    "claude_async": ("claude-haiku-4-5",),
    "chat": ("gpt-4o-mini", "gpt-4o"),
    "chat_stream": ("gpt-4o-mini", "gpt-4o"),
    "chat_async": ("gpt-4o-mini",),
    "responses": ("gpt-4o",),
    "responses_stream": ("gpt-4o",),
    "gemini": ("gemini-2.0-flash",),
    "gemini_stream": ("gemini-2.0-flash",),
    "claude_batch": ("claude-haiku-4-5",),
}


def planned(number: int, dice: random.Random) -> Plan:
    form = dice.choice(list(FORMS))
    model = dice.choice(FORMS[form])
    words, output = dice.randint(1, 300), dice.randint(1, LIMIT)
    read, written = dice.choice((0, 0, dice.randint(1, 500))), 0
    if "claude" in form:
        written = dice.choice((0, 0, dice.randint(1, 500)))
    rates = PRICES[model]
    full = words * rates[0] + output * rates[1] + read * rates[2] + written * rates[3]
    said = Say(text=" ".join(["word"] * output), input=words, output=output, read=read, write=written)
    if form == "claude_batch":
        return _batch(number, model, words, output, dice.randint(1, 4))
    refused = Say(status=dice.choice((429, 500, 529)), headers=AT_ONCE)
    fate = dice.choice(("fine", "fine", "fine", "retried", "refused", "cut", "left", "unsaid"))
    plan = Plan(number, form, model, words, [said], full, True)
    if fate == "retried" and "gemini" not in form:
        return plan._replace(says=[refused] * dice.randint(1, 2) + [said])
    if fate == "refused":
        return plan._replace(says=[Say(status=400)], truth=0)
    if fate == "unsaid" and "claude" not in form:
        said.usage, said.read = False, 0
        return plan._replace(truth=words * rates[0] + output * rates[1], exact=False)
    if fate in ("cut", "left") and form.endswith("_stream"):
        said.read = said.write = 0
        return _broken(plan, said, fate, dice)
    return plan


def _batch(number: int, model: str, words: int, output: int, answers: int) -> Plan:
    """A batch that is handed in, looked at and read: at half the price, all of it."""
    name = f"msgbatch_{number}"
    document = {
        "id": name, "type": "message_batch", "processing_status": "ended", "created_at": "2026-11-01T00:00:00Z",
        "expires_at": "2026-11-02T00:00:00Z", "results_url": f"/v1/messages/batches/{name}/results",
        "request_counts": {"processing": 0, "succeeded": answers, "errored": 0, "canceled": 0, "expired": 0},
    }  # fmt: skip
    usage = {"input_tokens": words, "output_tokens": output, "service_tier": "batch"}
    message = {
        "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn", "stop_sequence": None,
        "content": [{"type": "text", "text": "word"}], "usage": usage,
    }  # fmt: skip
    lines = [
        {
            "custom_id": str(one),
            "result": {"type": "succeeded", "message": {**message, "id": f"msg_{name}_{one}"}},
        }
        for one in range(answers)
    ]
    says = [
        Say(document=document),
        Say(document=document),
        Say(raw="".join(json.dumps(one) + "\n" for one in lines)),
    ]
    fresh, written = PRICES[model][:2]
    return Plan(
        number, "claude_batch", model, words, says, answers * (words * fresh + output * written) // 2, True
    )


def _broken(plan: Plan, said: Say, fate: str, dice: random.Random) -> Plan:
    """A stream whose words do not all arrive. Where the server tells figures as it goes, they are part of the truth."""
    rates, output = PRICES[plan.model], said.output
    if fate == "cut":
        said.cut = True
        events = {"claude_stream": output + 5, "chat_stream": output + 2, "gemini_stream": output}.get(
            plan.form, 5
        )
        sent = max(0, min(output, events // 2 + 1 - (2 if plan.form == "claude_stream" else 0)))
        if plan.form == "responses_stream":
            sent = 0
    else:
        sent = dice.randint(1, max(1, output - 3))
    truth = plan.words * rates[0] + sent * rates[1]
    if fate == "left":
        return plan._replace(truth=truth, exact=False, leaves_after=sent)
    return plan._replace(truth=truth, exact=False)


class Clients:
    """The clients of one guard."""

    def __init__(self, guard: BudgetGuard, server: Any) -> None:
        self.claude, self.gpt = guard.wrap(apps.claude(server)), guard.wrap(apps.gpt(server))
        self.claude_async, self.gpt_async = (
            guard.wrap(apps.claude_async(server)),
            guard.wrap(apps.gpt_async(server)),
        )
        self.gemini = guard.wrap(apps.gemini(server))

    def call_batch(self, plan: Plan) -> None:
        """Hand a batch in, and read what came of it."""
        batches = self.claude.with_options(default_headers={PLAN_HEADER: plan.name}).messages.batches
        params = {
            "model": plan.model,
            "max_tokens": LIMIT,
            "messages": [{"role": "user", "content": plan.prompt}],
        }
        made = batches.create(requests=[{"custom_id": str(one), "params": params} for one in range(4)])
        assert list(batches.results(made.id))

    def call(self, plan: Plan) -> None:
        """Make the call, and read of its answer what the plan says."""
        if plan.form == "claude_batch":
            self.call_batch(plan)
            return
        asked: dict[str, Any] = {"model": plan.model, "extra_headers": {PLAN_HEADER: plan.name}}
        messages = [{"role": "user", "content": plan.prompt}]
        streams = plan.form.endswith("_stream")
        if plan.form.startswith("claude"):
            made = self.claude.messages.create(**asked, max_tokens=LIMIT, messages=messages, stream=streams)
        elif plan.form.startswith("chat"):
            made = self.gpt.chat.completions.create(
                **asked, max_tokens=LIMIT, messages=messages, stream=streams
            )
        elif plan.form.startswith("responses"):
            made = self.gpt.responses.create(
                **asked, max_output_tokens=LIMIT, input=plan.prompt, stream=streams
            )
        else:
            config = {"max_output_tokens": LIMIT, "http_options": {"headers": {PLAN_HEADER: plan.name}}}
            models = self.gemini.models
            generate = models.generate_content_stream if streams else models.generate_content
            made = generate(model=plan.model, contents=plan.prompt, config=config)
        if streams:
            _read(made, plan)

    async def call_async(self, plan: Plan) -> None:
        """The same from an event loop."""
        asked: dict[str, Any] = {
            "model": plan.model,
            "extra_headers": {PLAN_HEADER: plan.name},
            "max_tokens": LIMIT,
        }
        messages = [{"role": "user", "content": plan.prompt}]
        if plan.form == "claude_async":
            await self.claude_async.messages.create(**asked, messages=messages)
        else:
            await self.gpt_async.chat.completions.create(**asked, messages=messages)


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


def _step(work: Callable[[], None]) -> Iterator[None]:
    """A generator around a call, as a web server drives it."""
    work()
    yield


def _run(guard: BudgetGuard, clients: Clients, plan: Plan) -> None:
    def work() -> None:
        with guard.task(plan.name), contextlib.suppress(Exception):
            clients.call(plan)

    for _ in _step(work):
        pass


def make(guard: BudgetGuard, server: Any, plans: list[Plan]) -> None:
    """Make the calls of a server's plans: in threads, and those of an event loop at the same time."""
    clients = Clients(guard, server)

    async def one(plan: Plan) -> None:
        with guard.task(plan.name), contextlib.suppress(Exception):
            await clients.call_async(plan)

    async def all_of(wanted: list[Plan]) -> None:
        async with clients.claude_async, clients.gpt_async:
            for start in range(0, len(wanted), LOOPED):
                await asyncio.gather(*(one(plan) for plan in wanted[start : start + LOOPED]))

    loops = [plan for plan in plans if plan.form.endswith("_async")]
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [
            pool.submit(_run, guard, clients, plan) for plan in plans if not plan.form.endswith("_async")
        ]
        asyncio.run(all_of(loops))
        for future in asked:
            future.result()


def plans_of(seed: str, start: int, count: int) -> list[Plan]:
    """The same plans for the same seed."""
    dice = random.Random(seed)
    return [planned(number, dice) for number in range(start, start + count)]


def main() -> None:
    """Make the calls, in a process that may be killed."""
    url, module, seed, start, count = sys.argv[1:]
    guard = BudgetGuard(module, cache=False, prompt_caching=False)
    make(guard, SimpleNamespace(url=url), plans_of(seed, int(start), int(count)))


if __name__ == "__main__":
    main()
