"""Which model to use for a task: the cheapest viable one, why, what it costs, and where to go when it fails."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import NotFoundError
from gaia_budget.routing import candidates, learning, levers, table, wishes
from gaia_budget.routing.answer import Recommendation
from gaia_budget.routing.asking import understand
from gaia_budget.routing.candidates import Catalog, Model
from gaia_budget.routing.viable import Viable
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gaia_budget.prices.table import PriceTable
    from gaia_budget.routing.asking import Request
    from gaia_budget.routing.policy import Policies
    from gaia_budget.routing.tiers import Routing


def recommend(
    request: Request,
    *,
    policies: Policies,
    outcomes: Iterable[learning.TaskVerdict] = (),
    routing: Routing | None = None,
    prices: PriceTable | None = None,
    at: datetime | None = None,
) -> Recommendation:
    """The cheapest viable model for a task. Nothing of the task's text is kept.

    What is obeyed before what stands in `gaia_budget.routing.viable`.

    `outcomes` are what was recorded for this task (see `understand` for its name). Raises InputError for an
    empty text, NotFoundError for an unknown provider, session type or model, ConfigError where no allowed
    model does the work.
    """
    from gaia_budget.prices.table import load

    wished = wishes.obeyed(routing or table.load(), policies.model_routing, policies.source)
    return _Answer(request, policies, wished, prices or load(), at).give(list(outcomes))


class _Answer:
    """One recommendation in the making."""

    def __init__(
        self,
        request: Request,
        policies: Policies,
        wished: wishes.Wishes,
        prices: PriceTable,
        at: datetime | None,
    ) -> None:
        self.request, self.routing, routing = request, wished.routing, wished.routing
        self.asked = understand(request.task, routing)
        self.level = routing.level(self.asked.tier)
        self.now = at or datetime.now(UTC)
        self.warnings: list[str] = list(policies.notices)
        self.size = dict(routing.typical[self.level])
        if request.context_tokens is not None:
            self.size["input_tokens"] = request.context_tokens
        self.catalog = Catalog(routing, prices, self.now.date(), self.now.timestamp(), self.size)
        self.viable = Viable(
            request,
            self.asked,
            self.size,
            policies=policies,
            wishes=wished,
            catalog=self.catalog,
            warnings=self.warnings,
        )
        self.module = self.viable.module

    def give(self, outcomes: list[learning.TaskVerdict]) -> Recommendation:
        """Choose, then look at what is running, at the month, and at what comes."""
        allowed = self.viable.models()
        default, said_by = self.viable.default(allowed)
        now = int(self.now.timestamp() * 1_000_000)
        known = [learning.Candidate(one.model, one.rank, one.nano) for one in _distinct(allowed)]
        learnt = learning.choose(known, default.model, outcomes, now, self.routing.learning)
        chosen = next(one for one in allowed if one.model == learnt.model)
        reason = self._reason(chosen, default, said_by)
        chosen, reason = self._within_month(chosen, allowed, reason)
        if learnt.worth_a_try and learnt.worth_a_try != chosen.model:
            self.warnings.append(
                f"{chosen.model} has sufficed often in a row: try {learnt.worth_a_try} once, and record the outcome"
            )
        chosen, stay, turns, reason = self._running(chosen, reason)
        self._coming(chosen)
        stronger = [one for one in allowed if one.rank > chosen.rank and one.model != chosen.model]
        return Recommendation(
            self.asked.task.name if self.asked.task else None,
            self.asked.tier,
            self.asked.confidence,
            chosen,
            stay,
            self._how(chosen, stay),
            reason,
            sorted(
                (one for one in _distinct(allowed) if one.model != chosen.model), key=lambda one: one.nano
            ),
            min(stronger, key=lambda one: (one.rank, one.nano), default=None),
            turns,
            learnt.evidence,
            list(dict.fromkeys(self.warnings)),
            self.size,
            levers.of(chosen, self.level, stay, allowed, self.catalog, self.request),
        )

    def _reason(self, chosen: Model, default: Model, said_by: str) -> str:
        asked = self.asked
        why = asked.why
        where = f" allowed for {self.module.name}" if self.module and self.module.models else ""
        if chosen.model != default.model:
            return f"{why}; recorded outcomes speak for {chosen.model} instead of {default.model}"
        if said_by:
            return f"{why}: {said_by} sends it to {chosen.model}"
        if not chosen.reaches(self.level):
            return f"{why}; a {self.request.session_type} session starts with the cheapest model, and goes up on need"
        return f"{why}: {chosen.model} is the cheapest model{where} at or above that tier"

    def _within_month(self, chosen: Model, allowed: list[Model], reason: str) -> tuple[Model, str]:
        module = self.module
        if module is None or module.percent is None or module.percent < module.alert_percent:
            return chosen, reason
        spent = f"{module.name} has spent {module.percent:.2f} % of its month"
        if module.percent < 100 or module.on_exceeded != "downgrade":
            refused = module.percent >= 100 and module.on_exceeded == "block"
            self.warnings.append(spent + ("; its calls are refused until the month ends" if refused else ""))
            return chosen, reason
        cheaper = min(allowed, key=lambda one: (one.nano, one.rank))
        if cheaper.nano >= chosen.nano:
            self.warnings.append(f"{spent}, and no allowed model is cheaper than {chosen.model}")
            return chosen, reason
        self.warnings.append(f"{spent}: {cheaper.model} instead of {chosen.model}")
        return cheaper, f"{reason}; downgraded to {cheaper.model} because {spent}"

    def _running(self, chosen: Model, reason: str) -> tuple[Model, bool, float | None, str]:
        """What a change would mean for a conversation that already runs on another model."""
        if not self.request.current_model:
            return chosen, False, None, reason
        running = self.catalog.find(self.request.current_model)
        if running is None:
            if self.request.in_session:  # what runs is not ours to refuse
                return chosen, False, None, f"{reason}; nothing is known of {self.request.current_model}"
            raise NotFoundError(
                "model", self.request.current_model, [one.listed for one in self.viable.of_provider()]
            )
        if running.model == chosen.model:
            return chosen, True, None, f"{reason}; the conversation runs on it already"
        if self.viable.objected(running):
            kind = self.request.session_type
            return chosen, False, None, f"{reason}; {running.model} is not meant for {kind} sessions"
        if running.rank < chosen.rank:
            return chosen, False, None, f"{reason}; {running.model} is below that tier"
        if self.request.billing == "plan" and self.request.plan_has_room:
            return running, True, None, f"a plan pays no tokens and has room: stay on {running.model}"
        context = self.request.context_tokens or 0
        found = switch(
            running.rates,
            chosen.rates,
            context,
            self.routing.conversation,
            cache_cold=self.request.cache_cold,
        )
        ahead = self.routing.conversation["turns_left"]
        if found.unknown:
            self.warnings.append("a price is missing: what a change of model costs is not known")
            return chosen, False, None, reason
        if found.turns is not None and found.turns <= ahead:
            return chosen, False, found.turns, f"{reason}; the change pays back after {found.turns:g} turns"
        after = "never pays back" if found.turns is None else f"pays back after {found.turns:g} turns only"
        return (
            running,
            True,
            found.turns,
            f"stay on {running.model}: writing the conversation into the cache of {chosen.model} costs "
            f"${usd(found.extra_nano)} and {after}; new sessions and subagents should use {chosen.model}",
        )

    def _coming(self, chosen: Model) -> None:
        entry = self.routing.retired.get(chosen.model)
        if chosen.sold_as != chosen.model and entry:
            self.warnings.append(
                f"{chosen.model} was retired on {entry.since} ({entry.source}): use {chosen.sold_as}, "
                "whose price this is"
            )
        elif entry:
            self.warnings.append(f"{chosen.model} will be retired on {entry.since}; then: {entry.successor}")
        merged = entry and self.catalog.merging(chosen)
        if entry and merged:
            self.warnings.append(
                f"{entry.successor} takes the place of {', '.join(merged)} as well: these tiers become one"
            )
        if chosen.nano == candidates.UNPRICED:
            self.warnings.append(f"no price is known for {chosen.sold_as}: it is unpriced, not free")
        task = self.asked.task
        if task and task.cap_usd is not None and chosen.nano != candidates.UNPRICED:
            self.warnings.append(f"a {task.name} run should not cost more than ${task.cap_usd}")

    def _how(self, chosen: Model, stay: bool) -> str:
        if stay:
            return "change nothing"
        if chosen.alias:
            return f'Agent call: model "{chosen.alias}"; human: /model {chosen.alias}; API: model "{chosen.sold_as}"'
        return f'API: model "{chosen.sold_as}"'


def _distinct(models: list[Model]) -> list[Model]:
    return list({one.model: one for one in models}.values())


class Switch(NamedTuple):
    """What it costs to change the model of a running conversation (nano-dollars), and when the change pays back.

    Another model has none of the conversation in its prompt cache: its first turn writes all of it anew. Each
    later turn saves the difference. With C the context in tokens and a turn of new input and output tokens,

        break-even turns = (first turn of the new model - a later turn of it) / (turn of the old - turn of the new)

    Where the cache has expired, the old model's first turn writes everything anew as well, and that much is not lost.
    `turns` is None where it never pays back, `unknown` where a price is missing.
    """

    extra_nano: int
    turns: float | None
    unknown: bool = False


def switch(
    old: list[Any] | None,
    new: list[Any] | None,
    context_tokens: int,
    conversation: Mapping[str, int],
    *,
    cache_cold: bool = False,
) -> Switch:
    """Compare price rows (`gaia_hooks.facts.prices.pricing`) over a conversation of so many tokens."""
    new_input, output = conversation["new_input_tokens"], conversation["output_tokens"]
    warm = (0, output, context_tokens, new_input, 0, 0, 0)
    cold = (0, output, 0, context_tokens + new_input, 0, 0, 0)
    stays, later = pricing.cost_nano(warm, old), pricing.cost_nano(warm, new)
    begins, first = pricing.cost_nano(cold if cache_cold else warm, old), pricing.cost_nano(cold, new)
    if stays is None or later is None or first is None or begins is None:
        return Switch(0, None, unknown=True)
    extra, saved = max(0, first - later - (begins - stays)), stays - later
    return Switch(extra, math.ceil(extra / saved * 10) / 10 if saved > 0 else None)
