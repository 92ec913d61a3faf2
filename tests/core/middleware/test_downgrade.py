"""With `downgrade` a module goes on beyond its month on the cheapest allowed model, until the owner's hard stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from gaia_budget.alerts.facts import Facts
from gaia_budget.ingest.run import refresh
from gaia_budget.ledger import Ledger
from gaia_budget.middleware import accounts
from gaia_budget.middleware.reserve import downgrade
from gaia_budget.middleware.wire import claude, gemini, openai
from gaia_budget.reports.asked import Asked
from gaia_budget.reports.money.refused import Refusals, refused
from gaia_budget.settings import load
from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

HI: list[Any] = [{"role": "user", "content": "hi"}]
OPUS: dict[str, Any] = {"model": "claude-opus-4-6", "max_tokens": 200, "messages": HI}


def _settings(home: Path, text: str) -> None:
    folder = home / "gaia-budget"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.toml").write_text(text, encoding="utf-8")


def test_it_goes_on_beyond_the_month_until_the_hard_stop_and_says_so(
    root: Path, home: Path, server: WireServer
) -> None:
    apps.set_caps(root, {"jseeker": 0.10}, ("haiku", "opus"))
    _settings(home, "hard_stop_pct = 120\n[modules.jseeker]\non_exceeded = 'downgrade'\n")
    guard = BudgetGuard("jseeker", cache=False, prompt_caching=False)
    client = guard.wrap(apps.claude(server))
    server.script(Say(input=19_000, output=200))
    client.messages.create(**OPUS)  # $0.10: the month is used up
    answered = []
    with pytest.raises(BudgetExceededError):
        for _ in range(60):
            server.script(Say(input=9_000, output=100))
            answered.append(client.messages.create(**OPUS, thinking={"type": "adaptive"}).model)
    assert len(answered) > 1
    assert all("haiku" in model for model in answered)
    assert all("thinking" not in request.body for request in server.requests[1:])
    assert 100_000_000 < apps.month().spent_nano() <= 120_000_000
    assert "answers instead, until $0.1200" in guard.notices[0]


def test_block_refuses_at_the_month_itself(root: Path, server: WireServer) -> None:
    apps.set_caps(root, {"jseeker": 0.10}, ("haiku", "opus"))
    client = BudgetGuard("jseeker", cache=False).wrap(apps.claude(server))
    server.script(Say(input=19_000, output=200))
    client.messages.create(**OPUS)
    with pytest.raises(BudgetExceededError):
        client.messages.create(**OPUS)
    assert len(server.requests) == 1


def test_each_call_that_did_not_go_as_asked_is_counted_once_by_the_guard_and_from_its_log(
    root: Path, home: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps.set_caps(root, {"jseeker": 0.10}, ("haiku", "opus"))
    _settings(home, "hard_stop_pct = 120\n[modules.jseeker]\non_exceeded = 'downgrade'\n")
    client = BudgetGuard("jseeker", cache=False, prompt_caching=False).wrap(apps.claude(server))
    server.script(Say(input=19_000, output=200))
    client.messages.create(**OPUS)
    with pytest.raises(BudgetExceededError):
        for _ in range(60):
            server.script(Say(input=9_000, output=100))
            client.messages.create(**OPUS)
    moved = len(server.requests) - 1
    for state in (home / "gaia-budget", home / "another"):
        monkeypatch.setenv("GAIA_BUDGET_HOME", str(state))
        with Ledger.open(settings=load()) as ledger:
            refresh(load(), ledger)
            found = refused(ledger, Asked(where={"module": "JSEEKER"}))
            assert found.lines == [Refusals("jseeker", 1, moved, moved + 2)]
            assert ledger.spend(("task",)).total.responses == moved + 1
            assert not Facts(ledger, load()).failed(0), "no provider failed"


def test_an_app_that_asks_again_and_again_fills_no_disk(
    root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "MOST_TURNED", 3)
    monkeypatch.setattr(accounts, "HOUR", 2**62)
    apps.set_caps(root, {"jseeker": 0.0001}, ("haiku", "opus"))
    client = BudgetGuard("jseeker", cache=False).wrap(apps.claude(server))
    for _ in range(5):
        with pytest.raises(BudgetExceededError):
            client.messages.create(**OPUS)
    with Ledger.open(settings=load()) as ledger:
        assert refused(ledger, Asked()).total.refused == 3


def test_a_request_to_claude_is_fitted_to_the_cheaper_model() -> None:
    thought = {"type": "thinking", "thinking": "t", "signature": "of opus"}
    use = {"type": "tool_use", "id": "t1", "name": "n", "input": {}}
    body = {
        **OPUS,
        "max_tokens": 100_000,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "max", "format": {"type": "json"}},
        "messages": [*HI, {"role": "assistant", "content": [thought, use]}],
    }
    sent = downgrade.fitted(claude.ask("/v1/messages", body), "claude-haiku-4-5").body
    assert (sent["model"], sent["max_tokens"], sent["output_config"]) == (
        "claude-haiku-4-5", 64_000, {"format": {"type": "json"}})  # fmt: skip
    assert "thinking" not in sent
    assert sent["messages"][1]["content"] == [use]
    assert body["messages"][1]["content"] == [thought, use], "the caller's own request stays as it is"


def test_requests_to_openai_and_gemini_are_fitted_too() -> None:
    asked = {"model": "gpt-5", "messages": HI, "reasoning_effort": "high", "max_completion_tokens": 100_000}
    sent = downgrade.fitted(openai.ask("/v1/chat/completions", asked), "gpt-4o-mini").body
    assert sent == {"model": "gpt-4o-mini", "messages": HI, "max_completion_tokens": 16_384}
    asked = {"model": "gpt-4o", "messages": HI, "temperature": 0.2, "max_tokens": 100}
    sent = downgrade.fitted(openai.ask("/v1/chat/completions", asked), "gpt-5-nano").body
    assert sent == {"model": "gpt-5-nano", "messages": HI, "max_completion_tokens": 100}
    parts = [{"functionCall": {"name": "n"}, "thoughtSignature": "of another"}]
    config = {"maxOutputTokens": 100_000, "thinkingConfig": {"thinkingBudget": 1}}
    asked = {"contents": [{"role": "model", "parts": parts}], "generationConfig": config}
    sent = downgrade.fitted(
        gemini.ask("/v1beta/models/gemini-3-pro:generateContent", asked), "gemini-2.0-flash"
    ).body
    assert sent["generationConfig"] == {"maxOutputTokens": 8_192}
    assert sent["contents"][0]["parts"] == [{"functionCall": {"name": "n"}}]


def test_an_apps_money_reaches_the_month_that_hooks_hold_when_it_is_booked(
    guard: BudgetGuard, server: WireServer, home: Path
) -> None:
    from gaia_hooks.facts import snapshot
    from gaia_hooks.session import months

    client = guard.wrap(apps.claude(server))
    client.messages.create(**OPUS)
    state = home / "gaia-budget"
    policy: dict[str, Any] = {
        **snapshot.DEFAULTS, "month": [0, 2**62], "billing": "plan",
        "modules": {"jseeker": {"limit_nano": 10**9, "spent_nano": 0, "total_nano": 0}}}  # fmt: skip
    assert not (state / "months").exists(), "nobody is there to read it"
    (state / "snapshot.json").write_text("{}", encoding="utf-8")
    client.messages.create(**OPUS)
    month = months.MonthFile(str(state), "jseeker", policy, 1)
    assert month.spent == month.total == apps.booked()[1].cost_nano
