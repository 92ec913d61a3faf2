"""The price table in force: genai-prices, or the owner's snapshot, and over it what the user names.

`load()` gives it as the settings are now. One table answers ledger, middleware and hooks; the hooks get its
rows through the snapshot (`price_rows`).
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.errors import ConfigError
from gaia_budget.prices import catalogue, contract, families, names, overrides
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.tokens.usage import prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

GENAI, SNAPSHOT, UNPRICED = "genai-prices", overrides.SNAPSHOT, "unpriced"
NO_CONTRACT = contract.Contract()
SIMILAR = 5
VARIANTS = ("batch", "fast", "flex", "priority")
REMEMBERED = 10_000
TEXT_RATES = {"input": 1, "output": 2, "cached": 3}  # where a tier has the rate of text for a kind of media
PROBE = (1_000_000, 1_000_000, 0, 0, 0, 0, 0)  # what "dearest" compares: a million tokens in and out


class Priced(NamedTuple):
    """A cost in nano-dollars, or None for unpriced, with who named the price and the canonical model."""

    cost_nano: int | None
    price_source: str
    model: str
    provider: str


class PriceTable:
    """Every price in force, and the names that lead to them."""

    def __init__(
        self,
        listed: catalogue.Catalogue,
        own: Sequence[overrides.OwnPrice] = (),
        snapshot: Mapping[str, Mapping[str, list[Any]]] | None = None,
        paid: contract.Contract = NO_CONTRACT,
    ) -> None:
        """`snapshot` is given where the owner's file is authoritative: then nothing else but `own` has a say.

        `paid` is what an organisation pays in place of all but `own`.
        """
        self._listed = listed
        self._own = list(own)
        self._snapshot = snapshot
        self._times = paid.multiplier.as_integer_ratio()
        self._contract = {self._as_name(model, ""): row for model, row in paid.rows.items()}
        self._found: dict[tuple[str, str], names.Name | None] = {}
        self._rows: dict[tuple[str, str], list[Any]] = {}
        self._priced: dict[tuple[str, str, str], tuple[names.Name | None, list[Any]]] = {}
        self._default_source = GENAI if snapshot is None else SNAPSHOT

    @property
    def default_source(self) -> str:
        """The source of every row that does not name another."""
        return self._default_source

    def name(self, model: str, provider: str = "") -> names.Name | None:
        """The known model that a name means, those of the user's own prices included; None when unknown."""
        asked = (model, provider)
        if asked in self._found:
            return self._found[asked]
        found = self._own_name(model, provider) or names.find(self._listed, model, provider)
        _remember(self._found, asked, found)
        return found

    def rows(self, name: names.Name, variant: str = "") -> list[Any]:
        """The rows of a known model, own prices last so that they win; empty when the variant has no price.

        A price of the user's holds for every variant: lowered or raised as the list's is, else as it stands.
        """
        asked = (name.key, variant)
        known = self._rows.get(asked)
        if known is not None:
            return known
        service, us_too = pricing.split_variant(variant)
        if us_too:
            self._rows[asked] = pricing.us_only(self.rows(name, service), name.model) or []
        else:
            base, own = self._base_rows(name, variant), self._own_rows(name)
            if variant:
                standard = self._base_rows(name, "")
                own = [scaled for row in own for scaled in overrides.in_variant(row, standard, base)]
            if name in self._contract:
                base = [self._contract[name]]
            self._rows[asked] = [*pricing.scaled(base, self._times), *own]
        return self._rows[asked]

    def provider_at(self, url: str) -> str:
        """The provider that answers at a URL, by the price list; empty for a host that it does not know."""
        found = next((one for one in self._listed.providers if re.match(one["hosts"], url)), None)
        return names.OUR_NAMES.get(found["id"], str(found["id"])) if found else ""

    def listed_rows(self, name: names.Name, variant: str = "") -> list[Any]:
        """The rows of the public price list, whatever the user or the owner names."""
        return list(self._listed.rows.get(f"{name.key}#{variant}" if variant else name.key, ()))

    def price(
        self,
        model: str,
        usage: tuple[int, ...],
        at: datetime | float | None = None,
        provider: str = "",
        variant: str = "",
        media: Mapping[str, int] | None = None,
    ) -> Priced:
        """What a usage (see `gaia_hooks.facts.tokens.usage`) cost at an instant, now when none is given.

        `at` is a time with a zone (without one: UTC) or seconds since the epoch. `variant` is `batch`, `fast`,
        `flex` or `priority`. `media` tells how many of the usage's tokens were audio, images or video (kinds of
        `flatten.MEDIA`); a kind without a price of its own costs what text does. Unknown models, and kinds of
        tokens without a price, are unpriced.
        """
        asked = (model, provider, variant)
        known = self._priced.get(asked)
        if known is None:
            name = self.name(model, provider)
            known = (name, self.rows(name, variant) if name else [])
            _remember(self._priced, asked, known)
        name, rows = known
        if name is None:
            return Priced(None, UNPRICED, model, provider)
        row = pricing.row_at(rows, at if isinstance(at, int | float) else _epoch(at))
        cost = None if row is None else self.cost(row, usage, media or {})
        source = UNPRICED if cost is None else pricing.source_of(row, self._default_source)
        return Priced(cost, source, name.model, name.provider)

    def cost(
        self,
        row: list[Any],
        usage: tuple[int, ...],
        media: Mapping[str, int],
        runs: tuple[tuple[int, ...], ...] = (),
    ) -> int | None:
        """Nano-dollars by a row, with tokens of audio, images and video at their own rates; None: unpriced."""
        return pricing.cost_nano(usage, row, media_units(row, usage, media) if media else 0, runs)

    def dearest(self, provider: str, at: datetime | float | None = None, like: str = "") -> names.Name | None:
        """The provider's dearest model that is still sold: what an unknown one counts as for enforcement.

        With `like`, a model's name, the dearest of that family alone: never another maker's or family's price.
        """
        moment = _epoch(at)
        ours = names.THEIR_NAMES.get(provider.lower(), provider.lower())
        owner = next((one for one in self._listed.providers if one["id"] == ours), None)
        wanted = names.family(like) if like else ""
        if like and owner and not any(names.family(model) == wanted for _, model, _ in owner["models"]):
            wanted = wanted.partition("-")[
                0
            ]  # a new name of the maker's: any of its models of that first word
        costs = []
        for key, model, _ in owner["models"] if owner else ():
            if self._listed.models[key].get("deprecated") or (
                like and not f"{names.family(model)}-".startswith(f"{wanted}-")
            ):
                continue
            name = names.Name(key, names.OUR_NAMES.get(ours, ours), model)
            costs.append((pricing.cost_nano(PROBE, pricing.row_at(self.rows(name), moment)) or 0, name))
        return max(costs)[1] if costs else None

    def similar(self, model: str) -> list[str]:
        """Known names that resemble an unknown one, for an error that has to name choices."""
        return difflib.get_close_matches(
            model.strip().lower(), [*families.history(), *self._listed.models], SIMILAR, 0.5
        )

    def facts(self, name: names.Name) -> Mapping[str, Any]:
        """What else the list knows of a model: `context_window`, `deprecated`."""
        return self._listed.models.get(name.key, {})

    def table(self, models: Iterable[str] | None = None) -> dict[str, list[Any]]:
        """The flat table in the form of `gaia_hooks.facts.prices.pricing`, of the named models or of all."""
        if models is None:
            wanted = [
                names.Name(key, _provider_name(one), model)
                for one in self._listed.providers
                for key, model, _ in one["models"]
            ]
            wanted += [self._as_name(own.model, own.provider) for own in self._own]
            wanted += self._contract
        else:
            wanted = [name for model in models if (name := self.name(model))]
        made: dict[str, list[Any]] = {}
        for name in wanted:
            for variant in ("", *self.variants(name)):
                rows = self.rows(name, variant)
                if rows:
                    made[f"{name.key}#{variant}" if variant else name.key] = rows
        return made

    def variants(self, name: names.Name) -> list[str]:
        """The request variants of a model that have prices of their own."""
        return [one for one in VARIANTS if name in self._contract or f"{name.key}#{one}" in self._listed.rows]

    def _base_rows(self, name: names.Name, variant: str) -> list[Any]:
        if self._snapshot is not None:
            row = overrides.snapshot_row(self._snapshot, name.model, name.provider)
            return [row] if row and not variant else []
        return self.listed_rows(name, variant)

    def _own_rows(self, name: names.Name) -> list[Any]:
        return [own.row for own in self._own if self._as_name(own.model, own.provider) == name]

    def _own_name(self, model: str, provider: str) -> names.Name | None:
        wanted = model.strip().lower()
        for own in self._own:
            if own.model.lower() == wanted and (not own.provider or not provider or own.provider == provider):
                return self._as_name(own.model, own.provider)
        return next((name for name in self._contract if name.model.lower() == wanted), None)

    def _as_name(self, model: str, provider: str) -> names.Name:
        return names.find(self._listed, model, provider) or names.Name(model, provider, model)


