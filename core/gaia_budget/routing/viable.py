"""The models that may do a task, and which of them is taken before anything was learned.

In this order of precedence: the module's list, the session type's list, the owner's word for the task, then for its
tier, then the routing table. What stands higher is never left; a contradiction is said where it matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_budget.routing import candidates, table
from gaia_budget.routing.tiers import TIERS, SessionRule

if TYPE_CHECKING:
    from gaia_budget.routing.asking import Request, UnderstoodTask
    from gaia_budget.routing.candidates import Catalog, Model
    from gaia_budget.routing.policy import Policies
    from gaia_budget.routing.wishes import Wishes

DEFAULT_PROVIDER = candidates.FAMILY_PROVIDER
SEVERAL = "multi"


class Viable:
    """What a request's provider, module, session type and context length leave for a task.

    `size` is the call in tokens. What the reader should know is added to `warnings`.
    """

    def __init__(
        self,
        request: Request,
        asked: UnderstoodTask,
        size: dict[str, int],
        *,
        policies: Policies,
        wishes: Wishes,
        catalog: Catalog,
        warnings: list[str],
    ) -> None:
        self.request, self.asked, self.size = request, asked, size
        self.policies, self.catalog, self.warnings = policies, catalog, warnings
        self.wishes, self.routing = wishes, wishes.routing
        self.level = self.routing.level(asked.tier)
        self.module = policies.module(request.module) if request.module else None
        if self.module and not self.module.known and not request.in_session:
            warnings.append(
                f"{policies.source} has no entry for module {self.module.name}: the default policy holds, with "
                f"every model (modules with an entry: {', '.join(sorted(policies.modules)) or 'none'})"
            )
        self.rule = self.routing.sessions.get(request.session_type or "", SessionRule())

    def models(self) -> list[Model]:
        """Every model that provider, module, session type and context length let through."""
        return self._that_fit(self._of_session(self._of_module() or self.of_provider()))

    def of_provider(self) -> list[Model]:
        """The models of the provider that the request, the session, the module or the running model names."""
        name = self.request.provider or (DEFAULT_PROVIDER if self.request.in_session else "")
        name = name or (self.module.provider if self.module else "")
        if not name and self.request.current_model:
            running = self.catalog.find(self.request.current_model)
            name = running.provider if running and running.provider in self.routing.providers else ""
        if name == SEVERAL:
            return [one for each in self.routing.providers for one in self.catalog.of_provider(each)]
        found = self.catalog.of_provider(self.routing.provider(name or DEFAULT_PROVIDER))
        return found if name else [*found, *self._wished_elsewhere(found)]

    def _wished_elsewhere(self, found: list[Model]) -> list[Model]:
        """Models of other providers that the owner wants for this task: where nobody named a provider, they may."""
        listed, _ = self.catalog.of_list(self._wished(), DEFAULT_PROVIDER)
        known = {one.model for one in found}
        return [one for one in listed if one.model not in known]

    def _of_module(self) -> list[Model]:
        """The module's own list, those of the wanted provider; empty where it has none for such a conversation."""
        module = self.module
        if module is None or not module.models:
            return []
        several = module.provider in ("", SEVERAL)
        models, unknown = self.catalog.of_list(
            module.models, DEFAULT_PROVIDER if several else module.provider
        )
        if unknown:
            self.warnings.append(
                f"the routing table has no tier for {', '.join(unknown)} of module {module.name}: taken to stand as "
                f"they stand in its list, weakest first; [providers] in {table.file()} says otherwise"
            )
        wanted = DEFAULT_PROVIDER if self.request.in_session else self.request.provider
        if wanted:
            models = [one for one in models if one.provider == self.routing.provider(wanted)]
        if not models and self.request.in_session:
            self.warnings.append(
                f"the models of {module.name} ({', '.join(module.models)}) are for its own calls, not for Claude "
                f"Code: name the module to ask about those"
            )
        elif not models:
            raise candidates.no_model(self._place(), self.asked.tier, module.models)
        return models

    def meant(self) -> set[str] | None:
        """The families that the session's type is for; None where all are. Raises NotFoundError."""
        kind = self.request.session_type
        if not kind or (self.request.in_session and kind not in self.policies.sessions):
            return None
        listed = set(self.policies.session_models(kind))
        return {*listed, *self.rule.also} if listed else None

    def objected(self, model: Model) -> bool:
        """Whether the hook would say that a session of this type is not meant for a model (one that is stronger)."""
        families = self.meant()
        if families is None or model.provider != DEFAULT_PROVIDER:
            return False
        listed, _ = self.catalog.of_list(sorted(families), DEFAULT_PROVIDER)
        return model.rank > max(one.rank for one in listed)

    def _of_session(self, models: list[Model]) -> list[Model]:
        kind, families = self.request.session_type, self.meant()
        if families is None:
            return models
        fitting = [one for one in models if one.provider != DEFAULT_PROVIDER or one.alias in families]
        if not fitting:
            fitting = [one for one in models if not self.objected(one)]
        if not fitting:
            first = "the session's type goes" if self.request.in_session else "the module's list goes"
            self.warnings.append(
                f"no allowed model is meant for {kind} sessions ({', '.join(sorted(families))}): {first} before"
            )
        if not fitting and self.request.in_session:
            fitting = [one for one in self.of_provider() if one.alias in families]
        listed = self.policies.session_models(kind or "")
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
                f"no allowed model reads {needed:,} tokens (the longest context is {longest:,}): compact first",
                slug="context-too-long",
            )
        return fitting

    def default(self, allowed: list[Model]) -> tuple[Model, str]:
        """What is taken before any outcome, and the file that asks for it where it is the owner's word."""
        task = self.asked.task
        if self.asked.tier in self.wishes.contradictions:
            self.warnings.append(self.wishes.contradictions[self.asked.tier])
        level = self._starting_level()
        by_task = self.wishes.models.get(task.name, ()) if task else ()
        wished = by_task or (self._wished() if level == self.level else ())
        found = next((one for name in wished for one in allowed if self._is(one, name)), None)
        if found:
            return found, self.policies.source
        if wished and any(self._is(one, name) for name in wished for one in self.of_provider()):
            self.warnings.append(
                f"{self.policies.source} sends {task.name if by_task and task else self.asked.tier} tasks to "
                f"{', '.join(wished)}, which {self._who_forbids()} leaves out"
            )
        able = [one for one in allowed if one.tier not in self.rule.reserve or one.tier == level]
        cheapest = candidates.cheapest(able, level) or candidates.cheapest(allowed, level)
        return cheapest or self._next_best(allowed, level), ""

    def _starting_level(self) -> str:
        if not self.rule.starts_cheap:
            return self.level
        if self.level == TIERS[-1]:
            self.warnings.append(
                f"this is {self.asked.tier} work, more than a {self.request.session_type} session is meant for"
            )
        return TIERS[0]

    def _wished(self) -> tuple[str, ...]:
        """What the owner wants for the task, else for its tier, else what a tier of the owner's own lists."""
        task, tier = self.asked.task, self.asked.tier
        found = (self.wishes.models.get(task.name) if task else None) or self.wishes.models.get(tier)
        if found or tier in TIERS:
            return found or ()
        return tuple(name for tiers in self.routing.providers.values() for name in tiers.get(tier, ()))

    def _is(self, model: Model, name: str) -> bool:
        wanted = self.catalog.find(name)
        return name.lower() == model.listed.lower() or (wanted is not None and wanted.model == model.model)

    def _next_best(self, allowed: list[Model], level: str) -> Model:
        """No allowed model is strong enough: in a session the strongest goes on, elsewhere it is an error."""
        kind = self.request.session_type
        if not kind:
            raise candidates.no_model(self._place(), self.asked.tier, self._listed(allowed))
        strongest = max(allowed, key=lambda one: (one.rank, -one.nano))
        if candidates.cheapest(
            self._of_module() or self.of_provider(), level
        ):  # only the session's type forbids it
            self.warnings.append(
                f"this is {self.asked.tier} work, which {kind} sessions leave out: change the type with "
                f"`gaia-budget session type architecture`, or expect less of {strongest.model}"
            )
        else:
            self.warnings.append(
                f"this is {self.asked.tier} work, and {self._place()} has no model for it "
                f"({', '.join(self._listed(allowed))}): expect less of {strongest.model}"
            )
        return strongest

    def _listed(self, allowed: list[Model]) -> list[str]:
        return (
            list(self.module.models)
            if self.module and self.module.models
            else [one.listed for one in allowed]
        )

    def _who_forbids(self) -> str:
        of_module = self.module.models if self.module else ()
        return (
            f"module {self.module.name}"
            if self.module and of_module
            else f"a {self.request.session_type} session"
        )

    def _place(self) -> str:
        name = self.module.name if self.module else ""
        return f"{self.policies.source}: per_module.{name}.models" if name else str(table.file())
