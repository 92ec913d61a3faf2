"""What settings say and nothing follows from, and what the owner's files say otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.owner import Registry, TokenBudget
    from gaia_budget.settings.keys import Settings


def in_two_files(settings: Settings, budget: TokenBudget) -> list[str]:
    """Modules whose thresholds stand in both files, and what holds then."""
    found = []
    for name, chosen in settings.modules.items():
        entry, held = budget.module(name), budget.module_or_default(name, settings)
        for pct in ("alert_threshold_pct", "critical_threshold_pct"):
            ours = getattr(chosen, pct)
            if ours is None:
                continue
            if getattr(held, pct) != ours:
                found.append(
                    f"settings.toml: modules.{name}.{pct} is {ours}, which is below the warning: "
                    f"{getattr(held, pct)} holds"
                )
            elif entry is not None and pct in entry.given and getattr(entry, pct) != ours:
                found.append(
                    f"module {name} stands in two files: {pct} is {ours} in settings.toml, which holds, and "
                    f"{getattr(entry, pct)} in {budget.file}"
                )
    return found


def without_effect(
    settings: Settings, budget: TokenBudget, registry: Registry, seen: Iterable[str] = ()
) -> list[str]:
    """What the settings say and nothing follows from: a module that is none, a session type that is none.

    `seen` are modules that have spent something: a project without an entry anywhere is a module by its own name.
    A name that is like no other is taken to be a project that is still to come.
    """
    from difflib import get_close_matches

    known = sorted({name.lower() for name in (*budget.per_module, *registry.projects, *seen)})
    found = []
    for name, chosen in settings.modules.items():
        near = [] if name in known else get_close_matches(name, known, 1, 0.75)
        if near:
            found.append(
                f"settings.toml: [modules.{name}] has no effect: there is no such module (nearest: {near[0]})"
            )
        types = budget.defaults.session_budgets
        if chosen.session_type and chosen.session_type not in types:
            valid = ", ".join(sorted(types))
            found.append(
                f"settings.toml: modules.{name}.session_type {chosen.session_type!r} has no effect: there is no such "
                f"session type (valid: {valid})"
            )
    return found
