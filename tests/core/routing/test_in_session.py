"""Inside a session a recommendation knows the session, and never names what its hook would object to."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.prices.families import model_of
from gaia_budget.reports import recommendation
from gaia_hooks.session import state, state_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.routing.answer import Recommendation

NAME = "running-session"


class Conversation:
    """A session of a module as its hooks stored it, with the newest response of its transcript."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home, self._transcript = home / "gaia-budget", folder / f"{NAME}.jsonl"
        (self._home / "sessions").mkdir(parents=True)

    def at(self, kind: str, module: str, model: str, context: int, **more: Any) -> None:
        usage = {"input_tokens": 10, "cache_read_input_tokens": context - 110, "output_tokens": 100}
        row = {
            "type": "assistant",
            "sessionId": NAME,
            "timestamp": "2026-11-24T12:00:00.000Z",
            "message": {"id": "m", "model": model, "usage": usage},
        }
        self._transcript.write_text("torn\n" + json.dumps(row) + '\n{"type": "user"}\n', "utf-8")
        mine = state.State(NAME)
        mine.type, mine.chosen_by, mine.module = kind, "command", module
        mine.transcript = str(self._transcript)
        mine.threads[state.MAIN] = state.ThreadState(str(self._transcript))
        for name, value in more.items():
            setattr(mine, name, value)
        state_file.save(str(self._home), mine)


@pytest.fixture
def conversation(
    home: Path, ecosystem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Conversation:
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", NAME)
    return Conversation(home, tmp_path)


def ask(task: str, **given: Any) -> Recommendation:
    return recommendation.recommend(task, with_outcomes=False, **given)


def of(family: str) -> str:
    return model_of(family) or ""


@pytest.mark.parametrize(
    "task", ["system design", "resume adaptation", "classification", "plan the new engine"]
)
@pytest.mark.parametrize("running", ["haiku", "sonnet", "opus", "fable"])
def test_a_quick_fix_names_nothing_that_its_hook_objects_to(
    task: str, running: str, conversation: Conversation
) -> None:
    for module in ("jseeker", "raven", "hart_os", "mycel", "nowhere"):
        conversation.at("quick_fix", module, of(running), 150_000)
        found = ask(task)
        named = [found.model, *found.alternatives, *([found.escalate_to] if found.escalate_to else [])]
        assert {one.alias for one in named} <= {"haiku", "sonnet"}, module
        assert "opus" not in str([one.how for one in found.levers])


def test_a_quick_fix_begins_with_haiku_for_named_tasks_too(conversation: Conversation) -> None:
    conversation.at("quick_fix", "jseeker", of("haiku"), 10_000)
    found = ask("resume adaptation")
    assert found.model.alias == "haiku" and found.stay
    assert found.escalate_to is not None and found.escalate_to.alias == "sonnet"


def test_architecture_in_a_module_without_a_model_for_it_is_answered_in_a_session(
    conversation: Conversation,
) -> None:
    conversation.at("feature_dev", "jseeker", of("sonnet"), 20_000)
    found = ask("system design")
    assert found.model.alias == "sonnet"
    assert [one for one in found.warnings if "per_module.jseeker.models has no model for it" in one]


def test_a_long_conversation_on_opus_stays_and_sends_subagents_elsewhere(conversation: Conversation) -> None:
    conversation.at("feature_dev", "jseeker", of("opus"), 150_000)
    found = ask("resume adaptation")
    assert found.stay and found.model.alias == "opus" and found.how == "change nothing"
    assert found.size["input_tokens"] == 150_000
    assert [one.how for one in found.levers if one.name == "subagents"] == [
        'Agent call: model "sonnet"; for all of them: CLAUDE_CODE_SUBAGENT_MODEL=sonnet'
    ]


def test_a_cache_that_has_expired_is_no_reason_to_stay(conversation: Conversation) -> None:
    conversation.at("feature_dev", "raven", of("opus"), 150_000, shown={"as_of": 1})
    warm = ask("resume adaptation")
    expired = {"as_of": 1, "cache_expires_at": 1_795_600_000_000_000}
    conversation.at("feature_dev", "raven", of("opus"), 150_000, shown=expired)
    cold = ask("resume adaptation")
    assert warm.stay and not cold.stay
    assert cold.model.alias == "sonnet"


def test_what_is_said_in_the_question_goes_before_the_session(conversation: Conversation) -> None:
    conversation.at("quick_fix", "jseeker", of("haiku"), 10_000)
    assert ask("system design", session_type="architecture", module="raven").model.alias == "opus"
    assert ask("scoring", module="hart_os").model.model == "gpt-4o-mini"
    assert ask("scoring", provider="openai").model.provider == "openai"


def test_a_module_of_another_makers_models_is_developed_with_claude(conversation: Conversation) -> None:
    conversation.at("feature_dev", "hart_os", of("sonnet"), 10_000)
    found = ask("implement pagination")
    assert found.model.alias == "sonnet"
    assert [one for one in found.warnings if "for its own calls, not for Claude Code" in one]
    assert ask("scoring", module="hart_os").model.model == "gpt-4o-mini"


def test_a_running_model_that_nobody_knows_is_no_error(conversation: Conversation) -> None:
    conversation.at("feature_dev", "jseeker", "claude-tomorrow-9", 10_000)
    assert ask("resume adaptation").model.alias == "sonnet"


def test_plan_mode_and_effort_are_named_where_they_are_cheaper(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation.at("feature_dev", "raven", of("opus"), 10_000)
    assert "/model opusplan" in [one.how.split(",")[0] for one in ask("system design").levers]
    monkeypatch.setenv("ANTHROPIC_DEFAULT_HAIKU_MODEL", of("opus"))
    levers = {one.name: one for one in ask("classification").levers}
    assert levers["effort"].how == "/effort low" and levers["effort"].nano is None
    assert levers["small model"].how == "unset ANTHROPIC_DEFAULT_HAIKU_MODEL"


def test_outside_a_session_batch_and_flex_are_named_with_their_price(
    ask: Callable[..., Recommendation],
) -> None:
    told = ask("scoring", provider="openai").document()
    found = {one["lever"]: one for one in told["levers"]}
    assert Decimal(found["batch"]["estimated_cost_usd"]) * 2 == Decimal(told["estimated_cost_usd"]) > 0
    assert "flex" not in found
    newer = {one.name: one for one in ask("scoring", provider="openai", context_tokens=200_000).levers}
    assert newer["flex"].how == 'service_tier="flex"'


def test_a_session_that_no_hook_has_seen_is_asked_for_like_any_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "unseen")
    assert ask("classification").model.alias == "haiku"
