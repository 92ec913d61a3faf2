"""How a plan's windows fill: minutes of bursty work with pauses, nights and weekends, and what a plan shows of it."""

from __future__ import annotations

import random
from typing import NamedTuple

from gaia_budget.forecast.days import weekday
from gaia_budget.forecast.rate import fit

MINUTE = 60_000_000
DAY_MINUTES, WEEK_MINUTES, FIVE_HOURS = 1440, 7 * 1440, 300
WEEKS_BEFORE = 8


class Window(NamedTuple):
    """A window that began at `start` (UTC microseconds): work of each minute, the limit, and the user's week so far."""

    name: str
    start: int
    work: list[float]
    limit: float
    week: tuple[float, ...]

    @property
    def length(self) -> int:
        """Microseconds."""
        return len(self.work) * MINUTE

    def percent(self, minute: int) -> int:
        """What the plan shows after so many minutes: whole percents."""
        return int(100 * sum(self.work[:minute]) / self.limit)

    def reached(self) -> int:
        """The instant at which the limit is reached, else the window's end."""
        done = 0.0
        for minute, amount in enumerate(self.work):
            done += amount
            if done >= self.limit:
                return self.start + (minute + 1) * MINUTE
        return self.start + self.length


def five_hours(seed: int) -> Window:
    """Five hours from a first request on: spells of work of 20 to 70 minutes with pauses of 8 to 40 in the mean."""
    chance = random.Random(f"five hours {seed}")
    work = _spells(chance, FIVE_HOURS)
    limit = sum(work) / chance.uniform(0.4, 2.5)
    return Window(
        "five_hour", chance.randrange(20_000, 20_700) * DAY_MINUTES * MINUTE, work, limit, (1.0,) * 7
    )


def seven_days(seed: int) -> Window:
    """A week from some working hour on, after eight weeks of the same user: nights, weekends, better and worse days."""
    chance = random.Random(f"seven days {seed}")
    opens, closes = chance.choice(((9, 18), (8, 17), (10, 20), (13, 24), (7, 23)))
    weekend, night = chance.choice((0.0, 0.1, 0.3, 1.0)), chance.choice((0.0, 0.0, 0.05))
    first = chance.randrange(20_000, 20_700)
    minutes = _spells(chance, (7 * WEEKS_BEFORE + 8) * DAY_MINUTES)
    for day in range(7 * WEEKS_BEFORE + 8):
        mood = chance.lognormvariate(0, 0.5) * (weekend if weekday(first + day) > 4 else 1.0)
        for minute in range(DAY_MINUTES):
            share = 1.0 if opens * 60 <= minute < closes * 60 else night
            minutes[day * DAY_MINUTES + minute] *= mood * share
    before = [sum(minutes[day * DAY_MINUTES : (day + 1) * DAY_MINUTES]) for day in range(7 * WEEKS_BEFORE)]
    begins = 7 * WEEKS_BEFORE * DAY_MINUTES + chance.randrange(opens * 60, closes * 60)
    work = minutes[begins : begins + WEEK_MINUTES]
    week = fit(before, first).profile
    limit = (sum(work) or 1.0) / chance.uniform(0.4, 2.5)
    return Window("seven_day", (first * DAY_MINUTES + begins) * MINUTE, work, limit, week)


def _spells(chance: random.Random, minutes: int) -> list[float]:
    """Work per minute: on and off by turns."""
    on_for, off_for = chance.uniform(20, 70), chance.uniform(8, 40)
    found: list[float] = []
    works = True
    while len(found) < minutes:
        length = max(1, round(chance.expovariate(1 / (on_for if works else off_for))))
        level = chance.lognormvariate(0, 0.4)
        found += [level * chance.gammavariate(1.5, 1 / 1.5) if works else 0.0 for _ in range(length)]
        works = not works
    return found[:minutes]
