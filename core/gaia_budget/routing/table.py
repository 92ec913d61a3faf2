"""The routing table: tiers, tasks, session rules and retired models, ours with the user's laid over it.

Both are TOML; a wrong key, value or a circle of successors is a ConfigError that names file, key and choices.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.configfile import read_toml
from gaia_budget.errors import ConfigError, NotFoundError
from gaia_budget.routing import vocabulary
from gaia_budget.routing.vocabulary import folded

if TYPE_CHECKING:
    from collections.abc import Mapping

TIERS = ("cheap", "quality", "architecture")
DATA = Path(__file__).with_name("routing.toml")


class Task(NamedTuple):
    """A kind of work. `cap_usd` is the most that one run of it should cost; `also` are its other names."""

    name: str
    tier: str
    also: tuple[str, ...]
    cap_usd: Decimal | None


class Retired(NamedTuple):
    """A model that is sold no longer from a day on."""

    model: str
    since: date
    successor: str
    source: str


class SessionRule(NamedTuple):
    """How a session type chooses: see the comments in routing.toml."""

    starts_cheap: bool
    reserve: tuple[str, ...]
    also: tuple[str, ...]


class Routing(NamedTuple):
    """The table in force. `providers` is {provider: {tier: models}}; numbers as in routing.toml."""

    updated: date
    providers: Mapping[str, Mapping[str, tuple[str, ...]]]
    tasks: Mapping[str, Task]
    sessions: Mapping[str, SessionRule]
    retired: Mapping[str, Retired]
    typical: Mapping[str, Mapping[str, int]]
    conversation: Mapping[str, int]
    learning: Mapping[str, float]

    def task(self, name: str) -> Task | None:
        """The task of a name, in any spelling of it; None when it is none."""
        return vocabulary.find(name, self.tasks)

    def successor(self, model: str, today: date) -> str | None:
        """What takes a retired model's place, past successors whose own end is known; None while it is sold."""
        entry = self.retired.get(model)
        if entry is None or today < entry.since:
            return None
        while entry.successor in self.retired:
            entry = self.retired[entry.successor]
        return entry.successor

    def provider(self, name: str) -> str:
        """A provider's name as the table has it. Raises NotFoundError."""
        wanted = name.strip().lower()
        wanted = {"google": "gemini"}.get(wanted, wanted)
        if wanted not in self.providers:
            raise NotFoundError("provider", name, sorted(self.providers))
        return wanted


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
def _index(own: Path, size: int, changed: int) -> Mapping[str, str]:
    return vocabulary.index(_load(own, size, changed).tasks.values())


@lru_cache(maxsize=2)
def _load(own: Path, size: int, changed: int) -> Routing:
    """`size` and `changed` make it anew when the user's file has changed."""
    ours = read_toml(DATA, parse_float=Decimal)
    theirs = read_toml(own, parse_float=Decimal) if size else {}
    _check(theirs, ours, own)
    merged = _laid_over(ours, _in_our_words(theirs, ours, own))
    routing = Routing(
        _day(merged["updated"], own, "updated"),
        {name: _provider(tiers, own, name) for name, tiers in merged["providers"].items()},
        dict(_task(name, entry, own) for name, entry in merged["tasks"].items()),
        {name: _session(entry, own, name) for name, entry in merged["sessions"].items()},
        {name: _retired(name, entry, own) for name, entry in merged["retired"].items()},
        {
            name: _numbers(entry, own, f"typical.{name}", whole=True)
            for name, entry in merged["typical"].items()
        },
        _numbers(merged["conversation"], own, "conversation", whole=True),
        _numbers(merged["learning"], own, "learning"),
    )
    _refuse_circles(routing, own)
    _refuse_doubled_names(routing, own)
    return routing


def _in_our_words(theirs: dict[str, Any], ours: dict[str, Any], own: Path) -> dict[str, Any]:
    """The user's tasks under the names that ours have: whichever alias names one, it is that task."""
    known = vocabulary.index(dict(_task(name, entry, DATA) for name, entry in ours["tasks"].items()).values())
    tasks: dict[str, Any] = {}
    for name, entry in theirs.get("tasks", {}).items():
        task = vocabulary.named(name, known)
        if task in tasks:
            raise ConfigError(own, f"names {task}, which stands there already", key=f"tasks.{name}")
        tasks[task] = entry
    return {**theirs, "tasks": tasks}


def _laid_over(ours: Any, theirs: Any) -> Any:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {key: _laid_over(ours.get(key), theirs.get(key, ours.get(key))) for key in {**ours, **theirs}}
    return theirs


FREE = {"providers": TIERS, "tasks": ("tier", "also", "cap_usd"), "retired": ("since", "successor", "source")}


def _check(theirs: dict[str, Any], ours: dict[str, Any], own: Path) -> None:
    """Refuse keys that mean nothing. Names of providers, tasks and retired models are free, all others fixed."""
    for section, content in theirs.items():
        if section not in ours:
            raise ConfigError(own, "is not a known key", key=section, choices=sorted(ours))
        if isinstance(ours[section], dict) and not isinstance(content, dict):
            raise ConfigError(own, "must be a table", key=section)
        for name in content if isinstance(content, dict) else ():
            if section not in FREE and name not in ours[section]:
                raise ConfigError(
                    own, "is not a known key", key=f"{section}.{name}", choices=sorted(ours[section])
                )
            inner = content[name]
            fixed = FREE.get(section, tuple(ours[section].get(name) or ()) if isinstance(inner, dict) else ())
            if section in FREE and not isinstance(inner, dict):
                raise ConfigError(own, "must be a table", key=f"{section}.{name}", choices=fixed)
            for key in inner if isinstance(inner, dict) else ():
                if key not in (*fixed, *(("also",) if section == "sessions" else ())):
                    raise ConfigError(own, "is not a known key", key=f"{section}.{name}.{key}", choices=fixed)


def _provider(tiers: dict[str, Any], own: Path, name: str) -> dict[str, tuple[str, ...]]:
    return {tier: _names(tiers.get(tier, []), own, f"providers.{name}.{tier}") for tier in TIERS}


def _task(name: str, entry: dict[str, Any], own: Path) -> tuple[str, Task]:
    key = f"tasks.{name}"
    if entry.get("tier") not in TIERS:
        raise ConfigError(own, f"{entry.get('tier')!r} is no tier", key=f"{key}.tier", choices=TIERS)
    cap = entry.get("cap_usd")
    try:
        amount = None if cap is None else Decimal(str(cap))
    except InvalidOperation:
        raise ConfigError(own, f"{cap!r} is not an amount of USD", key=f"{key}.cap_usd") from None
    also = tuple(folded(other) for other in _names(entry.get("also", []), own, f"{key}.also"))
    return folded(name), Task(folded(name), entry["tier"], also, amount)


def _session(entry: dict[str, Any], own: Path, name: str) -> SessionRule:
    key = f"sessions.{name}"
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
        name, _day(entry["since"], own, f"{key}.since"), str(entry["successor"]), str(entry["source"])
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


def _day(value: Any, own: Path, key: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ConfigError(
            own, f"{value!r} is not a day", key=key, cure="Write it as 2026-10-01, without quotes"
        )
    return value


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
