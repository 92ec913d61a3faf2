"""What is out of the ordinary: days of a task, or of a module as a whole, from the sums per day.

And what most likely made such a day dear: another model, a cold cache, one session, larger, dearer or more calls.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.forecast.levels import RECENT, WINDOW, Spike, spikes
from gaia_budget.ledger.database.measures import SUMS_OF_ROLLUPS, Figures
from gaia_budget.ledger.zone import EPOCH, Zone, bucket, day_name
from gaia_hooks.facts.names import called
from gaia_hooks.facts.prices.money import usd, usd_short

if TYPE_CHECKING:
    from gaia_budget.ledger.database.connection import Ask
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.ledger.zone import When

DEFAULT_DAYS = 14
COSTS = (
    "SELECT module, task, bucket, sum(cost_nano) FROM rollups "
    "WHERE org = ? AND grain = 'day' AND bucket >= ? AND bucket <= ? {} GROUP BY module, task, bucket"
)
MIXES = (
    f"SELECT task, model, bucket, {', '.join(SUMS_OF_ROLLUPS)} FROM rollups "  # noqa: S608
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
            "at": day_name(self.day),
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

    return list(ledger.cache.of(("anomalies", start, today, module), lambda: ledger.db.ask(search)))


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
        return _price_change(
            self._mix(module, task, day, day + 1), self._mix(module, task, day - RECENT, day)
        )

    def _told(self, module: str, task: str | None, spike: Spike) -> Anomaly:
        day, usual = spike.day, self._mix(module, task, spike.day - RECENT, spike.day)
        why = _cause(
            self._mix(module, task, day, day + 1), usual, spike.expected, self._session(module, task, day)
        )
        return Anomaly(module, task, day, round(spike.expected), round(spike.actual), why)

    def _mix(self, module: str, task: str | None, start: int, end: int) -> Mix:
        """What a task used on the days [start, end), by task and model."""
        if module not in self.mixes:
            self.mixes[module] = {}
            for name, model, day, *figures in self.ask(MIXES, [self.org, self.first, self.today, module]):
                self.mixes[module].setdefault(day, {})[name, model] = Figures(*figures)
        parts: dict[tuple[str, str], list[Figures]] = {}
        for day in range(start, end):
            for key, use in self.mixes[module].get(day, {}).items():
                if task is None or key[0] == task:
                    parts.setdefault(key, []).append(use)
        return {key: Figures.sum(uses) for key, uses in parts.items()}

    def _session(self, module: str, task: str | None, day: int) -> tuple[str, int] | None:
        begins, ends = (self.zone.start_of_day(EPOCH + timedelta(days=one)) for one in (day, day + 1))
        values: list[Any] = [self.org, begins, ends, module, *([] if task is None else [task])]
        rows = list(self.ask(DEAREST.format("" if task is None else "AND task = ?"), values))
        return (str(rows[0][0]), int(rows[0][1])) if rows else None


SAME_PRICE, OTHER_PRICE = 1.3, 4.0
"""Prices that differ by less are the same, since the weights below are rough; by more it is no new list price."""
SIMILAR_SIZE = 2.0
"""Calls whose prompts differ by less are of one kind: a price per token tells more then."""
MOST = 0.5
"""The share of the excess, or of the day, from which on something is its cause."""
SHARE_MOVED = 0.25
"""By how much a model's share of the calls, or the cache's share of the prompts, must have moved."""
LARGER = 1.8
"""How many times larger calls are a cause."""
WEIGHTS = {
    "input_tokens": 1.0,
    "output_tokens": 5.0,
    "cache_read_tokens": 0.1,
    "cache_write_5m_tokens": 1.25,
    "cache_write_1h_tokens": 2.0,
}
"""What the kinds of tokens cost in proportion, roughly: to compare prices, never to reckon them."""
Mix = dict[tuple[str, str], Figures]
"""Use by task and model."""


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _from_cache(use: Figures) -> float:
    """The share of the prompts that came from the cache."""
    return _share(use.cache_read_tokens, use.prompt_tokens)


def _size_of(use: Figures) -> float:
    """Tokens of a response and its prompt."""
    return _share(use.total_tokens, use.responses)


def _price_of(use: Figures) -> float:
    """Nano-dollars per token, each kind of token weighed by what it costs in proportion."""
    return _share(use.cost_nano, sum(getattr(use, kind) * weight for kind, weight in WEIGHTS.items()))


def _by(mix: Mix, place: int) -> dict[str, Figures]:
    """The mix by task (0) or by model (1) alone."""
    names = dict.fromkeys(key[place] for key in mix)
    return {name: Figures.sum(use for key, use in mix.items() if key[place] == name) for name in names}


def _price_change(day: Mix, before: Mix) -> float:
    """How many times dearer a day was than the same tokens would have been before; 1 where that is not clear.

    Models are compared with themselves, and only where their calls are of about the same size: a price that rises
    with the length of the prompt is no other price.
    """
    models, known = _by(day, 1), _by(before, 1)
    actual = at_old = 0.0
    for model, use in models.items():
        earlier = known.get(model, Figures())
        ratio = _price_of(use) / old if (old := _price_of(earlier)) else 1.0
        sizes = _share(_size_of(use), _size_of(earlier))
        repriced = SAME_PRICE < max(ratio, 1 / ratio if ratio else 0.0) <= OTHER_PRICE
        comparable = 1 / SIMILAR_SIZE < sizes < SIMILAR_SIZE
        actual += use.cost_nano
        at_old += use.cost_nano / ratio if repriced and comparable else use.cost_nano
    return actual / at_old if at_old else 1.0


def _cause(day: Mix, usual: Mix, expected: float, session: tuple[str, int] | None) -> str:
    """In words, the kind first: model, cache, session, task (among several), size, price, calls.

    `usual` is the mix of days that cost about `expected` together; `session` is the dearest one of the day.
    """
    now, then = Figures.sum(day.values()), Figures.sum(usual.values())
    excess = max(1.0, now.cost_nano - expected)
    scale = expected / then.cost_nano if then.cost_nano else 0.0
    return (
        _model(day, usual, now, then, excess, scale)
        or _cache(now, then)
        or _session(session, now)
        or _task(day, usual, excess, scale)
        or _size(now, then)
        or _price(now, then)
        or f"calls: {now.responses:,}, usually {round(then.responses * scale):,}"
    )


def _model(day: Mix, usual: Mix, now: Figures, then: Figures, excess: float, scale: float) -> str:
    known = _by(usual, 1)
    for model, use in sorted(_by(day, 1).items(), key=lambda entry: -entry[1].cost_nano):
        earlier = known.get(model, Figures())
        share, before = _share(use.responses, now.responses), _share(earlier.responses, then.responses)
        if (
            model
            and use.cost_nano - earlier.cost_nano * scale >= MOST * excess
            and share - before >= SHARE_MOVED
        ):
            return f"model: {called(model)} answered {share:.0%} of the calls, usually {before:.0%}"
    return ""


def _cache(now: Figures, then: Figures) -> str:
    if _from_cache(then) - _from_cache(now) >= SHARE_MOVED:
        return f"cache: {_from_cache(now):.0%} of the prompts came from it, usually {_from_cache(then):.0%}"
    return ""


def _session(session: tuple[str, int] | None, now: Figures) -> str:
    if session is None or not session[0] or session[1] < MOST * now.cost_nano:
        return ""
    return f"session: {session[0]} took {usd_short(session[1])} of it"


def _task(day: Mix, usual: Mix, excess: float, scale: float) -> str:
    tasks, known = _by(day, 0), _by(usual, 0)
    if len(tasks.keys() | known.keys()) < 2:
        return ""
    name, use = max(tasks.items(), key=lambda entry: entry[1].cost_nano)
    earlier = known.get(name, Figures()).cost_nano * scale
    if use.cost_nano - earlier < MOST * excess:
        return ""
    return f"task: {called(name) or 'none named'} cost {usd_short(use.cost_nano)}, usually {usd_short(round(earlier))}"


def _size(now: Figures, then: Figures) -> str:
    size, usual = _size_of(now), _size_of(then)
    if usual and size >= LARGER * usual:
        return f"size: {round(size):,} tokens a call, usually {round(usual):,}"
    return ""


def _price(now: Figures, then: Figures) -> str:
    price, usual = _price_of(now), _price_of(then)
    if usual and price >= LARGER * usual:
        return f"price: the same tokens cost {price / usual:.1f} times as much"
    return ""
