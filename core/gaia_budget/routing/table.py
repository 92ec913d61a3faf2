"""The routing table in force: ours with the user's laid over it.

Both are TOML; a wrong key, value or a circle of successors is a ConfigError that names file, key and choices. What the
owner's file says about tiers goes on top (`gaia_budget.routing.wishes`).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaia_budget import places
from gaia_budget.configfile import day, read_toml
from gaia_budget.errors import ConfigError
from gaia_budget.routing.tiers import TIERS, Retired, Routing, SessionRule, TaskKind
from gaia_budget.routing.vocabulary import folded, index, named

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).with_name("routing.toml")
OPEN = ("providers", "tasks", "retired", "sessions", "tiers")
"""Sections whose entries the user may add to; those of the others are fixed."""
KEYS = {
    "tasks": ("tier", "also", "cap_usd"),
    "retired": ("since", "successor", "source"),
    "sessions": ("starts_cheap", "reserve", "also"),
    "tiers": ("level",),
}


def file() -> Path:
    """The user's routing table. It may not exist."""
    return places.home() / "routing.toml"


def load() -> Routing:
    """The table as it is now. Raises ConfigError."""
    return _load(*_stamp())


def names() -> Mapping[str, str]:
    """{spelling: task} as `vocabulary.index` makes it, of the table as it is now. Raises ConfigError."""
    return _index(*_stamp())


def _stamp() -> tuple[Path, int, int]:
    """The user's file with its size and time; both are 0 where there is none."""
    own = file()
    try:
        status = own.stat()
    except OSError:
        return own, 0, 0
    return own, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=2)
def _load(own: Path, size: int, changed: int) -> Routing:
    """`size` and `changed` of the user's file make it anew when that has changed."""
    ours = read_toml(DATA, parse_float=Decimal)
    theirs = read_toml(own, parse_float=Decimal) if size else {}
    _check(theirs, ours, own)
    merged = _laid_over(ours, _in_our_words(theirs, ours, own))
    tiers = _tiers(merged["tiers"], own)
    routing = Routing(
        day(merged["updated"], own, "updated"),
        {
            name: {tier: _names(entry.get(tier, []), own, f"providers.{name}.{tier}") for tier in tiers}
            for name, entry in merged["providers"].items()
        },
        dict(_task(name, entry, own) for name, entry in merged["tasks"].items()),
        {name: _session(entry, own, name) for name, entry in merged["sessions"].items()},
        {name: _retired(name, entry, own) for name, entry in merged["retired"].items()},
        {
            name: _numbers(entry, own, f"typical.{name}", whole=True)
            for name, entry in merged["typical"].items()
        },
        _numbers(merged["conversation"], own, "conversation", whole=True),
        _numbers(merged["learning"], own, "learning"),
        tiers,
        _standing(merged["providers"], tiers)
        | _standing(ours["providers"], {})
        | _standing(merged["providers"], {}),
        frozenset((name, tier) for name, entry in theirs.get("providers", {}).items() for tier in entry),
    )
    _refuse_circles(routing, own)
    _refuse_doubled_names(routing, own)
    return routing


@lru_cache(maxsize=2)
def _index(own: Path, size: int, changed: int) -> Mapping[str, str]:
    return index(_load(own, size, changed).tasks.values())


def _in_our_words(theirs: dict[str, Any], ours: dict[str, Any], own: Path) -> dict[str, Any]:
    """The user's tasks under the names that ours have: whichever alias names one, it is that task."""
    known = index(dict(_task(name, entry, DATA) for name, entry in ours["tasks"].items()).values())
    tasks: dict[str, Any] = {}
    for name, entry in theirs.get("tasks", {}).items():
        task = named(name, known)
        if task in tasks:
            raise ConfigError(own, f"names {task}, which stands there already", key=f"tasks.{name}")
        tasks[task] = entry
    return {**theirs, "tasks": tasks}


