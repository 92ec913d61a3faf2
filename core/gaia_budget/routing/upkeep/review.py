"""What of the owner's and our data is out of date: price drift, coming changes, retired models, files to review."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.prices import families, overrides
from gaia_budget.routing.tiers import TIERS, Retired, Routing
from gaia_hooks.facts.prices import pricing
from gaia_hooks.facts.prices.money import NANO, usd
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gaia_budget.owner import SnapshotPrice, TokenBudget
    from gaia_budget.prices.table import PriceTable

REVIEW_DAYS = 92
ENDING_DAYS = 60
"""How long before its end a model in use is named."""
KINDS = ("input", "output", "cache_read")
PER_MILLION = 10**6


class Used(NamedTuple):
    """What one model of one provider has taken this month (a `gaia_hooks.facts.tokens.usage`), and what it cost."""

    model: str
    provider: str
    usage: tuple[int, ...]
    cost_nano: int


class Rates(NamedTuple):
    """Nano-dollars per million tokens on a day; None for a kind without a price."""

    model: str
    on: date
    rates: tuple[int | None, ...]


class Drift(NamedTuple):
    """One price of the owner's snapshot against the real one, on the file's day and today.

    `percent` is (snapshot - real) / real per kind; `month_nano` is what this month's usage would cost at the
    snapshot's price beyond what it did cost.
    """

    provider: str
    name: str
    snapshot: tuple[int | None, ...]
    then: Rates
    today: Rates
    percent: dict[str, Decimal | None]
    percent_today: dict[str, Decimal | None]
    month_nano: int

    def said(self) -> list[str]:
        """In words, by kind: what the file has, what is real, and in which direction it is off."""
        pairs = zip(KINDS, self.snapshot, self.then.rates, strict=True)
        return [
            f"your file has {kind.replace('_', ' ')} of {self.name} at ${usd(ours)} per million tokens, the real price "
            f"is ${usd(real)}: {abs(percent):.0f} % too {'high' if percent > 0 else 'low'}"
            for kind, ours, real in pairs
            if (percent := self.percent[kind]) and ours is not None and real is not None
        ]

    def document(self) -> dict[str, Any]:
        """One entry of `drift[]`."""
        return {
            "provider": self.provider,
            "name": self.name,
            "snapshot": _shown(self.snapshot),
            "model": self.then.model,
            "as_of": self.then.on.isoformat(),
            "real": _shown(self.then.rates),
            "percent": {kind: _signed(value) for kind, value in self.percent.items()},
            "model_today": self.today.model,
            "real_today": _shown(self.today.rates),
            "percent_today": {kind: _signed(value) for kind, value in self.percent_today.items()},
            "month_usd": usd(self.month_nano),
            "said": self.said(),
        }


class Coming(NamedTuple):
    """A price change that the price list already knows."""

    model: str
    on: date
    before: tuple[int | None, ...]
    after: tuple[int | None, ...]

    def document(self) -> dict[str, Any]:
        """One entry of `coming[]`."""
        return {
            "model": self.model,
            "from": self.on.isoformat(),
            "before": _shown(self.before),
            "after": _shown(self.after),
        }


class Ending(NamedTuple):
    """A model that was used this month and ends soon, or has ended; `merges` are others that its successor replaces."""

    model: str
    on: date
    successor: str
    source: str
    merges: tuple[str, ...]
    is_over: bool

    def __str__(self) -> str:
        merged = f"; it takes the place of {', '.join(self.merges)} as well" if self.merges else ""
        ends = "ended" if self.is_over else "ends"
        return f"{self.model} is in use and {ends} on {self.on}: move to {self.successor}{merged} ({self.source})"

    def document(self) -> dict[str, Any]:
        """One entry of `ending[]`."""
        return {**self._asdict(), "on": self.on.isoformat(), "merges": list(self.merges)}


class Review(NamedTuple):
    """Everything that should be looked at; empty lists where nothing is out of date.

    `ending` are models in use whose end is near (`ENDING_DAYS`).
    """

    drift: list[Drift]
    coming: list[Coming]
    retired: list[tuple[str, Retired, str]]
    reminders: list[str]
    ending: list[Ending] = []  # noqa: RUF012 (a tuple's default, never changed)

    @property
    def clean(self) -> bool:
        """Whether nothing needs a change today."""
        drifted = any(value for entry in self.drift for value in entry.percent.values())
        return not (drifted or self.retired or self.reminders)


def review(
    budget: TokenBudget,
    routing: Routing,
    prices: PriceTable,
    used: Iterable[Used] = (),
    today: date | None = None,
) -> Review:
    """Hold the owner's file and the routing table against the price list. `used` is this month's own usage."""
    today = today or families.day_of(clock.now())
    snapshot = overrides.snapshot_rows(budget.pricing_snapshot)
    taken = list(used)
    drift = [
        _drift(
            provider,
            name,
            (row := snapshot[provider.lower()][name.lower()]),
            _written(price),
            budget.updated or today,
            today,
            prices,
            _taken_by(taken, snapshot, provider.lower(), row),
        )
        for provider, entries in budget.pricing_snapshot.items()
        for name, price in entries.items()
    ]
    routed = _routed(budget, routing)
    models = {families.model_of(name, today) or name for name in routed} | {one.model for one in taken}
    models |= {successor for name in routed if (successor := routing.successor(name, today))}
    return Review(
        drift,
        [change for model in sorted(models) for change in _coming(model, prices, today)],
        [
            (name, entry, routing.successor(name, today) or entry.successor)
            for name in sorted(routed)
            if (entry := routing.retired.get(name)) and entry.since <= today
        ],
        _reminders(budget, routing, drift, today),
        ending(routing, {one.model for one in taken}, today),
    )


def ending(routing: Routing, used: Iterable[str], today: date) -> list[Ending]:
    """Models in use that are no longer sold in `ENDING_DAYS`, the soonest first."""
    found = []
    for model in used:
        entry = routing.retired.get(model)
        if entry is not None and (entry.since - today).days <= ENDING_DAYS:
            last = routing.last(model)
            merges = sorted(
                one for one in routing.standing if one != model and _joins(one, model, last, routing)
            )
            found.append(Ending(model, entry.since, last, entry.source, tuple(merges), entry.since <= today))
    return sorted(found, key=lambda one: (one.on, one.model))


def _joins(other: str, model: str, last: str, routing: Routing) -> bool:
    """Whether another tier's model is replaced by the same one."""
    if other not in routing.retired or model not in routing.standing:
        return False
    return routing.last(other) == last and routing.standing[other] != routing.standing[model]


