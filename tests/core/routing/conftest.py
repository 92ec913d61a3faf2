"""An ecosystem like the owner's: modules with several providers, prices and a routing table of one day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.ecosystem import token_budget
from support.routing_day import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.routing.answer import Recommendation

MODULES: dict[str, tuple[str, list[str], float]] = {
    "jseeker": ("anthropic", ["haiku", "sonnet"], 10),
    "hart_os": ("openai", ["gpt-4o-mini", "gpt-4o"], 15),
    "via": ("gemini", ["gemini-2.0-flash", "gemini-2.0-pro"], 20),
    "mycel": ("multi", ["haiku", "gpt-4o-mini", "gemini-2.0-flash"], 5),
    "raven": ("anthropic", ["sonnet", "opus"], 10),
}


def document() -> dict[str, Any]:
    """A `token_budget.json` in the owner's shape, with his modules."""
    made = token_budget({})
    made["per_module"] = {
        name: {"provider": provider, "models": models, "monthly_budget_usd": cap, "alert_threshold_pct": 80}
        for name, (provider, models, cap) in MODULES.items()
    }
    made["pricing_snapshot"]["anthropic"]["opus"] = {
        "input_per_1m": 15.0,
        "output_per_1m": 75.0,
        "cache_read_per_1m": 1.5,
    }
    made["pricing_snapshot"]["openai"] = {"gpt-4o-mini": {"input_per_1m": 0.15, "output_per_1m": 0.6}}
    made["pricing_snapshot"]["gemini"] = {
        "gemini-2.0-flash": {"input_per_1m": 0.075, "output_per_1m": 0.3},
        "gemini-2.0-pro": {"input_per_1m": 1.25, "output_per_1m": 5.0},
    }
    return made


@pytest.fixture
def ecosystem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GAIA_ROOT with that file; returns the folder."""
    (tmp_path / "token_budget.json").write_text(json.dumps(document()), encoding="utf-8")
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def ask(ecosystem: Path) -> Callable[..., Recommendation]:
    """Ask for a recommendation on that day; keywords as in `asking.Request`, and `outcomes`, `policies`."""
    from gaia_budget.routing import advice, asking, policy

    def asked(task: str, **given: Any) -> Recommendation:
        outcomes, policies = given.pop("outcomes", ()), given.pop("policies", None) or policy.load()
        return advice.recommend(asking.Request(task, **given), policies=policies, outcomes=outcomes, at=NOW)

    return asked
