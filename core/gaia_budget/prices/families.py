"""Claude's family names (opus, sonnet, haiku, fable): which model each stands for on a day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from gaia_hooks.facts.prices import pricing
from gaia_hooks.machine import clock

DATA = Path(__file__).with_name("families.toml")


@cache
def history() -> dict[str, dict[date, str]]:
    """Family to {first day: model id} in the order of time; the families by tier, cheapest first."""
    import tomllib

    tables = tomllib.loads(DATA.read_text("utf-8"))
    return {
        family: dict(sorted((date.fromisoformat(day), model) for day, model in entries.items()))
        for family, entries in tables.items()
    }


def day_of(ts: int) -> date:
    """The day of an instant (microseconds) on which prices change, and which model a name stands for: in UTC."""
    return datetime.fromtimestamp(ts / clock.MICRO, UTC).date()


def model_of(family: str, on: date | None = None) -> str | None:
    """The model that a family name stood for on a day (today when not given); its first one before that.

    None when the name is no family.
    """
    entries = history().get(family.strip().lower())
    if entries is None:
        return None
    on = on or day_of(clock.now())
    begun = [model for day, model in entries.items() if day <= on]
    return begun[-1] if begun else next(iter(entries.values()))


def family_of(model: str) -> str | None:
    """The family that a Claude model belongs to, by its name; None for any other model."""
    return pricing.family_of(model, history()) or None