def _drift(
    provider: str,
    name: str,
    row: list[Any],
    listed: tuple[int | None, ...],
    updated: date,
    today: date,
    prices: PriceTable,
    taken: list[Used],
) -> Drift:
    then, now = (_real(name, provider, day, prices) for day in (updated, today))
    month = sum((pricing.cost_nano(_without_searches(one.usage), row) or 0) - one.cost_nano for one in taken)
    return Drift(
        provider,
        name,
        listed,
        then,
        now,
        _percent(listed, then.rates),
        _percent(listed, now.rates),
        month,
    )


def _taken_by(
    taken: list[Used], snapshot: Mapping[str, Mapping[str, list[Any]]], provider: str, row: list[Any]
) -> list[Used]:
    return [
        one
        for one in taken
        if one.provider == provider and overrides.snapshot_row(snapshot, one.model, one.provider) is row
    ]


def _real(name: str, provider: str, day: date, prices: PriceTable) -> Rates:
    model = families.model_of(name, day) or name
    known = prices.name(model, provider)
    at = datetime.combine(day, time(12), UTC).timestamp()
    row = pricing.row_at(prices.listed_rows(known), at) if known else None
    return Rates(known.model if known else model, day, _rates(row) if row else (None,) * len(KINDS))


def _rates(row: list[Any]) -> tuple[int | None, ...]:
    per_nano = (row[3] if len(row) > 3 else {}).get("per_nano", pricing.FEMTO_PER_NANO)
    return tuple(None if rate is None else rate * PER_MILLION // per_nano for rate in row[1][0][1:4])


def _percent(listed: tuple[int | None, ...], real: tuple[int | None, ...]) -> dict[str, Decimal | None]:
    return {
        kind: (Decimal(ours - theirs) * 100 / theirs).quantize(Decimal("0.1"))
        if ours is not None and theirs
        else None
        for kind, ours, theirs in zip(KINDS, listed, real, strict=True)
    }


def _routed(budget: TokenBudget, routing: Routing) -> set[str]:
    named = {name for entry in budget.per_module.values() for name in entry.models}
    return named | {name for tiers in routing.providers.values() for tier in TIERS for name in tiers[tier]}


def _coming(model: str, prices: PriceTable, today: date) -> list[Coming]:
    known = prices.name(model)
    rows = prices.listed_rows(known) if known else []
    midnight = datetime.combine(today, time(), UTC).timestamp()
    return [
        Coming(known.model, datetime.fromtimestamp(after[0], UTC).date(), _rates(before), _rates(after))
        for before, after in pairwise(rows)
        if known and after[0] > midnight
    ]


def _reminders(budget: TokenBudget, routing: Routing, drift: list[Drift], today: date) -> list[str]:
    found = []
    wrong = sorted({entry.name for entry in drift if any(entry.percent_today.values())})
    changed = f"; its prices of {', '.join(wrong)} are not today's" if wrong else ""
    if budget.file and budget.updated and (today - budget.updated).days > REVIEW_DAYS:
        found.append(f"{budget.file} is {(today - budget.updated).days} days old: review it{changed}")
    if (today - routing.updated).days > REVIEW_DAYS:
        found.append(f"the routing table is {(today - routing.updated).days} days old: review it")
    return found


def _written(price: SnapshotPrice) -> tuple[int | None, ...]:
    """The owner's own figures; None where the file says nothing (the row charges such tokens as input)."""
    amounts = (price.input_per_1m, price.output_per_1m, price.cache_read_per_1m)
    return tuple(None if amount is None else int(amount * NANO) for amount in amounts)


def _without_searches(usage: tuple[int, ...]) -> tuple[int, ...]:
    return (*usage[:6], 0)


def _shown(rates: tuple[int | None, ...]) -> dict[str, str | None]:
    return {
        f"{kind}_per_1m": None if rate is None else usd(rate) for kind, rate in zip(KINDS, rates, strict=True)
    }


def _signed(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:+}" if value else "0"
