"""The owner's two files as text, in the layout and with the oddities of hand-written ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_BUDGET = """\
{
  "$schema": "gaia-token-budget-v1",
  "updated": "2026-02-09",
  "defaults": {
    "model_routing": {"cheap_tasks": "haiku", "quality_tasks": "sonnet", "architecture_tasks": "opus"},
    "session_budgets": {
      "quick_fix": {"max_tokens": 50000, "models": ["haiku", "sonnet"]},
      "feature_dev": {"max_tokens": 200000, "models": ["sonnet", "opus"]},
      "architecture": {"max_tokens": 500000, "models": ["opus"]}
    }
  }, "per_module": {
    "studio": {
      "provider": "openai",
      "models": ["gpt-4o-mini", "gpt-4o"],
      "monthly_budget_usd": 12.50,
      "alert_threshold_pct": 80
    },
    "library": {
      "provider": "multi",
      "models": ["haiku", "gpt-4o-mini", "gemini-2.0-flash"],
      "monthly_budget_usd": 5.00,
      "alert_threshold_pct": 80
    }
  },
  "pricing_snapshot": {
    "anthropic": {
      "haiku": {"input_per_1m": 0.80, "output_per_1m": 4.00, "cache_read_per_1m": 0.08},
      "opus": {"input_per_1m": 15.00, "output_per_1m": 75.00, "cache_read_per_1m": 1.50}
    },
    "openai": {"gpt-4o": {"input_per_1m": 2.50, "output_per_1m": 10.00}}
  }
}
"""

REGISTRY = """\
{
  "$schema": "gaia-registry-v1",
  "updated": "2026-02-09",
  "projects": {
    "studio": {"name": "STUDIO", "path": "X:/Eco/Studio", "port": null, "providers": ["openai"]},
    "core": {"name": "The Core", "path": "X:\\\\Eco\\\\_Core", "providers": []},
    "library": {"name": "LIBRARY", "gaia_role": "Shared", "path": "x:/eco/_core/_lib/", "providers": []},
    "forge": {"name": "FORGE", "path": "X:/Eco/Old tools/forge v1.1", "tags": ["old"]},
    "near": {"name": "Near", "path": "modules/near"}
  }
}
"""


def write(root: Path) -> None:
    """Write both files into a folder."""
    (root / "token_budget.json").write_text(TOKEN_BUDGET, encoding="utf-8")
    (root / "registry.json").write_text(REGISTRY, encoding="utf-8")
