"""The owner's word: what `defaults.model_routing` of token_budget.json asks for, over the routing table.

A key that ends in `_tasks` is a tier (`quality_tasks`), one of the owner's own if the table has none of that name;
any other key is a task. The value is a model, or several in the order of preference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import ConfigError
from gaia_budget.prices import families
from gaia_budget.routing import table
from gaia_budget.routing.tiers import TIERS, Routing, TaskKind
from gaia_budget.routing.vocabulary import folded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OF_TIER = "_tasks"


class Wishes(NamedTuple):
    """The table with the tiers and tasks that the owner's file adds, and what that file wants first.

    `models` are by tier or task name, only where they differ from the table; `contradictions` by tier, in words.
    """

    routing: Routing
    models: Mapping[str, tuple[str, ...]]
    contradictions: Mapping[str, str]


def obeyed(routing: Routing, asked: Mapping[str, str | Sequence[str]], source: str) -> Wishes:
    """Lay the owner's word over the table; `source` is the file that it stands in.

    Raises ConfigError for a task whose tier neither file has.
    """
    tiers, tasks = dict(routing.tiers), dict(routing.tasks)
    models: dict[str, tuple[str, ...]] = {}
    against: dict[str, str] = {}
    for key, value in asked.items():
        named = (value,) if isinstance(value, str) else tuple(value)
        name = folded(key)
        tier = name.removesuffix(OF_TIER)
        if not named:
            continue
        if name.endswith(OF_TIER) or tier in tiers:
            tiers.setdefault(tier, level_of(named[0], routing))
            held = _written(routing, tier, named[0])
            if held and held != named:
                against[tier] = (
                    f"{tier} tasks: {table.file()} says {', '.join(held)}, which holds, and {source} "
                    f"{', '.join(named)} (defaults.model_routing.{key})"
                )
            elif named != _listed(routing, tier, named[0]):
                models[tier] = named
        else:
            known = routing.task(name)
            task = known or TaskKind(name, level_of(named[0], routing), (), None)
            tasks[task.name] = task
            models[task.name] = named
    for task in tasks.values():
        if task.tier not in tiers:
            raise ConfigError(
                table.file(),
                f"{task.tier!r} is no tier",
                key=f"tasks.{task.name}.tier",
                choices=list(tiers),
            )
    return Wishes(routing._replace(tiers=tiers, tasks=tasks), models, against)


def standing_of(model: str, routing: Routing) -> tuple[str, str] | None:
    """(provider, level) of a model by its name, or by its family; None where the table never had it."""
    bare = model.lower().removesuffix("[1m]")
    return routing.standing.get(bare) or routing.standing.get(families.family_of(bare) or "")


def level_of(model: str, routing: Routing) -> str:
    """How strong a model is taken to be; quality where nothing is known of it."""
    known = standing_of(model, routing)
    return known[1] if known else TIERS[1]


def _listed(routing: Routing, tier: str, model: str) -> tuple[str, ...]:
    """What the table lists for the tier of that model's provider."""
    known = standing_of(model, routing)
    return routing.providers[known[0]].get(tier, ())[:1] if known else ()


def _written(routing: Routing, tier: str, model: str) -> tuple[str, ...]:
    """The same, where the user's own file says so."""
    known = standing_of(model, routing)
    return routing.providers[known[0]][tier] if known and (known[0], tier) in routing.written else ()
