"""Days that stand far out of a series by themselves or for their weekday, and series that took another level.

A one-off is spent, but no sign of what the days to come will cost. A level is told by quasi-likelihood: two levels
against one with its trend.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import exp, inf, log
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.forecast.days import WEEK, WORKDAYS, weekday

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FEWEST_DAYS = 4
"""Days with spend that it takes to tell what is usual."""
SPREADS = 3.5
LEAST_SPREAD = 0.4
"""Of the logarithms: a series that hardly varies may still double without a reason."""
LONGEST_RUN = 2
"""More high days than this in a row are a new level, not a one-off."""
NORMAL = 1.4826
"""A median absolute deviation times this is the standard deviation of a normal distribution."""


def spread(logs: Sequence[float], centre: float, floor: float) -> float:
    """The standard deviation as the median absolute deviation tells it, not below a floor."""
    return max(floor, NORMAL * median([abs(value - centre) for value in logs]))


def one_offs(amounts: Sequence[float]) -> list[int]:
    """The places of one-off days in a series of daily amounts."""
    logs = [log(amount) for amount in amounts if amount > 0]
    if len(logs) < FEWEST_DAYS:
        return []
    centre = median(logs)
    limit = SPREADS * spread(logs, centre, LEAST_SPREAD) * len(amounts) / len(logs)
    above = [log(amount) - centre if amount > 0 else 0.0 for amount in amounts]
    found: list[int] = []
    run: list[int] = []
    for place, height in enumerate([*above, 0.0]):
        if height > limit / 2:
            run.append(place)
        else:
            found += [day for day in run if above[day] > limit] if len(run) <= LONGEST_RUN else []
            run = []
    return found


WINDOW = 8 * WEEK
"""Days before that a day is compared with."""
RECENT = 4 * WEEK
"""Days before that tell the level."""
FEWEST = 8
"""Days with spend that must have been seen before anything is out of the ordinary."""
SPIKE_SPREADS, SPIKE_LEAST_SPREAD = 4.0, 0.22
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
    """The days from `since` on that are out of the ordinary in a series without gaps, whose first day is `first`.

    Robust statistics of the logarithms of the days before: the median of a weekday, shrunk towards the median of all,
    and the median absolute deviation. Only days with spend are compared, so that work on some days is no alarm; a new
    task has to be known for some days first; a new level is told at its first days and is usual after them.
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
    wide = spread(offs, median(offs), SPIKE_LEAST_SPREAD)
    limit = max(log(LEAST_RATIO), SPIKE_SPREADS * wide * (1 + FEW / len(before)))
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


SHORTEST = 4
"""Days that it takes to see a level."""
CHANGE_GAIN = 5.0
"""Log-likelihood, in units of the dispersion, that a second level must gain."""
PRIOR_DAYS, PRIOR_DISPERSION = 4.0, 0.2
"""Imagined days behind the dispersion, and theirs in units of the mean day."""
HEAVY, HEAVIEST = 0.8, 2.5
"""A few days of a heavy-tailed series show less variance than it has: by how much it is raised, and at most."""


class Day(NamedTuple):
    """A day of a series: days from its end (0 is the last one), the weekday's share, and the amount."""

    age: int
    share: float
    amount: float


def dispersion_of(squares: float, days: float) -> float:
    """The variance over the mean that squared Pearson residuals of so many days tell."""
    plain = (squares + PRIOR_DAYS * PRIOR_DISPERSION) / (days + PRIOR_DAYS)
    return plain * (1 + min(HEAVIEST, HEAVY * plain))


def change_of_level(days: Sequence[Day], level: float, slope: float, dispersion: float) -> int | None:
    """The place of the first day of a new level; None where one level and its trend explain the series as well."""
    amount, share = sum(day.amount for day in days), sum(day.share for day in days)
    trend = sum(
        day.amount * (level + slope * day.age) - exp(level + slope * day.age) * day.share for day in days
    )
    best, at = max(trend, _likelihood(amount, share)), 0
    gained, after, weight = best, 0.0, 0.0
    for place in range(len(days) - 1, SHORTEST - 1, -1):
        after, weight = after + days[place].amount, weight + days[place].share
        if len(days) - place >= SHORTEST:
            likelihood = _likelihood(after, weight) + _likelihood(amount - after, share - weight)
            if likelihood > gained:
                gained, at = likelihood, place
    if not at:
        return None
    spread = (dispersion + _dispersion_of_parts(days[:at], days[at:])) / 2
    return at if gained - best > CHANGE_GAIN * spread else None


def _likelihood(amount: float, share: float) -> float:
    """Of days of one level, up to what does not depend on the level."""
    return amount * log(amount / share) - amount if amount > 0 else 0.0


def _dispersion_of_parts(*parts: Sequence[Day]) -> float:
    squares, days = 0.0, 0
    for part in parts:
        level = sum(day.amount for day in part) / sum(day.share for day in part)
        if level > 0:
            squares += sum((day.amount - level * day.share) ** 2 / (level * day.share) for day in part)
        days += len(part)
    return dispersion_of(squares, days)
