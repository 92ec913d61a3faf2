"""What is out of the ordinary: days of a task, or of a module as a whole, from the sums per day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.forecast.causes import DayUse, Mix, cause, price_change, together
from gaia_budget.forecast.days import day_named
from gaia_budget.forecast.spikes import RECENT, WINDOW, Spike, spikes
from gaia_budget.ledger.zone import EPOCH, Zone, bucket
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from gaia_budget.ledger.database import Ask
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.ledger.zone import When

DEFAULT_DAYS = 14
COSTS = (
    "SELECT module, task, bucket, sum(cost_nano) FROM rollups "
    "WHERE org = ? AND grain = 'day' AND bucket >= ? AND bucket <= ? {} GROUP BY module, task, bucket"
)
MIXES = (
    "SELECT task, model, bucket, sum(cost_nano), sum(responses), sum(input_tokens), sum(output_tokens), "
    "sum(cache_read_tokens), sum(cache_write_5m_tokens), sum(cache_write_1h_tokens) FROM rollups "
    "WHERE org = ? AND grain = 'day' AND bucket >= ? AND bucket <= ? AND module = ? GROUP BY task, model, bucket"
)
DEAREST = (
    "SELECT session_id, coalesce(sum(cost_nano), 0) AS cost FROM events "
    "WHERE org = ? AND ts >= ? AND ts < ? AND module = ? {} GROUP BY session_id ORDER BY cost DESC LIMIT 1"
)
Series = dict[int, int]
"""Nano-dollars by day."""


class Anomaly(NamedTuple):
    """A day of a task (None: of a module as a whole) that cost more than is usual, and the likely cause."""

    module: str
    task: str | None
    day: int
    expected_nano: int
    actual_nano: int
    cause: str

    def document(self) -> dict[str, Any]:
        """One of `anomalies` of `anomalies --json`."""
        return {
            "module": self.module,
            "task": self.task,
            "at": day_named(self.day),
            "expected_usd": usd(self.expected_nano),
            "actual_usd": usd(self.actual_nano),
            "cause": self.cause,
        }


def anomalies(
    ledger: Ledger, module: str | None = None, since: When = None, now: int | None = None
) -> list[Anomaly]:
    """The days since then (default: 14 days) that are out of the ordinary, the newest and dearest first.

    Today is judged by what it has cost so far. Raises InputError for a wrong time, LedgerError.
    """
    at = ledger.now() if now is None else now
    wanted = ledger.zone.instant(since, at)
    today = bucket(ledger.zone, "day", at)
    start = today - DEFAULT_DAYS + 1 if wanted is None else bucket(ledger.zone, "day", wanted)

    def search(ask: Ask) -> list[Anomaly]:
        found = _Search(ask, ledger.zone, ledger.org, start, today).of(module)
        return sorted(found, key=lambda one: (-one.day, one.expected_nano - one.actual_nano, one.module))

    return list(ledger.kept.of(("anomalies", start, today, module), lambda: ledger.db.ask(search)))


class _Search:
    """One look at the ledger: the sums of all tasks first, and more only of those that stand out."""

    def __init__(self, ask: Ask, zone: Zone, org: str, start: int, today: int) -> None:
        self.ask, self.zone, self.org = ask, zone, org
        self.start, self.first, self.today = start, start - WINDOW, today
        self.mixes: dict[str, dict[int, Mix]] = {}

    def of(self, module: str | None) -> list[Anomaly]:
        values: list[Any] = [self.org, self.first, self.today, *([module] if module is not None else [])]
        modules: dict[str, dict[str, Series]] = {}
        for name, task, day, nano in self.ask(COSTS.format("AND module = ?" if module else ""), values):
            modules.setdefault(name, {}).setdefault(task, {})[day] = int(nano)
        return [one for name, tasks in modules.items() for one in self._of_module(name, tasks)]

    def _of_module(self, module: str, tasks: dict[str, Series]) -> list[Anomaly]:
        found = [one for task, series in tasks.items() for one in self._of_series(module, task, series)]
        if len(tasks) > 1:
            told = {one.day for one in found}
            whole: Series = {}
            for series in tasks.values():
                for day, nano in series.items():
                    whole[day] = whole.get(day, 0) + nano
            found += [one for one in self._of_series(module, None, whole) if one.day not in told]
        return found

    def _of_series(self, module: str, task: str | None, series: Series) -> list[Anomaly]:
        first = min(series)
        amounts = [float(series.get(day, 0)) for day in range(first, self.today + 1)]
        found = spikes(amounts, first, self.start, lambda day: self._price(module, task, day))
        return [self._told(module, task, spike) for spike in found]

    def _price(self, module: str, task: str | None, day: int) -> float:
        return price_change(self._mix(module, task, day, day + 1), self._mix(module, task, day - RECENT, day))

    def _told(self, module: str, task: str | None, spike: Spike) -> Anomaly:
        day, usual = spike.day, self._mix(module, task, spike.day - RECENT, spike.day)
        why = cause(
            self._mix(module, task, day, day + 1), usual, spike.expected, self._session(module, task, day)
        )
        return Anomaly(module, task, day, round(spike.expected), round(spike.actual), why)

    def _mix(self, module: str, task: str | None, start: int, end: int) -> Mix:
        """What a task used on the days [start, end), by task and model."""
        if module not in self.mixes:
            self.mixes[module] = {}
            for name, model, day, *figures in self.ask(MIXES, [self.org, self.first, self.today, module]):
                self.mixes[module].setdefault(day, {})[name, model] = DayUse(*map(int, figures))
        parts: dict[tuple[str, str], list[DayUse]] = {}
        for day in range(start, end):
            for key, use in self.mixes[module].get(day, {}).items():
                if task is None or key[0] == task:
                    parts.setdefault(key, []).append(use)
        return {key: together(uses) for key, uses in parts.items()}

    def _session(self, module: str, task: str | None, day: int) -> tuple[str, int] | None:
        begins, ends = (self.zone.start_of_day(EPOCH + timedelta(days=one)) for one in (day, day + 1))
        values: list[Any] = [self.org, begins, ends, module, *([] if task is None else [task])]
        rows = list(self.ask(DEAREST.format("" if task is None else "AND task = ?"), values))
        return (str(rows[0][0]), int(rows[0][1])) if rows else None
