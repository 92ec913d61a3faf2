"""Read by type checkers alone: a wrapped client is, to them, the client that it was."""

from __future__ import annotations

from typing import assert_type

import anthropic

from gaia_budget import APICost, BudgetGuard, get_session_costs, get_total_session_cost

guard = BudgetGuard("jseeker")
claude = guard.wrap(anthropic.Anthropic())
assert_type(claude, anthropic.Anthropic)
assert_type(guard.wrap(anthropic.AsyncAnthropic()), anthropic.AsyncAnthropic)
assert_type(claude.with_options(timeout=5), anthropic.Anthropic)
assert_type(
    claude.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}]),
    anthropic.types.Message,
)
assert_type(get_session_costs(), list[APICost])
assert_type(get_total_session_cost(), float)
found = guard.escalate("jd_parse", attempt=lambda model: len(model), good_enough=lambda size: size > 3)
assert_type(found.outcome, int)
with guard.task("jd_parse", cap_usd="0.50") as task:
    assert_type(task.cost_nano, int)


async def ask(model: str) -> str:
    return model


async def ask_up() -> None:
    told = await guard.escalate_async("jd_parse", attempt=ask, good_enough=lambda text: text or "it is empty")
    assert_type(told.outcome, str)
