"""The owner's `defaults.model_routing` and module lists are obeyed in their order, and contradictions are said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.routing.answer import Recommendation

    Ask = Callable[..., Recommendation]


def owner_says(root: Path, **model_routing: Any) -> None:
    file = root / "token_budget.json"
    document = json.loads(file.read_text("utf-8"))
    document["defaults"]["model_routing"].update(model_routing)
    file.write_text(json.dumps(document), "utf-8")


def user_writes(home: Path, text: str) -> None:
    folder = home / "gaia-budget"
    folder.mkdir(exist_ok=True)
    (folder / "routing.toml").write_text(text, "utf-8")


def test_what_the_owner_asks_for_a_tier_is_the_answer(ecosystem: Path, ask: Ask) -> None:
    assert ask("resume adaptation").model.alias == "sonnet"
    owner_says(ecosystem, quality_tasks="opus")
    found = ask("resume adaptation")
    assert found.model.alias == "opus" and "token_budget.json sends it to" in found.reason
    owner_says(ecosystem, quality_tasks="haiku")
    assert ask("resume adaptation").model.alias == "haiku"
    assert ask("classification").model.alias == "haiku"


def test_a_modules_list_goes_before_the_owners_word_for_all(ecosystem: Path, ask: Ask) -> None:
    owner_says(ecosystem, quality_tasks="opus")
    found = ask("resume adaptation", module="jseeker")
    assert found.model.alias == "sonnet"
    assert [one for one in found.warnings if "which module jseeker leaves out" in one]
    assert ask("resume adaptation", module="raven").model.alias == "opus"


def test_families_say_nothing_about_another_makers_models(ecosystem: Path, ask: Ask) -> None:
    owner_says(ecosystem, quality_tasks="opus")
    found = ask("complex analysis", module="hart_os")
    assert found.model.model == "gpt-4o"
    assert not [one for one in found.warnings if "leaves out" in one]


def test_a_session_type_goes_before_the_owners_word(ecosystem: Path, ask: Ask) -> None:
    owner_says(ecosystem, cheap_tasks="opus", quality_tasks="opus")
    assert ask("classification", session_type="quick_fix").model.alias == "haiku"
    assert ask("resume adaptation", session_type="quick_fix").model.alias == "haiku"


def test_the_owner_may_name_tasks_and_tiers(ecosystem: Path, home: Path, ask: Ask) -> None:
    owner_says(ecosystem, cover_letter="haiku", drafting_tasks=["sonnet", "opus"])
    named = ask("Cover Letter")
    assert (named.task, named.model.alias, named.confidence) == ("cover_letter", "haiku", 1.0)
    user_writes(home, '[tasks.memo]\ntier = "drafting"\n')
    memo = ask("memo")
    assert (memo.task_tier, memo.model.alias) == ("drafting", "sonnet")


def test_a_tier_of_the_users_own_has_a_level_and_models(home: Path, ask: Ask) -> None:
    user_writes(home, '[tiers.drafting]\nlevel = "cheap"\n[providers.anthropic]\ndrafting = ["sonnet"]\n'
                      '[tasks.memo]\ntier = "drafting"\n')  # fmt: skip
    assert ask("memo").model.alias == "sonnet"
    assert ask("memo", module="hart_os").model.model == "gpt-4o-mini"


def test_what_both_files_say_is_said_once_and_the_users_holds(ecosystem: Path, home: Path, ask: Ask) -> None:
    owner_says(ecosystem, quality_tasks="haiku")
    user_writes(home, '[providers.anthropic]\nquality = ["opus"]\n')
    found = ask("resume adaptation")
    assert found.model.alias == "opus"
    [said] = [one for one in found.warnings if "which holds" in one]
    assert "model_routing.quality_tasks" in said and "routing.toml says opus" in said
    assert not [one for one in ask("classification").warnings if "which holds" in one]


def test_a_list_of_the_users_leaves_other_models_where_they_stood(home: Path, ask: Ask) -> None:
    user_writes(home, '[providers.openai]\ncheap = ["gpt-6-luna"]\nquality = ["gpt-6.1-terra"]\n')
    assert ask("scoring", module="hart_os").model.model == "gpt-4o-mini"
    assert ask("therapeutic language", module="hart_os").model.model == "gpt-4o"
    assert ask("scoring", provider="openai").model.model == "gpt-6-luna"


def test_models_that_no_table_has_stand_as_the_module_lists_them(ecosystem: Path, ask: Ask) -> None:
    file = ecosystem / "token_budget.json"
    document = json.loads(file.read_text("utf-8"))
    document["per_module"]["jseeker"]["models"] = ["our-small", "our-large"]
    document["per_module"]["jseeker"]["provider"] = "openai"
    file.write_text(json.dumps(document), "utf-8")
    assert ask("classification", module="jseeker").model.model == "our-small"
    large = ask("resume adaptation", module="jseeker")
    assert large.model.model == "our-large"
    assert [one for one in large.warnings if "taken to stand as they stand in its list" in one]


def test_a_session_type_of_the_owners_own_is_taken(ecosystem: Path, ask: Ask) -> None:
    file = ecosystem / "token_budget.json"
    document = json.loads(file.read_text("utf-8"))
    document["defaults"]["session_budgets"]["spike"] = {"max_tokens": 90_000, "models": ["haiku", "sonnet"]}
    file.write_text(json.dumps(document), "utf-8")
    assert ask("resume adaptation", session_type="spike").model.alias == "sonnet"
    assert ask("system design", session_type="spike").model.alias == "sonnet"


@pytest.mark.parametrize(
    "task", ["cover_letter", "bullet_adapt_batch", "recruiter_search", "Outreach-Variant", "x_y"]
)
def test_a_name_that_no_table_has_is_answered(task: str, ask: Ask) -> None:
    found = ask(task, module="jseeker")
    assert found.task is None and found.model.alias in ("haiku", "sonnet")