def _laid_over(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {key: _laid_over(ours.get(key), theirs.get(key, ours.get(key))) for key in {**ours, **theirs}}
    return theirs


def _check(theirs: dict[str, Any], ours: dict[str, Any], own: Path) -> None:
    """Refuse keys that mean nothing. Names of providers, tiers, tasks, sessions and models are free, others fixed."""
    for section, content in theirs.items():
        if section not in ours:
            raise ConfigError(own, "is not a known key", key=section, choices=sorted(ours))
        if isinstance(ours[section], dict) and not isinstance(content, dict):
            raise ConfigError(own, "must be a table", key=section)
        for name in content if isinstance(content, dict) else ():
            if section not in OPEN and name not in ours[section]:
                raise ConfigError(
                    own, "is not a known key", key=f"{section}.{name}", choices=sorted(ours[section])
                )
            _check_entry(section, name, content[name], ours, own, (*TIERS, *theirs.get("tiers", {})))


def _check_entry(
    section: str, name: str, entry: Any, ours: dict[str, Any], own: Path, tiers: tuple[str, ...]
) -> None:
    if section in OPEN and not isinstance(entry, dict):
        raise ConfigError(own, "must be a table", key=f"{section}.{name}", choices=KEYS.get(section, tiers))
    fixed = ours[section].get(name)
    valid = (
        tiers
        if section == "providers"
        else KEYS.get(section, tuple(fixed if isinstance(fixed, dict) else ()))
    )
    for key in entry if isinstance(entry, dict) else ():
        if key not in valid:
            raise ConfigError(own, "is not a known key", key=f"{section}.{name}.{key}", choices=valid)


def _tiers(entries: dict[str, Any], own: Path) -> dict[str, str]:
    """{tier: level} of ours and the user's."""
    for name, entry in entries.items():
        if entry.get("level") not in TIERS:
            raise ConfigError(
                own, f"{entry.get('level')!r} is no level", key=f"tiers.{name}.level", choices=TIERS
            )
    return {tier: tier for tier in TIERS} | {folded(name): entry["level"] for name, entry in entries.items()}


def _standing(providers: dict[str, Any], tiers: dict[str, str]) -> dict[str, tuple[str, str]]:
    """{model: (provider, level)}; the strongest level of those that list it. `tiers` are further ones to look at."""
    levels = {
        **{tier: level for tier, level in tiers.items() if tier not in TIERS},
        **{one: one for one in TIERS},
    }
    return {
        model: (provider, level)
        for provider, entry in providers.items()
        for tier, level in levels.items()
        for model in entry.get(tier, ())
    }


def _task(name: str, entry: dict[str, Any], own: Path) -> tuple[str, TaskKind]:
    """A task; whether there is such a tier is known where the owner's file is (`wishes.obeyed`)."""
    key = f"tasks.{name}"
    if not isinstance(entry.get("tier"), str) or not folded(entry["tier"]):
        raise ConfigError(own, f"{entry.get('tier')!r} is no tier", key=f"{key}.tier", choices=TIERS)
    cap = entry.get("cap_usd")
    try:
        amount = None if cap is None else Decimal(str(cap))
    except InvalidOperation:
        raise ConfigError(own, f"{cap!r} is not an amount of USD", key=f"{key}.cap_usd") from None
    also = tuple(folded(other) for other in _names(entry.get("also", []), own, f"{key}.also"))
    return folded(name), TaskKind(folded(name), folded(entry["tier"]), also, amount)


def _session(entry: dict[str, Any], own: Path, name: str) -> SessionRule:
    key = f"sessions.{name}"
    entry = {"reserve": [], "starts_cheap": False, **entry}
    reserve = _names(entry["reserve"], own, f"{key}.reserve")
    wrong = [tier for tier in reserve if tier not in TIERS]
    if wrong or not isinstance(entry["starts_cheap"], bool):
        place = "reserve" if wrong else "starts_cheap"
        raise ConfigError(
            own,
            f"{entry[place]!r} is not valid",
            key=f"{key}.{place}",
            choices=TIERS if wrong else ("true", "false"),
        )
    return SessionRule(entry["starts_cheap"], reserve, _names(entry.get("also", []), own, f"{key}.also"))


def _retired(name: str, entry: dict[str, Any], own: Path) -> Retired:
    key = f"retired.{name}"
    for needed in ("since", "successor", "source"):
        if needed not in entry:
            raise ConfigError(own, "is missing", key=f"{key}.{needed}")
    return Retired(
        name, day(entry["since"], own, f"{key}.since"), str(entry["successor"]), str(entry["source"])
    )


def _names(value: Any, own: Path, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise ConfigError(own, 'must be a list of names such as ["haiku"]', key=key)
    return tuple(value)


def _numbers(entry: Any, own: Path, place: str, whole: bool = False) -> dict[str, Any]:
    for key, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, int if whole else int | Decimal) or value < 0:
            kind = "a whole number" if whole else "a number"
            raise ConfigError(own, f"{value!r} is not {kind} from 0", key=f"{place}.{key}")
    return {key: value if whole else float(value) for key, value in entry.items()}


def _refuse_circles(routing: Routing, own: Path) -> None:
    for start in routing.retired:
        chain = [start]
        while (entry := routing.retired.get(chain[-1])) is not None:
            if entry.successor in chain:
                circle = " -> ".join([*chain, entry.successor])
                raise ConfigError(
                    own, f"successors go in a circle: {circle}", key=f"retired.{start}.successor"
                )
            chain.append(entry.successor)


def _refuse_doubled_names(routing: Routing, own: Path) -> None:
    owners: dict[str, str] = {}
    for task in routing.tasks.values():
        for name in (task.name, *task.also):
            if owners.setdefault(name, task.name) != task.name:
                raise ConfigError(
                    own, f"{name!r} names {owners[name]} as well", key=f"tasks.{task.name}.also"
                )