def _remember(known: dict[Any, Any], asked: Any, answer: Any) -> None:
    """Keep an answer; all are found again where somebody asks for more names than there are."""
    if len(known) >= REMEMBERED:
        known.clear()
    known[asked] = answer


def media_units(row: list[Any], usage: tuple[int, ...], media: Mapping[str, int]) -> int:
    """By how much tokens of audio, images and video cost more (or less) than text, in the units of the row."""
    rates = row[3].get("media", {}) if len(row) > 3 else {}
    place = pricing.tier_of(row, prompt_tokens(usage))
    text = row[1][place]
    units = 0
    for kind, count in media.items():
        own = rates.get(kind)
        if own and own[place] is not None:
            units += count * (own[place] - (text[TEXT_RATES[kind.partition("_")[0]]] or 0))
    return units


def load(*, claude_code: bool = False) -> PriceTable:
    """The table as the settings are now; for what Claude Code uses, with the contract that its settings tell of.

    Raises ConfigError where a file of the user's or owner's is wrong.
    """
    named = places.configured("prices_file")
    refresh = places.expanded(str(named)) if named else None
    owned = _owned_file() if places.configured("pricing_source") == SNAPSHOT else None
    stamps = (catalogue.load(refresh).stamp, _stamp(overrides.file()), owned and _stamp(owned))
    paid = tuple(map(_stamp, places.managed_settings())) if claude_code else ()
    return _made((*stamps, paid), refresh, owned, claude_code)


