"""Days of spend with a known truth: kinds of months that projections are tried on, and series with planted spikes.

Everything is drawn from a seed. A day is a number since 1970-01-01, as in the ledger's sums; money is nano-dollars.
"""

from __future__ import annotations

import math
import random
import statistics
from typing import NamedTuple

from gaia_budget.forecast.days import weekday
from gaia_budget.ledger.zone import EPOCH, first_of

KINDS = ("steady", "weekday-heavy", "growing", "bursty", "one-off", "changed")
"""The last: work that took another size around the beginning of the month."""
HISTORIES = (0, 0, 12, 35, 65, 95)


class SpendMonth(NamedTuple):
    """A month day by day, with what came before it; `first` is the first day of the history."""

    kind: str
    first: int
    month_start: int
    month_end: int
    nano: tuple[int, ...]

    def until(self, day: int) -> tuple[int, ...]:
        """The days before `day`."""
        return self.nano[: day - self.first]

    def total(self) -> int:
        """The whole month."""
        return sum(self.nano[self.month_start - self.first :])


def spend_month(kind: str, seed: int) -> SpendMonth:
    """A month of a kind, in any of four years, with up to three months of history before it."""
    chance = random.Random(f"{kind} {seed}")
    number = chance.randrange(2024 * 12, 2028 * 12)
    start, end = ((first_of(month) - EPOCH).days for month in (number, number + 1))
    first = start - chance.choice(HISTORIES)
    level = math.exp(chance.gauss(0, 1.5))
    noise = chance.uniform(0.15, 0.45)
    weekend = chance.uniform(0, 0.25) if kind == "weekday-heavy" else chance.choice((1.0, 1.0, 0.4))
    growth = chance.uniform(0.005, 0.025) if kind == "growing" else 0.0
    active, noise = (
        (chance.uniform(0.25, 0.6), chance.uniform(0.7, 1.1)) if kind == "bursty" else (1.0, noise)
    )
    spike_at = chance.randrange(start, end) if kind == "one-off" else -1
    change_at = chance.randrange(start - 25, start + 8) if kind == "changed" else -1
    change = chance.choice((-1, 1)) * chance.uniform(0.5, 1.2)
    drift, dollars = 0.0, []
    for day in range(first, end):
        drift += chance.gauss(0, 0.05) if weekday(day) == 0 else 0.0
        drift += change if day == change_at else 0.0
        mean = level * math.exp(drift + growth * (day - start)) * (weekend if weekday(day) > 4 else 1.0)
        works = chance.random() < active
        dollars.append(works * mean * math.exp(chance.gauss(-noise * noise / 2, noise)))
        if day == spike_at:
            dollars[-1] += level * chance.uniform(5, 20)
    return SpendMonth(kind, first, start, end, tuple(round(amount * 1e9) for amount in dollars))


class TaskDays(NamedTuple):
    """A task's days, the prices of each day against the first, and the days on which a spike was planted."""

    first: int
    since: int
    nano: tuple[int, ...]
    prices: tuple[float, ...]
    spikes: frozenset[int]

    def price_change(self, day: int) -> float:
        """How many times dearer the day's prices are than those of the four weeks before it were in the middle."""
        at = day - self.first
        return self.prices[at] / statistics.median(self.prices[max(0, at - 28) : at])


QUARTER_DAYS, WARMING_DAYS = 91, 56
SPIKE_SIZES = (4, 10)


def task_days(seed: int, *, spikes: int) -> TaskDays:
    """A quarter of steady, seasonal work after eight weeks of it; a third sees a price change, a third begins late.

    A spike is a day at 4 to 10 times what it would have cost.
    """
    chance = random.Random(f"task {seed}")
    since = chance.randrange(20_000, 20_700)
    days = WARMING_DAYS + QUARTER_DAYS
    level, noise = math.exp(chance.gauss(0, 1.5)), chance.uniform(0.12, 0.35)
    weekend = chance.choice((1.0, chance.uniform(0.05, 0.4), 0.0))
    begins = chance.randrange(10, 60) if chance.random() < 0.33 else 0
    price_at = chance.randrange(60, days) if chance.random() < 0.33 else days
    price = math.exp(chance.uniform(-1.1, 1.1))
    growth = chance.uniform(-0.004, 0.008)
    nano, prices, worked = [], [], []
    for place in range(days):
        week = weekend if weekday(since - WARMING_DAYS + place) > 4 else 1.0
        amount = level * week * math.exp(growth * place + chance.gauss(0, noise)) * (place >= begins)
        prices.append(price if place >= price_at else 1.0)
        nano.append(amount * prices[-1])
        if amount and place >= max(WARMING_DAYS, begins + 21):
            worked.append(place)
    planted = sorted(chance.sample(worked, spikes))
    for place in planted:
        nano[place] *= chance.uniform(*SPIKE_SIZES)
    return TaskDays(
        since - WARMING_DAYS, since, tuple(round(amount * 1e9) for amount in nano), tuple(prices),
        frozenset(since - WARMING_DAYS + place for place in planted),
    )  # fmt: skip
