"""Random calls of all SDKs, with a bill that is reckoned apart from our code: booked is billed, and no cap is passed.

`GAIA_TEST_CALLS` (with `GAIA_TEST_SEED`) sets how many; the full proof is 200,000. In this world a word is a token, so
the bill of a stream that broke off is known: its prompt, and the words that had been sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from support import apps
from support.wire_server import PLAN_HEADER, Say, WireServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CALLS = int(os.environ.get("GAIA_TEST_CALLS", "80"))
SEED = int(os.environ.get("GAIA_TEST_SEED", "1"))
ROUND = 1_000
"""Calls of one guard, after which its books are compared."""
PRICES = {
    "claude-haiku-4-5": (1000, 5000, 100, 1250),
    "claude-sonnet-4-6": (3000, 15_000, 300, 3750),
    "gpt-4o-mini": (150, 600, 75, 0),
    "gpt-4o": (2500, 10_000, 1250, 0),
    "gemini-2.0-flash": (100, 400, 25, 0),
}
"""Nano-dollars of a token: fresh, written by the model, read from the cache, written to it."""
MARGIN, FRAME = 4, 200
"""What an estimate may be above the truth: so many times, and so many tokens of the request's frame."""
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
}


def _planned(number: int, dice: random.Random) -> Plan:
    form = dice.choice(list(FORMS))
    model = dice.choice(FORMS[form])
    words, output = dice.randint(1, 300), dice.randint(1, LIMIT)
    read, written = dice.choice((0, 0, dice.randint(1, 500))), 0
    if "claude" in form:
        written = dice.choice((0, 0, dice.randint(1, 500)))
    rates = PRICES[model]
    full = words * rates[0] + output * rates[1] + read * rates[2] + written * rates[3]
    said = Say(text=" ".join(["word"] * output), input=words, output=output, read=read, write=written)
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

    def __init__(self, guard: BudgetGuard, server: WireServer) -> None:
        self.claude, self.gpt = guard.wrap(apps.claude(server)), guard.wrap(apps.gpt(server))
        self.claude_async, self.gpt_async = (
            guard.wrap(apps.claude_async(server)),
            guard.wrap(apps.gpt_async(server)),
        )
        self.gemini = guard.wrap(apps.gemini(server))

    def call(self, plan: Plan) -> None:
        """Make the call, and read of its answer what the plan says."""
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


def _make(guard: BudgetGuard, server: WireServer, plans: list[Plan]) -> None:
    """Make the calls: in threads, and those of an event loop at the same time."""
    server.plans = {plan.name: list(plan.says) for plan in plans}
    clients = Clients(guard, server)

    async def one(plan: Plan) -> None:
        with guard.task(plan.name), contextlib.suppress(Exception):
            await clients.call_async(plan)

    async def all_of(wanted: list[Plan]) -> None:
        for start in range(0, len(wanted), 8):
            await asyncio.gather(*(one(plan) for plan in wanted[start : start + 8]))

    loops = [plan for plan in plans if plan.form.endswith("_async")]
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(_run, guard, clients, plan) for plan in plans if not plan.form.endswith("_async")
        ]
        asyncio.run(all_of(loops))
        for future in asked:
            future.result()


def _booked(module: str, wanted: int) -> dict[str, tuple[int, bool]]:
    """What is booked for each call, and whether it is an estimate; waits for what is booked in the background."""
    deadline = time.monotonic() + 60
    while True:
        gc.collect()
        found: dict[str, tuple[int, bool]] = defaultdict(lambda: (0, False))
        for event in apps.booked(module):
            nano, estimated = found[event.task]
            found[event.task] = (
                nano + event.cost_nano,
                estimated or event.price_source in ("estimate", "reserve"),
            )
        if len(found) >= wanted or time.monotonic() > deadline:
            return found


@pytest.mark.parametrize("start", range(0, CALLS, ROUND))
def test_what_is_booked_is_what_is_billed(start: int, root: Path, server: WireServer) -> None:
    module, dice = f"round-{start}", random.Random(f"{SEED}-{start}")
    apps.set_caps(root, {module: 10_000.0})
    plans = [_planned(number, dice) for number in range(start, min(CALLS, start + ROUND))]
    guard = BudgetGuard(module, cache=False, prompt_caching=False)
    _make(guard, server, plans)
    booked = _booked(module, len(plans))
    wrong = []
    for plan in plans:
        nano, estimated = booked[plan.name]
        fresh, written = PRICES[plan.model][:2]
        most = (
            plan.truth * MARGIN
            + FRAME * (fresh + written)
            + LIMIT * written * plan.form.startswith("responses")
        )
        right = nano == plan.truth if plan.exact else plan.truth * 95 <= nano * 100 and nano <= most
        if not right or (plan.exact and estimated):
            wrong.append((plan.form, plan.model, plan.words, plan.leaves_after, nano, plan.truth, plan.exact))
    assert not wrong, f"{len(wrong)} of {len(plans)}: {wrong[:10]}"
    assert apps.month(module).reserved_nano == 0


def test_no_cap_is_passed_however_many_call_at_once(root: Path, server: WireServer) -> None:
    dice, cap = random.Random(SEED), 0.01
    apps.set_caps(root, {"via": cap})
    guard = BudgetGuard("via", cache=False)
    clients = Clients(guard, server)
    plans = [_planned(number, dice) for number in range(max(40, CALLS // 10))]
    plans = [plan for plan in plans if plan.form in ("chat", "chat_stream", "claude", "gemini")]
    server.plans = {plan.name: list(plan.says) for plan in plans}
    refused = []

    def one(plan: Plan) -> None:
        with guard.task(plan.name):
            try:
                clients.call(plan)
            except BudgetExceededError:
                refused.append(plan)
            except Exception as error:
                assert "400" in str(error) or plan.says, error

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, plans * 3))
    gc.collect()
    assert refused
    assert apps.month("via").spent_nano() <= cap * 10**9
