"""What a day costs: level, trend and week of a series of daily amounts, and how sure that is.

The mean of day t is exp(level + slope * t) * profile[weekday(t)], fitted by quasi-likelihood with a variance in
proportion to the mean (Wedderburn 1974): without trend and week that is the plain mean, and days of nothing are
no trouble to it. Older days weigh less, one-off days nothing. The slope has a normal prior around none and is
taken for as much as its significance allows; weekdays are shrunk towards working days or weekends, and those
towards a flat week. Where two levels explain the series clearly better than one, the older fades.

The constants were chosen on seeds that `bench/forecast.py` does not report on.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.forecast.days import WEEK, WORKDAYS, weekday
from gaia_budget.forecast.levels import Day, change_of_level, dispersion_of, one_offs

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 13 * WEEK
"""Days that are looked at."""
HALF_LIFE = 18.0
PROFILE_HALF_LIFE = 56.0
"""Days after which a day weighs half: for level and trend, and for the week, which changes less."""
SLOPE_PRIOR = 0.03
"""Standard deviation of the growth per day that is thought possible (0.03: doubling in 24 days)."""
SLOPE_DOUBT = 1.5
"""Squared standard errors by which a slope is pulled towards none."""
LEAST_DOUBT = 0.3
"""Share of the slope's variance that stays where no slope is taken."""
DAMPING = 0.96
"""Each day ahead goes on with the trend by this much less than the one before."""
CLASS_DAYS, WEEKDAY_DAYS = 1.0, 3.0
"""Imagined days that pull working days and weekends to the mean, and each weekday to those."""
LEAST_SHARE = 0.02
"""Of a mean day: what a weekday without any spend so far is still thought to cost."""
REMEMBERED = 0.5
"""How many days the level before a change still counts for."""
DRIFT, CHANGE_AGAIN, SETTLED_DAYS = 0.03, 0.5, 30
"""Standard deviation by which the level moves per day, as a logarithm; the share of a change's size that is thought
to come again in as many days as it took, and imagined days without one."""
SURPRISE_RATE, SURPRISE_SIZE = 0.01, 6.0
"""One-off days to come: how many a day, and how many usual days each costs."""
SPELL_BLOCKS, LONGEST_SPELL = 2.0, 4.0
"""Imagined weeks of unconnected days, and how many times the variance may be for spells of work."""
STEPS, CONVERGED = 8, 1e-5


class Rate(NamedTuple):
    """A fitted series. Amounts are in the unit of the series, `next_day` is the day after its last one.

    The variances are those of the logarithm of the level and of the slope, `dispersion` is the variance of a day
    over its mean. `since` is the day of the last change of level, where there was one.
    """

    next_day: int
    level: float
    slope: float
    profile: tuple[float, ...]
    dispersion: float
    level_variance: float
    slope_variance: float
    covariance: float
    drift: float
    one_offs: tuple[int, ...]
    since: int | None

    def on(self, day: int) -> float:
        """The expected amount of a day after the series."""
        return self.level * exp(self.slope * self._ahead(day)) * self.profile[weekday(day)]

    def _ahead(self, day: int) -> float:
        """How many days of undamped trend a day lies ahead."""
        return DAMPING * (1 - DAMPING ** (day - self.next_day + 1)) / (1 - DAMPING)

    def total(self, days: Sequence[tuple[int, float]]) -> tuple[float, float]:
        """Mean and variance of what days will cost together; each with the share of it that is to come."""
        expected = [self.on(day) * share for day, share in days]
        mean = sum(expected)
        lean = sum(amount * self._ahead(day) for amount, (day, _) in zip(expected, days, strict=True))
        fit = mean * mean * self.level_variance + lean * lean * self.slope_variance
        fit = max(0.0, fit + 2 * mean * lean * self.covariance)
        rest = drift = 0.0
        for amount in reversed(expected):
            rest += amount
            drift += rest * rest
        surprises = SURPRISE_RATE * sum((amount * SURPRISE_SIZE) ** 2 for amount in expected)
        return mean, fit + self.dispersion * mean + self.drift**2 * drift + surprises


def fit(amounts: Sequence[float], first_day: int) -> Rate:
    """Fit a series of whole days without gaps, the first of which is `first_day`."""
    next_day = first_day + len(amounts)
    recent = amounts[-LONGEST:]
    first = next_day - len(recent)
    off = set(one_offs(recent))
    kept = [(first + place, amount) for place, amount in enumerate(recent) if place not in off]
    mean = sum(amount for _, amount in kept) / len(kept) if kept else 0.0
    days_off = tuple(first + place for place in sorted(off))
    if mean <= 0:
        return Rate(next_day, 0.0, 0.0, (1.0,) * WEEK, 0.0, 0.0, 0.0, 0.0, DRIFT, days_off, None)
    profile = _profile([(day - next_day + 1, weekday(day), amount / mean) for day, amount in kept])
    days = [Day(day - next_day + 1, profile[weekday(day)], amount / mean) for day, amount in kept]
    trend = _trend(days)
    changed = change_of_level(days, trend.level, trend.slope, trend.dispersion)
    if changed is not None:
        trend = _trend(days[changed:], days[:changed])
    trend = _in_spells(trend, days[changed or 0 :])
    since = None if changed is None else kept[changed][0]
    return Rate(
        *(next_day, exp(trend.level) * mean, trend.slope, profile, trend.dispersion * mean, *trend[3:]),
        *(_drift(days, changed), days_off, since),
    )


