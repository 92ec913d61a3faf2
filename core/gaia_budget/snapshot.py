"""Writes the policy snapshot that hooks read (`gaia_hooks.facts.snapshot`): prices, limits, module roots, months."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import ancestry, places
from gaia_budget.errors import ConfigError
from gaia_hooks.facts import snapshot as form
from gaia_hooks.facts.prices import pricing
from gaia_hooks.machine import clock, files, jsonio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.owner import Registry, TokenBudget
    from gaia_budget.settings.keys import Settings


FOREIGN = (
    "limits are hard here, and inside of a session other variables are set than when they were set: they stay as they "
    "were. Where the variables are right, run `gaia-budget ingest` in a terminal of your own"
)
_DECIDING = ("GAIA_ROOT", "CLAUDE_CONFIG_DIR", "TZ")
"""Variables that are no settings of ours and decide what a month holds, or which limits there are."""


_MONTH = ("month", "month_days")
"""What the form says of the month that the figures are of."""


class Months(NamedTuple):
    """Each module's current month in nano-dollars: (what counts against its cap, everything).

    `counted_to` is the instant, in microseconds, at which the ingest that made the figures began to read.
    """

    modules: Mapping[str, tuple[int, int]]
    counted_to: int
    ahead: Mapping[str, int] = {}
    """What of them hooks have still to note, in nano-dollars by event (see `gaia_budget.ingest.months`)."""
    taken: Mapping[str, int] = {}
    """Until when they hold sessions that hooks have not seen yet."""


def write(
    settings: Settings,
    months: Months | None = None,
    *,
    lifts: Mapping[str, list[list[int]]] | None = None,
    alerts: list[list[str]] | None = None,
    week: list[float] | None = None,
) -> dict[str, Any]:
    """Write the snapshot in one step and return it; what is not given is kept as it was before.

    `lifts` are what overrides add to a module's month, as [until, nano-dollars]; `alerts` are those that fire now,
    in the form of `gaia_hooks.facts.snapshot`; `week` is how the user works (`gaia_hooks.facts.prices.plan`). A broken
    file of the owner's leaves the built-in limits in force and is named under `problems`. Inside of a session hard
    limits are not set anew by other variables: what stands is kept, with `FOREIGN` among the problems. Raises OSError.
    """
    home = str(places.ensure_home())
    before, now, variables = form.load(home), clock.now(), _variables()
    if _acts(before) and before["variables"] not in ("", variables) and ancestry.is_inside_a_session():
        before["problems"] = [*(one for one in before["problems"] if one != FOREIGN), FOREIGN]
        files.replace(form.path_of(home), jsonio.dumps(before))
        return before
    budget, registry, problems = _owned()
    spent = _figures(before) if months is None else months.modules
    if budget and registry:
        from gaia_budget.contradictions import without_effect

        problems += without_effect(settings, budget, registry, spent)
    content: dict[str, Any] = {
        "schema": form.SCHEMA,
        "written_at": now,
        "installed_at": min(before["installed_at"] or now, now),  # the clock may have been ahead then
        "logs": str(places.logs_dir()),
        "config_dirs": [str(folder) for folder in places.further_config_dirs()],
        "roots": registry.roots() if registry else [],
        "token_budget": str(budget.file) if budget and budget.file else "",
        "prices": _prices(settings.pricing_source),
        "families": _families(),
        "price_times": _contract_times(),
        "price_source": settings.pricing_source,
        "billing": settings.billing,
        "session_types": _session_types(budget),
        "model_routing": budget.defaults.routing_asked if budget else {},
        **_chosen(settings),
        "modules": _modules(settings, budget, spent),
        **({name: before[name] for name in _MONTH} if months is None else _month(settings)),
        "counted_to": before["counted_to"] if months is None else months.counted_to,
        "sources": _sources(),
        "variables": variables,
        "ahead": before["ahead"] if months is None else dict(months.ahead),
        "taken": before["taken"] if months is None else dict(months.taken),
        "ingest": places.program("gaia_budget", "ingest"),
        "problems": problems,
        "lifts": before["lifts"] if lifts is None else lifts,
        "alerts": before["alerts"] if alerts is None else alerts,
        "week": before["week"] if week is None else week,
    }
    files.replace(form.path_of(home), jsonio.dumps(content))
    return content


def _chosen(settings: Settings) -> dict[str, Any]:
    """What the user chose, as it was chosen."""
    return {
        "thresholds": settings.thresholds,
        "session_policy": settings.session_policy,
        "refuse_uncounted": settings.refuse_uncounted_sessions,
        "statusline": settings.statusline,
        "warn_model": settings.warn_model,
        "development_component": settings.development_component,
        "add_matching_section": settings.add_matching_section,
        "subagent_allowance_tokens": settings.subagent_allowance_tokens,
        "protected_agents": settings.protected_agents,
    }


def held() -> dict[str, Any]:
    """What hooks decide by now."""
    return form.load(str(places.home()))


def blocks(policy: dict[str, Any]) -> bool:
    """Whether something is refused by a policy that hooks hold."""
    return "block" in _said(policy)


def _acts(policy: dict[str, Any]) -> bool:
    return set(_said(policy)) != {"warn"} or bool(policy["refuse_uncounted"])


def _said(policy: dict[str, Any]) -> list[str]:
    modules = policy["modules"].values()
    return [policy["session_policy"], *(one.get("on_exceeded", "warn") for one in modules)]


def _variables() -> str:
    """A digest of the variables that decide what hooks hold: their values may be secrets."""
    from gaia_budget import settings

    names = (*settings.variables().values(), *_DECIDING)
    named = {name: os.environ[name] for name in names if os.environ.get(name)}
    return hashlib.sha256(repr(sorted(named.items())).encode("utf-8", "replace")).hexdigest()


def is_outdated(settings: Settings) -> bool:
    """Whether hooks decide by older files of the user, another way of paying for Claude Code, or a past month."""
    policy = form.load(str(places.home()))
    begins, ends = policy["month"]
    if policy["billing"] != settings.billing or not begins <= clock.now() < ends:
        return True
    return bool(policy["sources"] != _sources())


def _sources() -> list[list[Any]]:
    """What changes with the files that a snapshot is made from: path, size and time of change, as JSON values."""
    home, root = places.home(), places.gaia_root()
    owned = [root / name for name in ("registry.json", "token_budget.json")] if root else []
    found: list[list[Any]] = []
    named = (home / name for name in ("settings.toml", "prices.toml", "alerts.toml"))
    for source in [*owned, *named, *places.managed_settings()]:
        try:
            status = source.stat()
        except OSError:
            found.append([str(source), 0, 0])
        else:
            found.append([str(source), status.st_size, status.st_mtime_ns])
    return found


def _owned() -> tuple[TokenBudget | None, Registry | None, list[str]]:
    from gaia_budget import owner

    problems: list[str] = []
    budget = registry = None
    try:
        budget = owner.load_token_budget()
    except ConfigError as error:
        problems.append(str(error))
    try:
        registry = owner.load_registry()
    except ConfigError as error:
        problems.append(str(error))
    return budget, registry, problems


def _figures(before: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {
        name: (entry["spent_nano"], entry["total_nano"])
        for name, entry in before["modules"].items()
        if "total_nano" in entry
    }


def _month(settings: Settings) -> dict[str, Any]:
    """This month as the ledger has it: its first instant and the next one's, and the first days."""
    from gaia_budget.ledger.zone import Zone, bucket, first_of

    zone = Zone.named(settings.timezone)
    month = bucket(zone, "month", clock.now())
    instants = [zone.start_of_month(month), zone.start_of_month(month + 1)]
    days = [first_of(month + ahead).isoformat() for ahead in range(3)]
    return dict(zip(_MONTH, (instants, days), strict=True))


