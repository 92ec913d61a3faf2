"""What else makes the same work cheaper than another model does: batch, flex, subagents, plan mode, effort.

Only what is cheaper at the same tier is named, with what it costs and how it is set. Names of settings are those of
code.claude.com/docs/en/model-config and of the providers' own SDKs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.routing import candidates
from gaia_budget.routing.candidates import UNPRICED
from gaia_budget.routing.tiers import TIERS
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from gaia_budget.routing.asking import Request
    from gaia_budget.routing.candidates import Catalog, Model

BATCH = {
    "anthropic": "client.messages.batches.create(...)",
    "openai": "client.batches.create(...)",
    "gemini": "client.batches.create(...)",
}
SUBAGENTS, SIDE_CALLS = "CLAUDE_CODE_SUBAGENT_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL"
CLIENT_SETTINGS = (
    SUBAGENTS,
    SIDE_CALLS,
    "ANTHROPIC_SMALL_FAST_MODEL",
    "CLAUDE_EFFORT",
    "CLAUDE_CODE_EFFORT_LEVEL",
)
"""Variables of the client that a recommendation looks at."""
HIGH_EFFORT = ("high", "xhigh", "max")


class Lever(NamedTuple):
    """One thing to set. `nano` is what the same call costs with it (None: fewer tokens, no list says how many)."""

    name: str
    why: str
    how: str
    nano: int | None

    def document(self) -> dict[str, Any]:
        """One entry of `levers[]`."""
        cost = None if self.nano is None else usd(self.nano)
        return {"lever": self.name, "why": self.why, "how": self.how, "estimated_cost_usd": cost}


def of(
    chosen: Model, level: str, stay: bool, allowed: list[Model], catalog: Catalog, request: Request
) -> list[Lever]:
    """What is worth setting beside the chosen model; `stay`: the conversation goes on where it runs."""
    if not (request.in_session or request.current_model):
        return _waiting(chosen, catalog)
    return [
        *_subagents(chosen, level, stay, allowed, request),
        *_plan_mode(chosen, level, allowed),
        *_effort(chosen, level, request),
        *_side_calls(catalog, request),
    ]


def _waiting(chosen: Model, catalog: Catalog) -> list[Lever]:
    """Half price for what can wait."""
    found = []
    batch, flex = catalog.variant(chosen, "batch"), catalog.variant(chosen, "flex")
    if batch is not None and batch < chosen.nano and chosen.provider in BATCH:
        found.append(Lever("batch", "can wait up to a day", BATCH[chosen.provider], batch))
    if flex is not None and flex < chosen.nano:
        found.append(Lever("flex", "can wait for minutes", 'service_tier="flex"', flex))
    return found


def _subagents(chosen: Model, level: str, stay: bool, allowed: list[Model], request: Request) -> list[Lever]:
    """Subagents start with an empty cache: the cheapest model of the tier is cheaper there at once."""
    able = candidates.cheapest(allowed, level)
    aliases = {one.alias: one for one in allowed if one.alias}
    found = []
    if stay and able and able.alias and able.nano < chosen.nano:
        how = f'Agent call: model "{able.alias}"; for all of them: {SUBAGENTS}={able.alias}'
        found.append(Lever("subagents", f"they have no cache to lose on {able.model}", how, able.nano))
    configured = request.client.get(SUBAGENTS, "")
    if configured in aliases and able and able.alias and aliases[configured].nano > able.nano and not found:
        how = f"{SUBAGENTS}={able.alias}"
        found.append(Lever("subagents", f"{SUBAGENTS} is {configured}", how, able.nano))
    return found


def _plan_mode(chosen: Model, level: str, allowed: list[Model]) -> list[Lever]:
    """Design by the strongest, the rest by the next: only where the session's type has both."""
    cheaper = next((one for one in allowed if one.alias == "sonnet"), None)
    if level != TIERS[-1] or chosen.alias != "opus" or cheaper is None or not _cheaper(cheaper, chosen):
        return []
    how = "/model opusplan, then plan mode (shift+tab)"
    return [Lever("opusplan", f"{chosen.model} plans, {cheaper.model} implements", how, cheaper.nano)]


def _effort(chosen: Model, level: str, request: Request) -> list[Lever]:
    """Thinking is billed as output: cheap work on a model of a higher tier, or at high effort, needs less of it."""
    effort = request.client.get("CLAUDE_EFFORT") or request.client.get("CLAUDE_CODE_EFFORT_LEVEL") or ""
    if chosen.provider != candidates.FAMILY_PROVIDER or level != TIERS[0]:
        return []
    if chosen.reaches(TIERS[1]) or effort in HIGH_EFFORT:
        return [Lever("effort", "less thinking, which is billed as output", "/effort low", None)]
    return []


def _side_calls(catalog: Catalog, request: Request) -> list[Lever]:
    """Titles and summaries that the client makes by itself run on its small model, where nobody set a dear one."""
    for name in (SIDE_CALLS, "ANTHROPIC_SMALL_FAST_MODEL"):
        configured, small = request.client.get(name), catalog.find("haiku")
        dear = catalog.find(configured) if configured else None
        if dear and small and dear.rank > small.rank and _cheaper(small, dear):
            why = f"{name} is {configured}: titles and summaries run on it"
            return [Lever("small model", why, f"unset {name}", small.nano)]
    return []


def _cheaper(one: Model, other: Model) -> bool:
    return one.nano != UNPRICED and one.nano < other.nano