def price_rows(models: Iterable[str] | None = None) -> dict[str, list[Any]]:
    """The flat table that the hooks' snapshot carries (`gaia_hooks.facts.prices.pricing`), of some models or of all."""
    return load(claude_code=True).table(models)


@lru_cache(maxsize=4)
def _made(stamps: tuple[Any, ...], refresh: Path | None, owned: Path | None, claude_code: bool) -> PriceTable:
    """The table of these files; `stamps` makes it anew when one of them has changed."""
    snapshot = None
    if owned is not None:
        from gaia_budget.owner import load_token_budget

        snapshot = overrides.snapshot_rows(load_token_budget().pricing_snapshot)
    paid = contract.load() if claude_code else NO_CONTRACT
    return PriceTable(catalogue.load(refresh), overrides.load(), snapshot, paid)


def _owned_file() -> Path:
    root = places.gaia_root()
    if root is None or not (root / "token_budget.json").is_file():
        raise ConfigError(
            places.settings_file(),
            "is 'snapshot', but there is no token_budget.json with prices",
            key="pricing_source",
            cure="Set GAIA_ROOT to the folder that has it, or pricing_source to 'genai-prices'",
            slug="no-owner-prices",
        )
    return root / "token_budget.json"


def _stamp(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), status.st_size, status.st_mtime_ns


def _provider_name(owner: Mapping[str, Any]) -> str:
    return names.OUR_NAMES.get(owner["id"], str(owner["id"]))


def _epoch(at: datetime | float | None) -> float:
    if at is None:
        return datetime.now(UTC).timestamp()
    if isinstance(at, datetime):
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return at
