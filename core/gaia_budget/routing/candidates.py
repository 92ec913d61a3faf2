"""Which models may do a task: the provider's, those of the module's list, those of the session's type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import ConfigError
from gaia_budget.prices import families
from gaia_budget.routing.tiers import TIERS, Routing
from gaia_budget.routing.wishes import standing_of
from gaia_hooks.facts.prices import pricing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from gaia_budget.prices.table import PriceTable

FAMILY_PROVIDER = "anthropic"  # the provider whose models the owner's files name by family
UNPRICED = 1 << 62  # as a price in comparisons: dearer than all others
PLACES = 100  # ranks within a tier


class Model(NamedTuple):
    """A model that may be chosen: the name it was listed by, what it stands for today, and its price.

    `sold_as` is what to ask for: the model itself, or its successor where it is retired. `tier` is the level it
    stands at, `rank` orders models by that and their place in it, `nano` is the price of one typical answer, `rates`
    the row now (None: unpriced).
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

    def reaches(self, level: str) -> bool:
        """Whether it does work of a level."""
        return self.rank >= PLACES * TIERS.index(level)

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
        names = dict.fromkeys(name for tier in (*TIERS, *tiers) for name in tiers[tier])
        return [
            self.model(name, *(standing_of(name, self._routing) or (provider, TIERS[1]))) for name in names
        ]

    def of_list(self, listed: Iterable[str], provider: str) -> tuple[list[Model], list[str]]:
        """The models of a module's list, and the names in it that no tier knows.

        Those stand where they stand in the list, as owners write it: the weakest first.
        """
        found, unknown = [], []
        for place, name in enumerate(listed):
            standing = standing_of(name, self._routing)
            if standing is None:
                unknown.append(name)
                known = self._prices.name(name, provider)
                standing = (known.provider if known else provider, TIERS[min(place, len(TIERS) - 1)])
            found.append(self.model(name, *standing))
        return found, unknown

    def merging(self, model: Model) -> list[str]:
        """Models of other tiers that the same successor takes the place of, as `routing.toml` has it."""
        entry = self._routing.retired.get(model.model)
        others = (
            self.of_provider(model.provider) if entry and model.provider in self._routing.providers else []
        )
        return [
            one.model
            for one in others
            if one.tier != model.tier
            and one.model in self._routing.retired
            and self._routing.last(one.model) == self._routing.last(model.model)
        ]

    def variant(self, model: Model, variant: str) -> int | None:
        """What the same call costs as `batch`, `flex`, …; None where the model is not sold so."""
        known = self._prices.name(model.sold_as, model.provider)
        if known is None or variant not in self._prices.variants(known):
            return None
        return pricing.cost_nano(self._usage, pricing.row_at(self._prices.rows(known, variant), self._now))

    def find(self, name: str) -> Model | None:
        """A model by any name of it; its tier is the one of its family, quality where it has none."""
        provider, tier = standing_of(name, self._routing) or ("", "quality")
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


def cheapest(models: Iterable[Model], level: str) -> Model | None:
    """The cheapest at or above a level; the lower tier, then the order of the table, at equal price."""
    able = [one for one in models if one.reaches(level)]
    return min(able, key=lambda one: (one.nano, one.rank), default=None)


def no_model(place: str, tier: str, listed: Iterable[str]) -> ConfigError:
    """No allowed model reaches the tier: the error names the list."""
    return ConfigError(
        place,
        f"none of the allowed models ({', '.join(listed) or 'none'}) does {tier} work",
        cure="Allow a stronger model there, or ask for the task without the module",
        slug="no-model-allowed",
    )
