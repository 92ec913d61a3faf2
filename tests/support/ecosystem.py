"""An ecosystem's folder with the owner's two files, in the same shape as real ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMITS = {"quick_fix": 50_000, "feature_dev": 200_000, "architecture": 500_000}
FAMILIES = {"quick_fix": ["haiku", "sonnet"], "feature_dev": ["sonnet", "opus"], "architecture": ["opus"]}


def token_budget(modules: Mapping[str, float], limits: Mapping[str, int] = LIMITS) -> dict[str, Any]:
    """`token_budget.json`: modules with their monthly cap in USD, and the limit of each session type."""
    return {
        "$schema": "gaia-token-budget-v1",
        "updated": "2026-02-09",
        "defaults": {
            "model_routing": {
                "cheap_tasks": "haiku",
                "quality_tasks": "sonnet",
                "architecture_tasks": "opus",
            },
            "session_budgets": {
                kind: {"max_tokens": limit, "models": FAMILIES[kind]} for kind, limit in limits.items()
            },
        },
        "per_module": {
            name: {
                "provider": "anthropic",
                "models": ["haiku", "sonnet", "opus"],
                "monthly_budget_usd": cap,
                "alert_threshold_pct": 80,
            }
            for name, cap in modules.items()
        },
        "pricing_snapshot": {
            "anthropic": {
                "haiku": {"input_per_1m": 0.80, "output_per_1m": 4.00, "cache_read_per_1m": 0.08},
                "sonnet": {"input_per_1m": 3.00, "output_per_1m": 15.00, "cache_read_per_1m": 0.30},
            }
        },
    }


def registry(roots: Mapping[str, Path | str]) -> dict[str, Any]:
    """`registry.json`: modules with their folders."""
    return {
        "$schema": "gaia-registry-v1",
        "updated": "2026-02-09",
        "projects": {
            name: {"name": name.upper(), "path": str(root), "status": "active", "git": True}
            for name, root in roots.items()
        },
    }


def make(folder: Path, roots: Mapping[str, Path | str], limits: Mapping[str, int] = LIMITS) -> Path:
    """Write both files for these modules, each with a cap of 10 USD; returns the folder (`GAIA_ROOT`)."""
    folder.mkdir(parents=True, exist_ok=True)
    budget = token_budget(dict.fromkeys(roots, 10.0), limits)
    (folder / "token_budget.json").write_text(json.dumps(budget, indent=2), "utf-8")
    (folder / "registry.json").write_text(json.dumps(registry(roots), indent=2), "utf-8")
    return folder
