"""Every task of the owner's document goes to the model the document names; the rest follows its rules."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.errors import ConfigError, InputError, NotFoundError
from gaia_budget.routing import policy, table
from gaia_budget.routing.learning import TaskVerdict
from support.routing_day import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.routing.answer import Recommendation

    Ask = Callable[..., Recommendation]

ANTHROPIC = {
    "JD parsing": "haiku",
    "bullet extraction": "haiku",
    "classification": "haiku",
    "resume adaptation": "sonnet",
    "ATS scoring": "sonnet",
    "outreach drafts": "sonnet",
    "architecture planning": "opus",
    "system design": "opus",
}
OPENAI = {
    "scoring": "gpt-4o-mini",
    "classification": "gpt-4o-mini",
    "therapeutic language": "gpt-4o",
    "complex analysis": "gpt-4o",
}
GEMINI = {
    "RAG retrieval": "gemini-2.0-flash",
    "claim extraction": "gemini-2.0-flash",
    "investment synthesis": "gemini-2.0-pro",
    "complex analysis": "gemini-2.0-pro",
}
MICRO = int(NOW.timestamp() * 1_000_000)


@pytest.mark.parametrize(("task", "family"), ANTHROPIC.items())
def test_anthropic_tasks_go_where_the_document_says(task: str, family: str, ask: Ask) -> None:
    assert ask(task).model.alias == family
    assert ask(task, provider="anthropic").model.alias == family
    assert ask(task.lower().replace(" ", "_")).model.alias == family


@pytest.mark.parametrize(("task", "model"), OPENAI.items())
def test_openai_tasks_go_where_the_document_says(task: str, model: str, ask: Ask) -> None:
    assert ask(task, provider="openai").model.model == model
    assert ask(task, module="hart_os").model.model == model


@pytest.mark.parametrize(("task", "model"), GEMINI.items())
def test_gemini_tasks_name_the_documents_model_and_its_successor(task: str, model: str, ask: Ask) -> None:
    for found in (ask(task, provider="gemini"), ask(task, module="via"), ask(task, provider="google")):
        assert found.model.model == model
        assert found.model.sold_as == {"gemini-2.0-flash": "gemini-3.1-flash-lite"}.get(
            model, "gemini-3.8-flash"
        )
        assert any("was retired" in warning and found.model.sold_as in warning for warning in found.warnings)
        assert f'"{found.model.sold_as}"' in found.how


def test_jd_parse_of_jseeker_is_haiku_with_alternatives_by_price(ask: Ask) -> None:
    found = ask("jd_parse", module="jseeker")
    assert (found.model.alias, found.task, found.confidence) == ("haiku", "jd_parse", 1.0)
    costs = [one.nano for one in ask("jd_parse").alternatives]
    assert costs == sorted(costs) and len(costs) == 3
    assert found.escalate_to is not None and found.escalate_to.alias == "sonnet"


@pytest.mark.parametrize("task", [*ANTHROPIC, "quick_scan", "deep_audit", "fix the flaky test"])
def test_raven_gets_only_its_own_models(task: str, ask: Ask) -> None:
    assert ask(task, module="raven").model.alias in ("sonnet", "opus")


def test_a_module_without_a_model_for_the_work_is_an_error_that_names_its_list(ask: Ask) -> None:
    with pytest.raises(ConfigError, match=r"per_module\.jseeker\.models: .*haiku, sonnet.*architecture"):
        ask("system design", module="jseeker")
    with pytest.raises(ConfigError, match=r"haiku, gpt-4o-mini, gemini-2\.0-flash"):
        ask("complex analysis", module="mycel")
    with pytest.raises(ConfigError, match=r"per_module\.jseeker\.models"):
        ask("classification", module="jseeker", provider="openai")


@pytest.mark.parametrize("task", [*ANTHROPIC, "design the sync protocol", "plan the rewrite of the engine"])
def test_a_quick_fix_never_gets_opus(task: str, ask: Ask) -> None:
    found = ask(task, session_type="quick_fix")
    assert found.model.alias in ("haiku", "sonnet")
    assert found.escalate_to is None or found.escalate_to.alias == "sonnet"


def test_a_quick_fix_starts_with_haiku_and_goes_up_to_sonnet(ask: Ask) -> None:
    found = ask("fix the flaky login test", session_type="quick_fix")
    assert found.model.alias == "haiku"
    assert found.escalate_to is not None and found.escalate_to.alias == "sonnet"


def test_a_feature_is_implemented_by_sonnet_and_designed_by_opus(ask: Ask) -> None:
    assert ask("implement pagination", session_type="feature_dev").model.alias == "sonnet"
    assert ask("system design", session_type="feature_dev").model.alias == "opus"
    assert ask("classification", session_type="feature_dev").model.alias == "sonnet"


def test_an_architecture_session_reasons_with_opus_and_says_that_the_file_contradicts_the_document(
    ask: Ask,
) -> None:
    assert ask("system design", session_type="architecture").model.alias == "opus"
    found = ask("implement the parser", session_type="architecture")
    assert found.model.alias == "sonnet"
    assert any("both are treated as meant" in warning for warning in found.warnings)


def test_an_unknown_module_is_named_with_the_default_that_holds(ask: Ask) -> None:
    found = ask("jd_parse", module="nosuch")
    assert found.model.alias == "haiku"
    assert any("no entry for module nosuch: the default policy holds" in one for one in found.warnings)


@pytest.mark.parametrize(
    ("task", "given", "told"),
    [
        ("", {}, "no task given"),
        (" \n\t", {}, "no task given"),
        ("x", {"provider": "mistral"}, "Valid: anthropic, gemini, openai"),
        ("x", {"session_type": "bugfix"}, "Valid: architecture, feature_dev, quick_fix"),
        ("x", {"current_model": "claude-zzz"}, "unknown model 'claude-zzz'"),
        ("jd_parse", {"context_tokens": 5_000_000}, "no allowed model reads 5,000,500 tokens"),
    ],
)
def test_wrong_questions_name_the_valid_choices(
    task: str, given: dict[str, Any], told: str, ask: Ask
) -> None:
    with pytest.raises((InputError, NotFoundError)) as caught:
        ask(task, **given)
    assert told in str(caught.value)


def test_a_hundred_kilobytes_of_text_are_answered(ask: Ask) -> None:
    assert ask("rename the variable " + "x " * 50_000).task_tier == "cheap"


def test_a_context_that_only_some_models_read_leaves_those(ask: Ask) -> None:
    found = ask("scoring", provider="openai", context_tokens=200_000)
    assert found.model.model == "gpt-6-astra"


def test_the_estimated_cost_follows_the_context_and_its_price_tier(ask: Ask) -> None:
    small, large = ask("jd_parse", context_tokens=100_000), ask("jd_parse", context_tokens=100_001)
    assert small.document()["estimated_cost_usd"] == "0.01025"
    assert large.document()["estimated_cost_usd"] == "0.0512505"


def test_a_conversation_stays_where_a_change_never_pays(ask: Ask) -> None:
    found = ask("resume adaptation", current_model="claude-opus-5-5", context_tokens=150_000)
    assert found.stay and found.model.alias == "opus" and found.how == "change nothing"
    assert found.break_even_turns is None or found.break_even_turns > 10
    assert "new sessions and subagents should use claude-sonnet-5-5" in found.reason


def test_a_change_that_pays_back_soon_is_recommended(ask: Ask) -> None:
    found = ask("classification", current_model="claude-opus-4-5", context_tokens=50_000)
    assert not found.stay and found.model.alias == "haiku"
    assert found.break_even_turns is not None and found.break_even_turns <= 10
    assert "/model haiku" in found.how and 'Agent call: model "haiku"' in found.how


def test_a_model_below_the_work_is_left_however_long_the_conversation(ask: Ask) -> None:
    found = ask("system design", current_model="haiku", context_tokens=100_000)
    assert not found.stay and found.model.alias == "opus"


def test_a_plan_with_room_stays(ask: Ask) -> None:
    given: dict[str, Any] = {"current_model": "opus", "context_tokens": 10_000, "billing": "plan"}
    assert ask("classification", plan_has_room=True, **given).model.alias == "opus"
    assert ask("classification", plan_has_room=False, **given).model.alias == "haiku"


def test_the_model_that_already_runs_is_kept(ask: Ask) -> None:
    assert ask("classification", current_model="claude-haiku-5-5[1m]", context_tokens=10).stay


def used_up(percent: float, on_exceeded: str) -> policy.Policies:
    module = policy.Module(
        "raven", "anthropic", ("sonnet", "opus"), on_exceeded, 80, int(percent * 10**8), 10**10
    )
    return policy.Policies({"raven": module}, {})


def test_a_used_up_month_downgrades_only_where_configured_and_says_why(ask: Ask) -> None:
    calm = ask("system design", module="raven", policies=used_up(79.99, "downgrade"))
    assert calm.model.alias == "opus" and not calm.warnings
    warned = ask("system design", module="raven", policies=used_up(80, "downgrade"))
    assert warned.model.alias == "opus" and "80.00 % of its month" in warned.warnings[0]
    down = ask("system design", module="raven", policies=used_up(100, "downgrade"))
    assert down.model.alias == "sonnet" and "downgraded" in down.reason and down.warnings
    refused = ask("system design", module="raven", policies=used_up(100, "block"))
    assert refused.model.alias == "opus" and "refused until the month ends" in refused.warnings[0]
    lowest = ask("quick_scan", module="raven", policies=used_up(120, "downgrade"))
    assert any("no allowed model is cheaper" in warning for warning in lowest.warnings)


def test_outcomes_move_a_recommendation_and_are_shown(ask: Ask) -> None:
    failed = [TaskVerdict(MICRO - n, "claude-haiku-5-5", False) for n in range(8)]
    found = ask("jd_parse", outcomes=failed)
    assert found.model.alias == "sonnet"
    assert found.document()["evidence"] == [
        "claude-haiku-5-5: 0 of 8 recorded answers sufficed, 39% expected"
    ]
    assert ask("jd_parse").model.alias == "haiku"


def test_a_fresh_snapshot_and_the_files_give_the_same_answer(ecosystem: Path) -> None:
    from gaia_budget import settings, snapshot

    by_files = policy.load()
    snapshot.write(settings.load())
    past = NOW.timestamp() - 10**6
    os.utime(ecosystem / "token_budget.json", (past, past))
    by_snapshot = policy.load()
    assert by_snapshot.modules == by_files.modules
    assert by_snapshot.sessions == by_files.sessions
    changed = json.loads((ecosystem / "token_budget.json").read_text("utf-8"))
    changed["per_module"]["jseeker"]["models"] = ["opus"]
    (ecosystem / "token_budget.json").write_text(json.dumps(changed), encoding="utf-8")
    future = NOW.timestamp() + 10**9
    os.utime(ecosystem / "token_budget.json", (future, future))
    assert policy.load().modules["jseeker"].models == ("opus",)


def test_every_task_of_the_table_resolves_by_each_of_its_names(ask: Ask) -> None:
    for task in table.load().tasks.values():
        assert {ask(name).task for name in (task.name, *task.also)} == {task.name}
