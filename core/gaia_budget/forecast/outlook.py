"""Where each module's month ends, from the sums per day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.forecast.month import Days, Projection, project
from gaia_budget.forecast.rate import LONGEST
from gaia_budget.forecast.series import Amounts, Known, known_days
from gaia_budget.ledger.zone import EPOCH, Zone, bucket, day_name, first_of, month_name
from gaia_hooks.facts import names
from gaia_hooks.facts.prices.money import usd, usd_short

if TYPE_CHECKING:
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.owner import TokenBudget
    from gaia_budget.settings.keys import Settings

NOT_THIS_MONTH = "not this month"
ALL = ""
"""Stands for all modules together where a module is named."""


class Outlook(NamedTuple):
    """A module's month against its cap: what counts against it, and beside it Claude Code's spend that does not.

    `beside` is None where all of Claude Code's spend counts or there is none. Days are days since 1970-01-01.
    """

    module: str
    month: str
    limit_nano: int
    override_nano: int
    counted: Projection
    beside: Projection | None

    @property
    def cap_nano(self) -> int:
        """The cap, and what overrides have added to it."""
        return self.limit_nano + self.override_nano

    @property
    def exhausted_on(self) -> str | None:
        """The local date on which the cap was or will be reached; None: not this month, or not known."""
        return _date(self.counted.exhausted_on)

    def document(self) -> dict[str, Any]:
        """One of `modules` of `forecast --json`."""
        found = self.counted
        return {
            "module": self.module,
            "month": self.month,
            "limit_usd": usd(self.limit_nano),
            "override_usd": usd(self.override_nano),
            "cap_usd": usd(self.cap_nano),
            **found.document(),
            "exhausted_on": self.exhausted_on,
            "exhausted_between": [_date(found.earliest), _date(found.latest)],
            "method": found.method,
            "claude_code_not_counted": None
            if self.beside is None
            else {**self.beside.document(), "method": self.beside.method},
        }

    def says(self) -> str:
        """When the cap is used up, in words."""
        found = self.counted
        if found.exhausted_on is not None and found.spent_nano >= self.cap_nano:
            return f"reached on {self.exhausted_on}"
        if not found.known:
            return found.method
        if found.exhausted_on is not None:
            return f"exhausted on {self.exhausted_on}"
        soonest = "" if found.earliest is None else f", at the soonest on {_date(found.earliest)}"
        return NOT_THIS_MONTH + soonest


def _date(day: int | None) -> str | None:
    return None if day is None else day_name(day)


def forecast(
    ledger: Ledger,
    settings: Settings,
    budget: TokenBudget,
    module: str | None = None,
    now: int | None = None,
) -> list[Outlook]:
    """The month of every module that has a budget or spent something lately, or of one; dearest projection first.

    Raises LedgerError.
    """
    at = ledger.now() if now is None else now
    names = {name.lower() for name in budget.per_module} if module is None else {module}
    known, place = known_days(ledger, at, module), _place(ledger.zone, at)
    found = [
        _outlook(place, name, known, budget, settings)
        for name in sorted(names | set(known.months) | set(known.series))
    ]
    return sorted(found, key=lambda one: -(one.counted.projected_nano or one.counted.spent_nano))


def together(ledger: Ledger, settings: Settings, now: int | None = None) -> Outlook:
    """The month of all modules together, against their common cap: the same money that counts for each of them.

    Without a common cap `limit_nano` is 0, and nothing is ever used up. Raises LedgerError.
    """
    at = ledger.now() if now is None else now
    known = known_days(ledger, at, None)
    total, counted, others = known.together(settings)
    place = _place(ledger.zone, at)
    return _projected(place, ALL, settings.total_limit_nano, 0, total, counted, others)


class _Place(NamedTuple):
    """Where an instant lies: its month with the days [start, end), its day, and the share of that to come."""

    month: str
    days: tuple[int, int]
    today: int
    left: float


def _place(zone: Zone, at: int) -> _Place:
    number, today = bucket(zone, "month", at), bucket(zone, "day", at)
    start, end = ((first_of(one) - EPOCH).days for one in (number, number + 1))
    day = EPOCH + timedelta(days=today)
    begins, ends = zone.start_of_day(day), zone.start_of_day(day + timedelta(days=1))
    return _Place(month_name(number), (start, end), today, (ends - at) / (ends - begins))


def _outlook(place: _Place, module: str, known: Known, budget: TokenBudget, settings: Settings) -> Outlook:
    counts, month = settings.module(module).counts_claude_code, known.months.get(module)
    limit = budget.module_or_default(module, settings).limit_nano
    override = month.override_nano if month else 0
    total = month.spent_nano(counts_claude_code=counts) if month else 0
    return _projected(place, module, limit, override, total, *known.split(module, counts))


def _projected(
    place: _Place,
    module: str,
    limit: int | None,
    override: int,
    total: int,
    counted: Amounts | None,
    others: Amounts | None,
) -> Outlook:
    today, left = place.today, place.left
    mine = counted or Amounts((0,) * LONGEST, 0)
    known = sum(mine.past[max(0, LONGEST - today + place.days[0]) :]) + mine.today
    ends = None if limit is None else limit + override
    return Outlook(
        module,
        place.month,
        limit or 0,
        override,
        project(Days(today - LONGEST, *mine, left), place.days, ends, max(0, total - known)),
        project(Days(today - LONGEST, *others, left), place.days, None) if others else None,
    )


def sentence(found: Outlook) -> str:
    """One line for people: what is spent, where it ends, and when the cap is used up."""
    counted = found.counted
    line = f"{names.said(found.module)}: {usd_short(counted.spent_nano)} of {usd_short(found.limit_nano)} this month"
    if counted.ends:
        expected, low, high = map(usd_short, counted.ends)
        line += f", {expected} expected by its end ({low} to {high})"
    return f"{line}; {found.says()}"
