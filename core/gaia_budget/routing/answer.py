"""The answer to `which model`: what `recommend --json` and the MCP server show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.routing.candidates import UNPRICED, Model
from gaia_hooks.facts.prices.money import usd
from gaia_hooks.facts.prices.pricing import FEMTO_PER_NANO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.routing.learning import Evidence
    from gaia_budget.routing.levers import Lever

PER_MILLION = 10**6
RATES = (
    "input_per_1m",
    "output_per_1m",
    "cache_read_per_1m",
    "cache_write_5m_per_1m",
    "cache_write_1h_per_1m",
)


class Recommendation(NamedTuple):
    """The answer. Money in nano-dollars; `document()` is its JSON with the keys of `recommend --json`.

    `size` is the call that costs are estimated for: the tier's typical tokens (routing.toml) or the caller's context.
    """

    task: str | None
    task_tier: str
    confidence: float
    model: Model
    stay: bool
    how: str
    reason: str
    alternatives: list[Model]
    escalate_to: Model | None
    break_even_turns: float | None
    evidence: list[Evidence]
    warnings: list[str]
    size: Mapping[str, int]
    levers: list[Lever] = []  # noqa: RUF012 (a tuple's default, never changed)

    def document(self) -> dict[str, Any]:
        """The answer as JSON; money as exact decimal strings in USD."""
        chosen = self.model
        return {
            "task": self.task,
            "model": chosen.model,
            "alias": chosen.alias,
            "provider": chosen.provider,
            "tier": chosen.tier,
            "task_tier": self.task_tier,
            "confidence": self.confidence,
            "successor": chosen.sold_as if chosen.sold_as != chosen.model else None,
            "stay": self.stay,
            "how": self.how,
            "reason": self.reason,
            "price": price_document(chosen, self.size["input_tokens"]),
            "estimated_cost_usd": _cost(chosen),
            "estimated_for": dict(self.size),
            "alternatives": [
                {
                    "model": one.model,
                    "alias": one.alias,
                    "provider": one.provider,
                    "tier": one.tier,
                    "estimated_cost_usd": _cost(one),
                }
                for one in self.alternatives
            ],
            "escalate_to": self.escalate_to.model if self.escalate_to else None,
            "break_even_turns": self.break_even_turns,
            "evidence": [str(one) for one in self.evidence],
            "levers": [one.document() for one in self.levers],
            "warnings": self.warnings,
        }


def _cost(model: Model) -> str | None:
    return None if model.nano == UNPRICED else usd(model.nano)


def price_document(model: Model, prompt_tokens: int) -> dict[str, Any] | None:
    """A model's rates in USD per million tokens for a prompt of that size; None when it is unpriced.

    `above_prompt_tokens` is where these rates begin.
    """
    if model.rates is None:
        return None
    per_nano = (model.rates[3] if len(model.rates) > 3 else {}).get("per_nano", FEMTO_PER_NANO)
    tier = [one for one in model.rates[1] if prompt_tokens > one[0]][-1]
    shown = {
        name: None if rate is None else usd(rate * PER_MILLION // per_nano)
        for name, rate in zip(RATES, tier[1:6], strict=True)
    }
    begins = {"above_prompt_tokens": tier[0]} if tier[0] > 0 else {}
    return {"model": model.sold_as, **shown, **begins, "price_source": model.source}