def _contract_times() -> tuple[int, int]:
    from gaia_budget.prices import contract

    return contract.load().multiplier.as_integer_ratio()


def _prices(source: str) -> dict[str, Any]:
    """The rows of the models that Claude's families stood for, and of those that the user or a contract prices.

    Every hook reads them. Any other model, and a batch of these, a hook finds in the price list itself, once in a
    session (`pricing.listed_rows`); where the owner's prices alone count, all of them are here.
    """
    from gaia_budget.prices import families
    from gaia_budget.prices.overrides import OVERRIDE
    from gaia_budget.prices.table import price_rows

    usual = {model for entries in families.history().values() for model in entries.values()}

    def own(row: list[Any]) -> bool:
        return pricing.source_of(row, "") == OVERRIDE or (len(row) > 3 and "flat" in row[3])

    def is_usual(name: str) -> bool:
        model, _, variant = name.partition("#")
        return source == form.OWNERS or (model in usual and variant != "batch")

    return {name: rows for name, rows in price_rows().items() if is_usual(name) or any(map(own, rows))}


def _families() -> dict[str, Any]:
    from gaia_budget.prices import families

    return {family: families.model_of(family) for family in families.history()}


def _session_types(budget: TokenBudget | None) -> dict[str, Any]:
    if budget is None:
        return dict(form.DEFAULTS["session_types"])
    return {
        name: {"max_tokens": entry.max_tokens, "models": entry.models}
        for name, entry in budget.defaults.session_budgets.items()
    }


def _modules(
    settings: Settings, budget: TokenBudget | None, spent: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    entries = {name.lower(): entry for name, entry in budget.per_module.items()} if budget else {}
    made: dict[str, Any] = {}
    for name in sorted({*entries, *settings.modules, *spent}):
        chosen = settings.module(name)
        entry: dict[str, Any] = {
            "on_exceeded": chosen.on_exceeded,
            "counts_claude_code": chosen.counts_claude_code,
        }
        if chosen.session_type:
            entry["session_type"] = chosen.session_type
        if budget is not None:
            found = budget.module_or_default(name, settings)
            entry["limit_nano"], entry["models"] = found.limit_nano, found.models
            entry["provider"], entry["alert_percent"] = found.provider, float(found.alert_threshold_pct)
            entry["listed"] = name in entries
        if name in spent:
            entry["spent_nano"], entry["total_nano"] = spent[name]
        made[name] = entry
    return made
