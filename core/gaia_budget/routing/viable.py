"""The models that may do a task, and which of them the table would take before anything was learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_budget.routing import candidates, table

if TYPE_CHECKING:
    from gaia_budget.routing.asking import Asked, Request
    from gaia_budget.routing.candidates import Catalog, Model
    from gaia_budget.routing.policy import Policies
    from gaia_budget.routing.table import Routing

DEFAULT_PROVIDER = candidates.FAMILY_PROVIDER
SEVERAL = "multi"


class Viable:
    """What a request's provider, module, session type and context length leave for a task.

    `size` is the call in tokens. What the reader should know is added to `warnings`.
    """

    def __init__(
        self,
        request: Request,
        asked: Asked,
        size: dict[str, int],
        *,
        policies: Policies,
        routing: Routing,
        catalog: Catalog,
        warnings: list[str],
    ) -> None:
        self.request, self.asked, self.size = request, asked, size
        self.policies, self.routing, self.catalog, self.warnings = policies, routing, catalog, warnings
        self.module = policies.module(request.module) if request.module else None
        if self.module and not self.module.known:
            warnings.append(
                f"{policies.source} has no entry for module {self.module.name}: the default policy holds, with "
                f"every model (modules with an entry: {', '.join(sorted(policies.modules)) or 'none'})"
            )

    def models(self) -> list[Model]:
        """Every model that provider, module, session type and context length let through."""
        models = self._of_module() if self.module and self.module.models else self.of_provider()
        return self._that_fit(self._of_session(models))

    def of_provider(self) -> list[Model]:
        """The models of the provider that the request, the module or the running model names."""
        name = self.request.provider or (self.module.provider if self.module else "")
        if not name and self.request.current_model:
            running = self.catalog.find(self.request.current_model)
            name = running.provider if running and running.provider in self.routing.providers else ""
        if name == SEVERAL:
            return [one for each in self.routing.providers for one in self.catalog.of_provider(each)]
        return self.catalog.of_provider(self.routing.provider(name or DEFAULT_PROVIDER))

    def _of_module(self) -> list[Model]:
        assert self.module is not None
        models, unknown = self.catalog.of_list(self.module.models)
        if unknown:
            self.warnings.append(
                f"the routing table has no tier for {', '.join(unknown)} of module {self.module.name}: "
                f"add them to {table.file()}"
            )
        if self.request.provider:
            wanted = self.routing.provider(self.request.provider)
            models = [one for one in models if one.provider == wanted]
        if not models:
            raise candidates.no_model(self._place(), self.asked.tier, self.module.models)
        return models

    def _of_session(self, models: list[Model]) -> list[Model]:
        kind = self.request.session_type
        if not kind:
            return models
        listed = self.policies.session_models(kind)
        families = (
            {*listed, *self.routing.sessions[kind].also} if kind in self.routing.sessions else set(listed)
        )
        fitting = [one for one in models if one.provider != DEFAULT_PROVIDER or one.alias in families]
        if not fitting:
            self.warnings.append(
                f"no allowed model is meant for {kind} sessions ({', '.join(sorted(families))}): "
                "the module's list goes before"
            )
        if set(listed) != families:
            self.warnings.append(
                f"{kind} lists {', '.join(listed)} alone, but the document implements with "
                f"{', '.join(sorted(families - set(listed)))}: both are treated as meant"
            )
        return fitting or models

    def _that_fit(self, models: list[Model]) -> list[Model]:
        needed = self.size["input_tokens"] + self.size["output_tokens"]
        fitting = [one for one in models if one.context_window is None or one.context_window >= needed]
        if not fitting:
            longest = max(one.context_window or 0 for one in models)
            raise InputError(
                f"no allowed model reads {needed:,} tokens (the longest context is {longest:,}): compact first"
            )
        return fitting

    def default(self, allowed: list[Model]) -> Model:
        """What the table says, before any outcome: the cheapest allowed at or above the tier."""
        kind = self.request.session_type
        rule = self.routing.sessions.get(kind) if kind else None
        tier = self.asked.tier
        if rule and rule.starts_cheap and self.asked.task is None and tier != table.TIERS[0]:
            if tier == table.TIERS[-1]:
                self.warnings.append(f"this is {tier} work, more than a {kind} session is meant for")
            tier = table.TIERS[0]
        able = [one for one in allowed if not rule or one.tier not in rule.reserve or one.tier == tier]
        found = candidates.cheapest(able, tier) or candidates.cheapest(allowed, tier)
        if found:
            return found
        if self.module and self.module.models and not rule:
            raise candidates.no_model(self._place(), tier, self.module.models)
        strongest = max(allowed, key=lambda one: (one.rank, -one.nano))
        if rule is None or (self.module and self.module.models and not self._only_session_forbids(tier)):
            raise candidates.no_model(self._place(), tier, [one.listed for one in allowed])
        self.warnings.append(
            f"this is {tier} work, which {kind} sessions leave out: change the type with "
            f"`gaia-budget session type architecture`, or expect less of {strongest.model}"
        )
        return strongest

    def _only_session_forbids(self, tier: str) -> bool:
        models = self._of_module() if self.module and self.module.models else self.of_provider()
        return candidates.cheapest(models, tier) is not None

    def _place(self) -> str:
        name = self.module.name if self.module else ""
        return f"{self.policies.source}: per_module.{name}.models" if name else str(table.file())
