"""What only Claude Code's status line is told (plan windows, context, cache), with its age: stale is called stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.zone import iso
from gaia_hooks.facts.prices import plan
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

STALE = 15 * 60 * clock.MICRO
"""After this long without a status line a figure is called stale (microseconds)."""
NAMES = {"five_hour": "5-hour window", "seven_day": "7-day window"}


class WindowSeen(NamedTuple):
    """How full a plan's window was at `as_of`, when it begins anew, when it is reached at this pace; as of `now`."""

    percent: float
    resets_at: int | None
    reached_at: int | None
    as_of: int
    stale: bool
    now: int
    length: int

    @property
    def gone_percent(self) -> float | None:
        """How much of the window's time is over; None where nobody knows when it ends."""
        if not self.resets_at:
            return None
        return max(0.0, min(100.0, 100 - (self.resets_at - self.now) * 100 / self.length))

    def document(self) -> dict[str, Any]:
        """One of `plan` of `status --json`."""
        return {
            "percent": self.percent,
            "resets_at": iso(self.resets_at),
            "reached_at": iso(self.reached_at),
            "as_of": iso(self.as_of),
            "stale": self.stale,
        }


class ShownByClient(NamedTuple):
    """What status lines have shown: `kept` of the plan (`plan.read`), `shown` of one session (`plan.shown`).

    `now` and all instants in `kept` and `shown` are microseconds since the epoch; `week` is how the user works.
    """

    kept: dict[str, Any]
    shown: dict[str, Any]
    now: int
    week: Sequence[float] = plan.EVEN_WEEK

    def document(self) -> dict[str, Any]:
        """The keys `plan`, `context` and `cache` of `status --json`."""
        windows = {name: self.window(name) for name in plan.LENGTHS}
        age = {"as_of": iso(self.shown.get("as_of")), "stale": self._stale(self.shown.get("as_of"))}
        return {
            "plan": {name: found and found.document() for name, found in windows.items()},
            "context": {"percent": self.shown.get("context_percent"), **age},
            "cache": {
                "warm": self._warm(),
                "expires_at": iso(self.shown.get("cache_expires_at")),
                "last_miss_cause": self.shown.get("cache_miss_cause"),
                **age,
            },
        }

    def says(self) -> list[str]:
        """The plan's windows, the context and the cache for people; empty where nothing was ever shown."""
        said = []
        for name, label in NAMES.items():
            window = self.window(name)
            if window is not None:
                full = f", at this pace full in {self._until(window.reached_at)}" if window.reached_at else ""
                ends = f", resets in {self._until(window.resets_at)}" if window.resets_at is not None else ""
                said.append(f"{label} {window.percent:g} %{full}{ends}{self._age(self.kept, window.stale)}")
        if "context_percent" in self.shown:
            said.append(f"context {self.shown['context_percent']:g} % full{self._age(self.shown)}")
        if self._warm() is not None:
            cause = self.shown.get("cache_miss_cause")
            said.append(
                f"prompt cache {'warm' if self._warm() else 'cold'}"
                + (f", last miss: {cause}" if cause else "")
            )
        return said

    def _age(self, told: dict[str, Any], stale: bool | None = None) -> str:
        stale = self._stale(told["as_of"]) if stale is None else stale
        return f" (stale: seen {self._span(self.now - told['as_of'])} ago)" if stale else ""

    def _until(self, ts: int) -> str:
        return self._span(max(0, ts - self.now))

    @staticmethod
    def _span(micros: int) -> str:
        hours, minutes = divmod(micros // (60 * clock.MICRO), 60)
        return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes:02d}"

    def window(self, name: str) -> WindowSeen | None:
        """One of the plan's windows; None where it was never shown."""
        kept, as_of = self.kept.get(name), self.kept.get("as_of")
        if kept is None or as_of is None:
            return None
        resets, reached = kept.get("resets_at"), plan.reached_at(name, kept, as_of, self.week)
        stale = self.now - as_of > STALE or (resets is not None and resets <= self.now)
        return WindowSeen(kept["percent"], resets, reached, as_of, stale, self.now, plan.LENGTHS[name])

    def _warm(self) -> bool | None:
        """Whether the cache is warm by now: it was when it was shown, and has not expired since."""
        warm, expires = self.shown.get("cache_warm"), self.shown.get("cache_expires_at")
        return warm and (expires is None or expires > self.now)

    def _stale(self, as_of: int | None) -> bool | None:
        return None if as_of is None else self.now - as_of > STALE
