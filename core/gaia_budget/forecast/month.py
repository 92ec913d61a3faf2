"""Where a month ends at the rate so far, in what range, and on which day its limit is used up.

The range is that of a log-normal rest with the mean and variance of the fit, so it never lies below what is spent.
It is meant to hold the truth four times out of five; `bench/forecast.py` shows how often it does.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.forecast.days import WEEK
from gaia_budget.forecast.rate import LONGEST, Rate, fit
from gaia_budget.ledger.zone import day_name
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_DAYS = 3
"""Whole days since the first spend, below which nothing is projected."""
WIDTH, WIDTH_FEW = 1.4, 4.0
"""Half the range in standard deviations, and how many times wider it is after a single day of data."""
MOST_FITTED = 2048
"""Series of past days whose fit is remembered."""
VISIBLE_SLOPE = 0.005
"""Growth per day from which on it is named."""


class Days(NamedTuple):
    """Spend in nano-dollars of whole days without gaps, the last of which was yesterday, and of today so far.

    `first` is the first of them (days since 1970-01-01); `left` is the share of today that is still to come.
    """

    first: int
    nano: Sequence[int]
    today_nano: int
    left: float

    @property
    def today(self) -> int:
        """The day that is not over."""
        return self.first + len(self.nano)


class Projection(NamedTuple):
    """A month's end in nano-dollars; None where the data is too thin, and `method` says so in words.

    `exhausted_on` is the day on which the limit was or will be reached, None where that is not this month or not
    known; `earliest` and `latest` are the same at the ends of the range.
    """

    spent_nano: int
    projected_nano: int | None
    low_nano: int | None
    high_nano: int | None
    exhausted_on: int | None
    earliest: int | None
    latest: int | None
    method: str

    @property
    def known(self) -> bool:
        """Whether there is a projection."""
        return self.projected_nano is not None

    @property
    def ends(self) -> tuple[int, int, int] | None:
        """The projection with the ends of its range; None where there is none."""
        if self.projected_nano is None or self.low_nano is None or self.high_nano is None:
            return None
        return self.projected_nano, self.low_nano, self.high_nano

    def document(self) -> dict[str, str | None]:
        """What is spent, and where it ends, as every JSON document has it."""
        ends = map(usd, self.ends) if self.ends else (None,) * 3
        return {
            "spent_usd": usd(self.spent_nano),
            **dict(zip(("projected_usd", "low_usd", "high_usd"), ends, strict=True)),
        }


def project(days: Days, month: tuple[int, int], limit_nano: int | None, beside_nano: int = 0) -> Projection:
    """Project the month [first day, first day of the next) against a limit (None: without one).

    `beside_nano` was spent in the month too, on days that nobody knows.
    """
    start, end = month
    in_month = days.nano[max(0, start - days.first) : max(0, end - days.first)]
    today = days.today_nano if start <= days.today < end else 0
    spent = sum(in_month) + today + beside_nano
    reached = None if limit_nano is None else _reached(days, month, limit_nano, beside_nano)
    if days.today >= end:
        return Projection(spent, spent, spent, spent, reached, reached, reached, "the month is over")
    thin = _too_thin(days)
    if thin:
        return Projection(spent, None, None, None, reached, reached, reached, thin)
    known = _known(days)
    rate = _fitted(tuple(known.nano), known.first)
    ahead = [(known.today, known.left), *((day, 1.0) for day in range(known.today + 1, end))]
    mean, variance = rate.total(ahead)
    lowest, highest = _range(mean, variance, len(known.nano))

    def exhausted(rest: float) -> int | None:
        if limit_nano is None or reached is not None:
            return reached
        return _exhausted(rate, ahead, limit_nano - spent, rest / mean if mean > 0 else 0.0)

    return Projection(
        spent,
        *(spent + round(mean), spent + round(lowest), spent + round(highest)),
        *(exhausted(mean), exhausted(highest), exhausted(lowest)),
        _method(rate, known),
    )


@lru_cache(maxsize=MOST_FITTED)
def _fitted(nano: tuple[int, ...], first: int) -> Rate:
    """What whole days tell: past ones stay as they are, so a server asks for the same ones all day long."""
    return fit([float(one) for one in nano], first)


def _known(days: Days) -> Days:
    """The days since the first spend, of those that are looked at."""
    recent = days.nano[-LONGEST:]
    first = next((place for place, nano in enumerate(recent) if nano), len(recent))
    return Days(days.today - len(recent) + first, recent[first:], days.today_nano, days.left)


def _too_thin(days: Days) -> str:
    count = len(_known(days).nano)
    if not count and not days.today_nano:
        return "no data yet"
    if count < FEWEST_DAYS:
        whole = "1 whole day" if count == 1 else f"{count} whole days"
        return f"too early: {whole} of data, and a projection takes {FEWEST_DAYS}"
    return ""


def _range(mean: float, variance: float, days: int) -> tuple[float, float]:
    if mean <= 0:
        return 0.0, 0.0
    squared = log(1 + variance / mean**2)
    reach = WIDTH * (1 + WIDTH_FEW / days) * sqrt(squared)
    middle = log(mean) - squared / 2
    return min(mean, exp(middle - reach)), max(mean, exp(middle + reach))


def _reached(days: Days, month: tuple[int, int], limit: int, beside: int) -> int | None:
    """The day of the month by which the limit had been reached; None where it has not been."""
    total = beside
    if total >= limit:
        return month[0]
    for day, nano in enumerate([*days.nano, days.today_nano], days.first):
        if month[0] <= day < month[1]:
            total += nano
            if total >= limit:
                return day
    return None


def _exhausted(rate: Rate, ahead: Sequence[tuple[int, float]], left: float, scale: float) -> int | None:
    """The day to come on which so much will have been spent, at a multiple of the expected rate."""
    for day, share in ahead:
        left -= rate.on(day) * share * scale
        if left <= 0:
            return day
    return None


def _method(rate: Rate, days: Days) -> str:
    """How it was reckoned, in words."""
    count = len(days.nano)
    said = [f"the level of {count} days"]
    if rate.since is not None:
        said = [f"the level since {day_name(rate.since)}"]
    if abs(rate.slope) >= VISIBLE_SLOPE:
        said.append(f"{'growing' if rate.slope > 0 else 'falling'} {abs(rate.slope):.1%} a day, slowing down")
    if count >= WEEK:
        said.append("by weekday")
    if rate.one_offs:
        days_off = [day_name(day) for day in rate.one_offs]
        said.append(
            f"without {', '.join(days_off[-3:])}{' and others' if len(days_off) > 3 else ''} as one-off"
        )
    return ", ".join(said)
