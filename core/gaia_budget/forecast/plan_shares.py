"""How much of a plan's percent came from whom, by what each cost here, and what other machines may have used.

A plan tells one percentage for all machines of an account. What was used here is known at API prices, so that each
project's share is its share of those. How many dollars of ours make a percent is seen best in the stretch in which
a percent took the most of them: others can only make it fewer. At that rate a project used at least the low figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAST_STEP = 6.0
"""Percent that a stretch must have filled: what a plan tells is rounded to whole percents."""
ROUNDING = 1.0
FEWEST_STRETCHES = 3
"""Fewer tell nothing of other machines: they may have been at work in all of them."""


class Share(NamedTuple):
    """Percent of a plan's window that came from one project or subagent: the estimate, and its band.

    `percent` is as if nothing but this machine used the plan, and is the high end; `low` is what it used at least,
    0 where nobody can tell yet.
    """

    name: str
    percent: float
    low: float


def shares(percent: float, nano: Mapping[str, int], stretches: Sequence[tuple[float, int]]) -> list[Share]:
    """The shares of a window's percent, the largest first.

    `nano` is what each cost here in the window; `stretches` are (percent filled, nano-dollars spent here) of
    successive parts of it.
    """
    total = sum(nano.values())
    if total <= 0 or percent <= 0:
        return []
    rate = min(_rate(stretches), percent / total)
    found = [Share(name, percent * cost / total, rate * cost) for name, cost in nano.items() if cost > 0]
    return sorted(found, key=lambda one: (-one.percent, one.name))


def _rate(stretches: Sequence[tuple[float, int]]) -> float:
    """Percent per nano-dollar where others used least; 0 where too few stretches are long enough to tell."""
    rates = []
    filled, spent = 0.0, 0
    for percent, nano in stretches:
        filled, spent = filled + percent, spent + nano
        if filled >= LEAST_STEP:
            if spent > 0:
                rates.append((filled - ROUNDING) / spent)
            filled, spent = 0.0, 0
    return min(rates) if len(rates) >= FEWEST_STRETCHES else 0.0
