"""Days that stand far out of a series by themselves, and series that took another level.

A one-off is spent, but no sign of what the days to come will cost. A level is told by quasi-likelihood: two levels
against one with its trend."""

from __future__ import annotations

from math import exp, log
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

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
