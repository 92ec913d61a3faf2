"""The routing table: tiers, tasks, session rules and retired models, ours with the user's laid over it.

Both are TOML; a wrong key, value or a circle of successors is a ConfigError that names file, key and choices
(`gaia_budget.routing.tablefile`). What the owner's file says about tiers goes on top (`gaia_budget.routing.wishes`).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget import places
from gaia_budget.errors import NotFoundError
from gaia_budget.routing import vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

TIERS = ("cheap", "quality", "architecture")
"""How strong a model must be, weakest first. Tiers of the owner's own each stand at one of these levels."""
DATA = Path(__file__).with_name("routing.toml")


class TaskKind(NamedTuple):
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

    starts_cheap: bool = False
    reserve: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


class Routing(NamedTuple):
    """The table in force. Numbers as in routing.toml.

    `providers` is {provider: {tier: models}}, what a tier asks for first; `standing` is {model: (provider, level)},
    what is known of a model even where no list names it any more; `tiers` is {tier: the level it stands at};
    `written` are the (provider, tier) pairs that the user's own file names.
    """

    updated: date
    providers: Mapping[str, Mapping[str, tuple[str, ...]]]
    tasks: Mapping[str, TaskKind]
    sessions: Mapping[str, SessionRule]
    retired: Mapping[str, Retired]
    typical: Mapping[str, Mapping[str, int]]
    conversation: Mapping[str, int]
    learning: Mapping[str, float]
    tiers: Mapping[str, str]
    standing: Mapping[str, tuple[str, str]]
    written: frozenset[tuple[str, str]]

    def task(self, name: str) -> TaskKind | None:
        """The task of a name, in any spelling of it; None when it is none."""
        return vocabulary.find(name, self.tasks)

    def level(self, tier: str) -> str:
        """Which of `TIERS` a tier stands at."""
        return self.tiers.get(tier, TIERS[1])

    def successor(self, model: str, today: date) -> str | None:
        """What takes a retired model's place, past successors whose own end is known; None while it is sold."""
        entry = self.retired.get(model)
        return None if entry is None or today < entry.since else self.last(model)

    def last(self, model: str) -> str:
        """What is sold once a model and its successors with a known end are gone; a model without an end is its own."""
        while model in self.retired:
            model = self.retired[model].successor
        return model

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
def _load(own: Path, size: int, changed: int) -> Routing:
    """`size` and `changed` make it anew when the user's file has changed."""
    from gaia_budget.routing import tablefile

    return tablefile.read(DATA, own if size else None, own)


@lru_cache(maxsize=2)
def _index(own: Path, size: int, changed: int) -> Mapping[str, str]:
    return vocabulary.index(_load(own, size, changed).tasks.values())
