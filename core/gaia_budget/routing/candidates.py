"""Which models may do a task: the provider's, those of the module's list, those of the session's type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import ConfigError
from gaia_budget.prices import families
from gaia_budget.routing.table import TIERS, Routing
from gaia_hooks.facts import pricing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from gaia_budget.prices.table import PriceTable

FAMILY_PROVIDER = "anthropic"  # the provider whose models the owner's files name by family
UNPRICED = 1 << 62  # as a price in comparisons: dearer than all others
PLACES = 100  # ranks within a tier


class Model(NamedTuple):
    """A model that may be chosen: the name it was listed by, what it stands for today, and its price.

    `sold_as` is what to ask for: the model itself, or its successor where it is retired. `rank` orders models
    by tier and place in it, `nano` is the price of one typical answer, `rates` the row now (None: unpriced).
    """

    listed: str
    model: str
    sold_as: str
    provider: str
    tier: str
    rank: int
    nano: int
    rates: list[Any] | None
    source: str
    context_window: int | None

    def reaches(self, tier: str) -> bool:
        """Whether it does work of a tier."""
        return self.rank >= PLACES * TIERS.index(tier)

    @property
    def alias(self) -> str | None:
        """The family name, where it has one."""
        return families.family_of(self.model) if self.provider == FAMILY_PROVIDER else None


class Catalog:
    """Looks models up in routing and price table, at one day and for calls of one size."""

    def __init__(
        self, routing: Routing, prices: PriceTable, today: date, now: float, size: Mapping[str, int]
    ) -> None:
        self._routing, self._prices = routing, prices
        self._today, self._now = today, now
        self._usage = (size["input_tokens"], size["output_tokens"], 0, 0, 0, 0, 0)

    def of_provider(self, provider: str) -> list[Model]:
        """The models of a provider's tiers, in the order of the table."""
        tiers = self._routing.providers[provider]
        return [self.model(name, provider, tier) for tier in TIERS for name in tiers[tier]]

    def of_list(self, listed: Iterable[str]) -> tuple[list[Model], list[str]]:
        """The models of a module's list, and the names in it that no tier knows."""
        found, unknown = [], []
        for name in listed:
            place = self._place(name)
            if place is None:
                unknown.append(name)
            else:
                found.append(self.model(name, *place))
        return found, unknown

    def find(self, name: str) -> Model | None:
        """A model by any name of it; its tier is the one of its family, quality where it has none."""
        provider, tier = self._place(name) or ("", "quality")
        if not provider:
            known = self._prices.name(name)
            if known is None:
                return None
            provider = known.provider
        return self.model(name, provider, tier)

    def model(self, name: str, provider: str, tier: str) -> Model:
        """A model with its price at this moment."""
        bare = name.lower().removesuffix("[1m]")
        concrete = families.model_of(bare, self._today) if provider == FAMILY_PROVIDER else None
        known = self._prices.name(concrete or bare, provider)
        canonical = concrete or (known.model if known else bare)
        successor = self._routing.successor(canonical, self._today)
        sold = self._prices.name(successor, provider) if successor else known
        row = pricing.row_at(self._prices.rows(sold), self._now) if sold else None
        cost = pricing.cost_nano(self._usage, row)
        facts = self._prices.facts(sold) if sold else {}
        return Model(
            name,
            canonical,
            successor or canonical,
            provider,
            tier,
            self._rank(name, provider, tier),
            UNPRICED if cost is None else cost,
            row,
            pricing.source_of(row, self._prices.default_source),
            facts.get("context_window"),
        )

    def _rank(self, name: str, provider: str, tier: str) -> int:
        listed = self._routing.providers.get(provider, {}).get(tier, ())
        alias = families.family_of(name) or name
        place = next((listed.index(one) for one in (name, alias) if one in listed), 0)
        return PLACES * TIERS.index(tier) + place

    def _place(self, name: str) -> tuple[str, str] | None:
        """Provider and tier of a name: as it is listed, else those of its family."""
        bare = name.lower().removesuffix("[1m]")
        for wanted in (bare, families.family_of(bare)):
            for provider, tiers in self._routing.providers.items():
                for tier in TIERS:
                    if wanted in tiers[tier]:
                        return provider, tier
        return None


def cheapest(models: Iterable[Model], tier: str) -> Model | None:
    """The cheapest at or above a tier; the lower tier, then the order of the table, at equal price."""
    able = [one for one in models if one.reaches(tier)]
    return min(able, key=lambda one: (one.nano, one.rank), default=None)


def no_model(place: str, tier: str, listed: Iterable[str]) -> ConfigError:
    """No allowed model reaches the tier: the error names the list."""
    return ConfigError(
        place,
        f"none of the allowed models ({', '.join(listed) or 'none'}) does {tier} work",
        cure="Allow a stronger model there, or ask for the task without the module",
    )