def _drift(days: Sequence[Day], changed: int | None) -> float:
    """How much the level moves per day: what has changed once may change again."""
    if changed is None:
        return DRIFT
    before, after = (
        (sum(day.amount for day in part) + 1) / (sum(day.share for day in part) + 1)
        for part in (days[:changed], days[changed:])
    )
    return sqrt(DRIFT**2 + CHANGE_AGAIN * log(after / before) ** 2 / (len(days) + SETTLED_DAYS))


def _profile(days: Sequence[tuple[int, int, float]]) -> tuple[float, ...]:
    """Each weekday's share of the mean day, from (age, weekday, amount); the mean of the seven is about 1."""
    sums, counts = [0.0] * WEEK, [0.0] * WEEK
    for age, place, amount in days:
        weight: float = 0.5 ** (-age / PROFILE_HALF_LIFE)
        sums[place] += weight * amount
        counts[place] += weight
    flat = sum(sums) / sum(counts)
    shares = [0.0] * WEEK
    for group in (range(WORKDAYS), range(WORKDAYS, WEEK)):
        count, amount = sum(counts[place] for place in group), sum(sums[place] for place in group)
        usual = (amount + CLASS_DAYS * flat) / (count + CLASS_DAYS)
        for place in group:
            shares[place] = (sums[place] + WEEKDAY_DAYS * usual) / (counts[place] + WEEKDAY_DAYS)
    mean = sum(shares) / WEEK
    return tuple(max(LEAST_SHARE, share / mean) for share in shares)


class _Trend(NamedTuple):
    level: float
    slope: float
    dispersion: float
    level_variance: float
    slope_variance: float
    covariance: float


def _trend(days: Sequence[Day], before: Sequence[Day] = ()) -> _Trend:
    """Level and slope by Newton's method; `before` is what preceded a change of level."""
    rows = [(day, 0.5 ** (-day.age / HALF_LIFE)) for day in days]
    if before:
        share, amount = (sum(figures) / len(before) for figures in list(zip(*before, strict=True))[1:])
        rows.append((Day(days[0].age, share, amount), REMEMBERED))
    level = slope = 0.0
    dispersion = dispersion_of(0.0, 0.0)
    for _ in range(STEPS):
        pulls = leans = p00 = p01 = p11 = squares = 0.0
        for (age, share, amount), weight in rows:
            expected = exp(min(20.0, max(-20.0, level + slope * age))) * share
            off = weight * (amount - expected)
            mass = weight * expected
            pulls, leans = pulls + off, leans + off * age
            p00, p01, p11 = p00 + mass, p01 + mass * age, p11 + mass * age * age
            squares += off * (amount - expected) / expected
        prior = dispersion / SLOPE_PRIOR**2
        leans, p11 = leans - slope * prior, p11 + prior
        determinant = p00 * p11 - p01 * p01
        step, turn = (p11 * pulls - p01 * leans) / determinant, (p00 * leans - p01 * pulls) / determinant
        level, slope = level + step, slope + turn
        dispersion = dispersion_of(squares, sum(weight for _, weight in rows))
        if abs(step) < CONVERGED and abs(turn) < CONVERGED:
            break
    variances = (
        dispersion * p11 / determinant,
        dispersion * p00 / determinant,
        -dispersion * p01 / determinant,
    )
    return _doubted(level, slope, dispersion, *variances)


def _doubted(level: float, slope: float, dispersion: float, vl: float, vs: float, cov: float) -> _Trend:
    """The fit with its slope taken for as much as it is significant, and the level that goes with it."""
    taken = max(0.0, 1.0 - SLOPE_DOUBT * vs / slope**2) if slope else 0.0
    level -= (1 - taken) * slope * cov / vs
    left = max(taken, LEAST_DOUBT)
    return _Trend(level, slope * taken, dispersion, vl, vs * left, cov * left)


def _in_spells(trend: _Trend, days: Sequence[Day]) -> _Trend:
    """The fit with its variances raised for work that comes in spells: weeks vary by more than their days tell.

    The ratio is that of the squared sums of a week's residuals to the sum of the squared residuals (a variance
    ratio, Lo and MacKinlay 1988), which is 1 for days that have nothing to do with each other.
    """
    expected = [exp(trend.level + trend.slope * day.age) * day.share for day in days]
    residuals = [
        (day.amount - mean) / sqrt(mean) for day, mean in zip(reversed(days), reversed(expected), strict=True)
    ]
    blocks = [residuals[start : start + WEEK] for start in range(0, len(residuals) - WEEK + 1, WEEK)]
    apart = sum(one * one for block in blocks for one in block)
    if not apart:
        return trend
    ratio = sum(sum(block) ** 2 for block in blocks) / apart
    times = (len(blocks) * ratio + SPELL_BLOCKS) / (len(blocks) + SPELL_BLOCKS)
    times = min(LONGEST_SPELL, max(1.0, times))
    return _Trend(trend.level, trend.slope, *(times * variance for variance in trend[2:]))
