"""Days that stand far out of a series by themselves: spent, but no sign of what the days to come will cost."""

from __future__ import annotations

from math import log
from statistics import median
from typing import TYPE_CHECKING

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
