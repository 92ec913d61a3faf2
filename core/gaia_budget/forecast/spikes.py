"""Days that are out of the ordinary for what a task usually costs on such a weekday.

Robust statistics of the logarithms of the days before: the median of a weekday, shrunk towards the median of all,
and the median absolute deviation. Only days with spend are compared, so that work on some days is no alarm; a new
task has to be known for some days first; a new level is told at its first days and is usual after them.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import exp, inf, log
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.forecast.days import WEEK, WORKDAYS, weekday
from gaia_budget.forecast.levels import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WINDOW = 8 * WEEK
"""Days before that a day is compared with."""
RECENT = 4 * WEEK
"""Days before that tell the level."""
FEWEST = 8
"""Days with spend that must have been seen before anything is out of the ordinary."""
SPREADS = 4.0
LEAST_SPREAD = 0.22
FEW = 3.0
"""How many days wider the spread is taken, as a share of the days known: few days tell it badly."""
LEAST_RATIO = 2.0
"""A day must have cost more than this many usual ones."""
LEAST_SHARE = 0.5
"""And so many mean days of the series, so that a weekend on which somebody worked a little is no alarm."""
CLASS_DAYS, WEEKDAY_DAYS = 1.0, 3.0
SERIES_KEPT = 1000
"""Series whose spikes are remembered: what comes in changes one of them, and the page shows all."""


class Spike(NamedTuple):
    """A day (since 1970-01-01) that cost `actual` where `expected` is usual, in the unit of the series."""

    day: int
    expected: float
    actual: float


class _Found(NamedTuple):
    """A spike at unchanged prices, and by how much its logarithm is beyond what is usual at most."""

    spike: Spike
    beyond: float


def spikes(
    amounts: Sequence[float], first: int, since: int, price: Callable[[int], float] = lambda _: 1.0
) -> list[Spike]:
    """The days from `since` on that stand out of a series of days without gaps, the first of which is `first`.

    `price` tells for a day by how much its prices differ from those of the days before; it is asked for days alone
    that stand out.
    """
    found = []
    for spike, beyond in _at_unchanged_prices(tuple(amounts), first, since):
        changed = price(spike.day)
        if beyond > log(changed):
            found.append(spike._replace(expected=spike.expected * changed))
    return found


@lru_cache(SERIES_KEPT)
def _at_unchanged_prices(amounts: tuple[float, ...], first: int, since: int) -> list[_Found]:
    worked = [(day, log(amount)) for day, amount in enumerate(amounts, first) if amount > 0]
    found = []
    for place in range(bisect_left(worked, (since, -inf)), len(worked)):
        day, value = worked[place]
        before = worked[bisect_left(worked, (day - WINDOW, -inf)) : place]
        one = _judged(day, value, before)
        if one is not None:
            found.append(one)
    return found


def _judged(day: int, value: float, before: Sequence[tuple[int, float]]) -> _Found | None:
    if len(before) < FEWEST:
        return None
    flat = median([known for _, known in before])
    if value <= flat and weekday(day) < WORKDAYS:  # most days end here, cheaply
        return None
    week = _week(before, flat)
    rest = [(known_day, known - week[weekday(known_day)]) for known_day, known in before]
    recent = [known for known_day, known in rest if known_day >= day - RECENT] or [known for _, known in rest]
    level = median(recent)
    offs = [known for _, known in rest]
    wide = spread(offs, median(offs), LEAST_SPREAD)
    limit = max(log(LEAST_RATIO), SPREADS * wide * (1 + FEW / len(before)))
    usual = max(level, min(offs[-2:])) + week[weekday(day)]
    mean = sum(exp(known) for _, known in before) / WINDOW
    beyond = value - usual - limit
    if beyond <= 0 or exp(value) - exp(usual) < LEAST_SHARE * mean:
        return None
    return _Found(Spike(day, exp(level + week[weekday(day)]), exp(value)), beyond)


def _week(before: Sequence[tuple[int, float]], flat: float) -> list[float]:
    """By how much the logarithm of each weekday lies off that of all days."""
    by_day: list[list[float]] = [[] for _ in range(WEEK)]
    for day, known in before:
        by_day[weekday(day)].append(known - flat)
    offs = [0.0] * WEEK
    for group in (range(WORKDAYS), range(WORKDAYS, WEEK)):
        together = [known for place in group for known in by_day[place]]
        of_class = median(together) * len(together) / (len(together) + CLASS_DAYS) if together else 0.0
        for place in group:
            own, count = by_day[place], len(by_day[place])
            offs[place] = (
                (count * median(own) + WEEKDAY_DAYS * of_class) / (count + WEEKDAY_DAYS) if own else of_class
            )
    return offs
