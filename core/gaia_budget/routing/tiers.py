"""What the routing table says: tiers, tasks, session rules and retired models."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.errors import NotFoundError
from gaia_budget.routing import vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

TIERS = ("cheap", "quality", "architecture")
"""How strong a model must be, weakest first. Tiers of the owner's own each stand at one of these levels."""


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
