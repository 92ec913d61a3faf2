"""What was reported elsewhere of whose price holds: of other hosts, of a model in place of another, of money granted.

Each row is a report's address, its symptom in a few words, and the figure that is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from gaia_budget.budgets import Budgets
from gaia_budget.ledger import Ledger
from gaia_budget.middleware.transport.streams import library_of
from gaia_budget.settings import load
from gaia_hooks.machine import clock
from support import apps
from support.events import ts
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

HI: list[Any] = [{"role": "user", "content": "hi"}]
COST = 1000 * 1000 + 50 * 5000
"""Of a call of Haiku, in nano-dollars."""
NOON = ts("2026-11-27T12:00")
"""When these prices were in force: some change with the year, DeepSeek's with the hour."""


def _named(value: object) -> str:
    return (
        value.partition(" ")[0].partition("/")[2] if isinstance(value, str) and "github.com" in value else ""
    )


def _told(prompt: int, output: int, total: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": total, **more}


def _thought(tokens: int) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": tokens}}


@pytest.mark.parametrize(
    ("address", "host", "model", "usage", "nano", "source"),
    [
        ("github.com/Wei-Shaw/sub2api/issues/5771 (2,809 tokens of thought beside the answer: $0.0162631)",
         "https://api.x.ai/v1", "grok-4.20",
         _told(10_120, 1499, 14_428, prompt_tokens_details={"cached_tokens": 128}, **_thought(2809)),
         23_285_600, "genai-prices"),
        ("github.com/promptfoo/promptfoo/pull/9507 (thought within the answer, counted twice)",
         "https://api.x.ai/v1", "grok-3-mini", _told(500, 500, 1000, **_thought(200)), 500 * 300 + 500 * 500,
         "genai-prices"),
        ("github.com/NousResearch/hermes-agent/issues/61871 (hits of DeepSeek's cache at the full price)",
         "https://api.deepseek.com", "deepseek-v4-pro",
         _told(36_100, 1200, 37_300, prompt_cache_hit_tokens=21_600, prompt_cache_miss_tokens=14_500),
         14_500 * 660 + 21_600 * 22 + 1200 * 1980, "genai-prices"),
        ("github.com/damianvtran/local-operator/pull/226 (the list's price, three times off, beside the bill told)",
         "https://openrouter.ai/api/v1", "deepseek/deepseek-v4-flash", _told(1000, 1000, 2000, cost=0.000_123),
         123_000, "provider"),
        ("github.com/tailcallhq/forgecode/issues/1641 (nothing, where the provider behind bills the user's own key)",
         "https://openrouter.ai/api/v1", "anthropic/claude-sonnet-4.5",
         _told(9171, 113, 9284, cost=0, is_byok=True, cost_details={"upstream_inference_cost": 0.036_079_5}),
         36_079_500, "provider"),
        ("github.com/2witstudios/PageSpace/pull/1561 (the share of the provider behind, added where it is within)",
         "https://openrouter.ai/api/v1", "anthropic/claude-sonnet-4.5",
         _told(9171, 113, 9284, cost=0.04, is_byok=False, cost_details={"upstream_inference_cost": 0.036_079_5}),
         40_000_000, "provider"),
        ("github.com/griffinwork40/agent-afk/pull/981 (a local model of a known name at OpenAI's price)",
         "http://localhost:11434/v1", "gpt-4o", _told(1000, 100, 1100), 0, "local"),
    ],
    ids=_named,
)  # fmt: skip
def test_a_call_has_the_price_and_the_rules_of_whoever_answers(
    address: str, host: str, model: str, usage: dict[str, Any], nano: int, source: str,
    guard: BudgetGuard, server: WireServer, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import openai

    monkeypatch.setattr(clock, "now", lambda: NOON)
    monkeypatch.setenv("GAIA_BUDGET_LOCAL_HOSTS", "localhost:11434")
    http = library_of(apps.gpt(server)._client)
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": [choice],
              "usage": usage}  # fmt: skip
    inner = http.Client(transport=http.MockTransport(lambda _: http.Response(200, json=answer)))
    client = guard.wrap(openai.OpenAI(base_url=host, api_key="none", http_client=inner, max_retries=0))
    client.chat.completions.create(model=model, messages=HI, max_tokens=5000)
    (event,) = apps.booked()
    assert (event.cost_nano, event.price_source) == (nano, source), address
    assert apps.month().spent_nano() == nano


@pytest.mark.parametrize(
    ("address", "make", "ask", "sent", "nano"),
    [
        ("github.com/NousResearch/hermes-agent/issues/70222 (the first model's limit, refused by the other)",
         apps.claude,
         lambda c: c.messages.create(model="claude-opus-4-6", max_tokens=100_000, messages=HI, timeout=60),
         {"model": "claude-haiku-4-5", "max_tokens": 64_000, "messages": HI}, COST),
        ("github.com/OpenHands/software-agent-sdk/issues/596 (204,096 tokens with the thinking, of 64,000)",
         apps.claude,
         lambda c: c.messages.create(model="claude-sonnet-4-5", max_tokens=104_096, messages=HI, timeout=60,
                                     thinking={"type": "enabled", "budget_tokens": 100_000}),
         {"model": "claude-haiku-4-5", "max_tokens": 64_000, "messages": HI}, COST),
        ("github.com/knostic/OpenAnt/pull/590 (a raised limit that the small model refuses)", apps.gpt,
         lambda c: c.chat.completions.create(model="gpt-5", max_completion_tokens=100_000, messages=HI),
         {"model": "gpt-4o-mini", "max_completion_tokens": 16_384, "messages": HI}, 1000 * 150 + 50 * 600),
    ],
    ids=_named,
)  # fmt: skip
def test_what_goes_to_a_cheaper_model_is_within_its_limits_and_at_its_price(
    address: str, make: Any, ask: Any, sent: dict[str, Any], nano: int, root: Path, server: WireServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("GAIA_BUDGET_MODULES", '{"jseeker": {"on_exceeded": "downgrade"}}')
    apps.set_caps(root, {"jseeker": 0.5}, ("claude-haiku-4-5", "gpt-4o-mini"))
    ask(BudgetGuard("jseeker", cache=False, prompt_caching=False).wrap(make(server, max_retries=0)))
    assert server.requests[0].body == sent, address
    assert [event.cost_nano for event in apps.booked()] == [nano]


@pytest.mark.parametrize(
    ("address", "granted", "calls", "used"),
    [
        ("github.com/BerriAI/litellm/issues/35247 (no effect)", 2 * COST, [("big", 100, True)], 349_000),
        ("github.com/maximhq/bifrost/pull/5747 (lifted everybody)", 2 * COST,
         [("", 100, False), ("small", 100, False), ("big", 100, True), ("", 100, False)], 349_000),
        ("github.com/maximhq/bifrost/pull/5436 (never over)", 700_000, [("big", 100, True), ("big", 100, False)],
         349_000),
        ("github.com/candelahq/candela/issues/634 (held the same small amount for every call)", 2 * COST,
         [("big", 10_000, False), ("big", 100, True), ("big", 10_000, False)], 349_000),
    ],
    ids=_named,
)  # fmt: skip
def test_an_override_lifts_one_task_until_its_end_and_draws_what_was_used(
    address: str, granted: int, calls: list[tuple[str, int, bool]], used: int, root: Path, server: WireServer
) -> None:
    apps.set_caps(root, {"jseeker": 0.000_001})
    guard = BudgetGuard("jseeker", cache=False)
    client = guard.wrap(apps.claude(server))
    with Ledger.open(settings=load()) as ledger:
        Budgets(ledger).add_override("jseeker", granted, "an audit", task="big")
    passed = []
    for task, most, _ in calls:
        server.script(Say(input=100, output=50))
        with guard.task(task or "none"):
            try:
                client.messages.create(model="claude-haiku-4-5", max_tokens=most, messages=HI)
            except BudgetExceededError:
                passed.append(False)
            else:
                passed.append(True)
    assert passed == [wanted for _, _, wanted in calls], address
    with Ledger.open(settings=load()) as ledger:
        (override,) = Budgets(ledger).overrides()
    assert override.used_nano == used, "its month paid the first 1000"
    assert apps.month().spent_nano() == sum(passed) * (100 * 1000 + 50 * 5000)
