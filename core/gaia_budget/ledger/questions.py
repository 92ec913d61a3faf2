"""What was spent: by any axis and any two of them, from the sums where they can answer, else from the events.

The questions are SQL as text: whoever only asks (the MCP server, whose start people wait for) needs no database
library for it.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 (a field of a NamedTuple)
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError
from gaia_budget.ledger.database.measures import DIMENSIONS, SUMS_OF_EVENTS, SUMS_OF_ROLLUPS
from gaia_budget.ledger.zone import DAY, HOUR, Zone, day_name, month_name, week_name
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gaia_budget.ledger.database import Ask

TIMES = ("hour", "day", "week", "month")
COLUMNS = {
    "session": "session_id",
    "response": "event_id",
    "after_mcp_server": "mcp_server",
    "after_mcp_tool": "mcp_tool",
    **{
        name: name
        for name in ("branch", "user", "machine", "effort", "entrypoint", "skill", "plugin", *DIMENSIONS)
    },
}
AXES = ("module", "model", "task", "session", "agent", "provider", "source", "billing", "branch", "user",
        "machine", "effort", "entrypoint", "skill", "plugin", "after_mcp_server", "after_mcp_tool",
        "hour", "day", "week", "month", "response")  # fmt: skip
"""Axes of measured spend."""
ENDS = {"hour": 10_000_000, "day": 100_000, "month": 100_000}
"""Above every bucket of a grain, for centuries. Without an end PostgreSQL, which knows how all buckets are spread and
not those of one grain, takes days since some date for most of the table, and reads all of it."""
SPAN = "SELECT first_ts, last_ts FROM sessions WHERE org = ? AND session_id = ?"
"""When a session spent: there its events are looked for."""
BETWEEN = (
    "SELECT session_id FROM sessions s WHERE org = ? AND last_ts >= ? AND first_ts < ? {} "
    "ORDER BY last_ts DESC, session_id"
)
WHERE_IT_SPENT = (
    "AND EXISTS (SELECT 1 FROM events e WHERE e.org = s.org AND e.session_id = s.session_id "
    "AND e.ts BETWEEN s.first_ts AND s.last_ts{})"
)
NAMED = "SELECT session_id FROM sessions WHERE org = ? AND substr(session_id, 1, ?) = ? ORDER BY session_id LIMIT 6"
RESPONSES = (
    "SELECT ts, CASE WHEN agent_id = '' THEN 'main' WHEN agent_type <> '' THEN agent_type ELSE agent_id END, model, "
    "input_tokens, output_tokens, cache_write_5m_tokens + cache_write_1h_tokens, cache_read_tokens, cost_nano "
    "FROM events WHERE org = ? AND session_id = ? AND ts BETWEEN ? AND ? ORDER BY ts DESC, event_id LIMIT ?"
)
LAST_INSTANT = 2**62
CONTEXT_AXES = ("tool", "mcp_server", "file")
"""Axes of what fills the context: estimates, made from the transcripts (`gaia_budget.ingest.context`)."""


class Figures(NamedTuple):
    """Sums of some events: tokens of responses and failed calls, nano-dollars of everything."""

    events: int = 0
    responses: int = 0
    unpriced_responses: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    web_searches: int = 0
    recached_tokens: int = 0
    cost_nano: int = 0

    @property
    def budget_tokens(self) -> int:
        """What counts against session budgets: input + cache writes + output - re-cached (requirement R24)."""
        written = self.cache_write_5m_tokens + self.cache_write_1h_tokens
        return self.input_tokens + written + self.output_tokens - self.recached_tokens

    @property
    def cache_tokens(self) -> int:
        """What went through the cache: written to it or read from it."""
        return self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def total_tokens(self) -> int:
        """Everything: input, output, and what went through the cache."""
        return self.input_tokens + self.output_tokens + self.cache_tokens

    def plus(self, other: Figures) -> Figures:
        """Both together."""
        return Figures(*map(int.__add__, self, other))

    @classmethod
    def sum(cls, parts: Iterable[Figures]) -> Figures:
        """All together."""
        return cls(*map(sum, zip(*parts, strict=True)))

    def document(self) -> dict[str, Any]:
        """The JSON keys that every face shows; dollars as a decimal string."""
        shown = self._asdict()
        cost = shown.pop("cost_nano")
        del shown["events"]
        return {
            "responses": shown.pop("responses"),
            "budget_tokens": self.budget_tokens,
            **shown,
            "cost_usd": usd(cost),
        }


class Row(NamedTuple):
    """One row of an answer: the values of the axes asked for, and what they add up to."""

    key: tuple[str, ...]
    figures: Figures


class Spend(NamedTuple):
    """What was spent in [since, until) (UTC microseconds; None: no bound), dearest rows first, times in order."""

    by: tuple[str, ...]
    since: int | None
    until: int | None
    total: Figures
    rows: list[Row]

    def document(self) -> dict[str, Any]:
        """The JSON document of `spend`."""
        return {
            "since": instant(self.since),
            "until": instant(self.until),
            "total": self.total.document(),
            "rows": [
                {
                    "key": row.key[0] if len(self.by) == 1 else list(row.key),
                    **dict(zip(self.by, row.key, strict=True)),
                    **row.figures.document(),
                }
                for row in self.rows
            ],
        }


class ResponseRow(NamedTuple):
    """One event of a session, at an instant in UTC microseconds; `agent` is its type, `main` the main thread."""

    ts: int
    agent: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    cost_nano: int | None


class Range(NamedTuple):
    """What is asked about: an organisation, a stretch of time, and optionally one module and one session."""

    org: str
    since: int | None = None
    until: int | None = None
    module: str | None = None
    session: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    """Dimensions with their values."""


class Query(NamedTuple):
    """SQL with `?` marks, and the values for them."""

    sql: str
    values: Sequence[Any]


def instant(ts: int | None) -> str | None:
    """UTC microseconds as ISO 8601."""
    from gaia_hooks.machine import clock

    return None if ts is None else clock.iso(ts)


def spend(ask: Ask, zone: Zone, asked: Range, by: Sequence[str]) -> Spend:
    """Answer by one or more axes. Raises InputError for an unknown axis."""
    for axis in by:
        if axis not in AXES:
            beside = f"; `gaia-budget spend` also knows {', '.join(CONTEXT_AXES)}"
            raise InputError(
                f"nothing is told by {axis!r}. Valid: {', '.join(AXES)}{beside}", slug="not-valid"
            )
    merged: dict[tuple[str, ...], Figures] = {}
    for part in _parts(zone, _within_session(ask, asked), by):
        for key, figures in _summed(ask, zone, part, by, _grain(zone, part, by)):
            merged[key] = merged[key].plus(figures) if key in merged else figures
    total = Figures.sum(merged.values())
    ordered = [Row(key, figures) for key, figures in merged.items()]
    ordered.sort(key=lambda row: (-row.figures.cost_nano, -row.figures.budget_tokens, row.key))
    for place, axis in reversed(list(enumerate(by))):
        if axis in TIMES:
            ordered.sort(key=lambda row: row.key[place])
    return Spend(tuple(by), asked.since, asked.until, total, ordered)


def sessions_between(
    ask: Ask, org: str, since: int | None, until: int | None, where: Mapping[str, str]
) -> list[str]:
    """The sessions that spent something in [since, until), the newest first; where axes have these values."""
    values: list[Any] = [org, 0 if since is None else since, LAST_INSTANT if until is None else until]
    named = "".join(f' AND e."{COLUMNS[axis]}" = ?' for axis in where)
    rows = ask(BETWEEN.format(WHERE_IT_SPENT.format(named) if where else ""), [*values, *where.values()])
    return [str(session) for (session,) in rows]


def sessions_named(ask: Ask, org: str, beginning: str) -> list[str]:
    """A few sessions whose ids begin so."""
    return [str(session) for (session,) in ask(NAMED, [org, len(beginning), beginning])]


def responses(ask: Ask, org: str, session: str, most: int) -> list[ResponseRow]:
    """The newest events of a session."""
    first, last = next(iter(ask(SPAN, (org, session))), (0, -1))
    return [ResponseRow(*row) for row in ask(RESPONSES, (org, session, first, last, most))]


def _within_session(ask: Ask, asked: Range) -> Range:
    """The range, narrowed to when its session spent; events of no session have no span."""
    if not asked.session:
        return asked
    first, last = next(iter(ask(SPAN, (asked.org, asked.session))), (0, -1))
    since = first if asked.since is None else max(asked.since, first)
    until = last + 1 if asked.until is None else min(asked.until, last + 1)
    return asked._replace(since=since, until=until)


def _parts(zone: Zone, asked: Range, by: Sequence[str]) -> list[Range]:
    """The stretches of a range that are answered apart.

    `7d` begins in the middle of an hour: only the rest of that hour has to be summed from its events, then whole
    hours give the rest of that day, and whole days what follows.
    """
    since = asked.since
    if since is None or _grain(zone, asked, by) or not _has_sums(asked, by):
        return [asked]
    times = {axis for axis in by if axis in TIMES}
    hour = -(-since // HOUR) * HOUR
    midnight = zone.start_of_day(zone.local(since).date() + timedelta(days=1))
    edges = [
        edge for edge in (hour, midnight) if not times or edge == (hour if "hour" in times else midnight)
    ]
    if not zone.is_summed:
        edges = [hour] if times <= {"hour"} else []
    inside = [edge for edge in edges if since < edge and (asked.until is None or edge < asked.until)]
    bounds = [since, *sorted(set(inside)), asked.until]
    return [asked._replace(since=start, until=end) for start, end in pairwise(bounds)]


def _has_sums(asked: Range, by: Iterable[str]) -> bool:
    return asked.session is None and set(by) <= {*DIMENSIONS, *TIMES}


def _grain(zone: Zone, asked: Range, by: Iterable[str]) -> str | None:
    """The coarsest sums that can answer, or None where only the events can."""
    if not _has_sums(asked, by):
        return None
    bounds = [bound for bound in (asked.since, asked.until) if bound is not None]
    if not zone.is_summed and (bounds or set(TIMES) & set(by)):  # only hours are everybody's
        return "hour" if set(TIMES) & set(by) <= {"hour"} and _whole_hours(bounds) else None
    places = [zone.local(bound) for bound in bounds]
    midnight = all(
        (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0) for local in places
    )
    times = {axis for axis in by if axis in TIMES}
    if midnight and all(local.day == 1 for local in places) and times <= {"month"}:
        return "month"
    if midnight and "hour" not in times:
        return "day"
    return "hour" if _whole_hours(bounds) and times <= {"hour"} else None


def _whole_hours(bounds: Iterable[int]) -> bool:
    return all(bound % HOUR == 0 for bound in bounds)


def _summed(
    ask: Ask, zone: Zone, asked: Range, by: Sequence[str], grain: str | None
) -> Iterable[tuple[tuple[str, ...], Figures]]:
    if grain is not None:
        return _run(ask, _from_rollups(zone, asked, by, grain), _names(zone, by, grain))
    if not set(TIMES) & set(by):
        return _run(ask, _from_events(asked, by, 0), _names(zone, by, None))
    return _by_periods(ask, zone, asked, by)


def _by_periods(
    ask: Ask, zone: Zone, asked: Range, by: Sequence[str]
) -> Iterable[tuple[tuple[str, ...], Figures]]:
    """Days of the local calendar from events: one question for each stretch with one offset from UTC."""
    where, values = _conditions(asked)
    [(first, last)] = ask(f"SELECT min(ts), max(ts) FROM events WHERE {where}", values)  # noqa: S608
    if first is None:
        return
    for start, end, offset in zone.periods(first, last + 1):
        question = _from_events(asked._replace(since=start, until=end), by, offset)
        yield from _run(ask, question, _names(zone, by, None))


def _names(zone: Zone, by: Sequence[str], grain: str | None) -> list[Callable[[Any], str]]:
    """How the value of each axis is called; times are numbers of hours, of months (from months) or of days."""
    month = month_name if grain == "month" else lambda day: day_name(day)[:7]
    times = {"hour": zone.hour_name, "day": day_name, "week": week_name, "month": month}
    return [times.get(axis, str) for axis in by]


def _run(
    ask: Ask, question: Query, names: Sequence[Callable[[Any], str]]
) -> Iterable[tuple[tuple[str, ...], Figures]]:
    for row in ask(question.sql, question.values):
        key = tuple([name(value) for name, value in zip(names, row, strict=False)])
        yield key, Figures(*map(int, row[len(names) :]))


def _from_rollups(zone: Zone, asked: Range, by: Sequence[str], grain: str) -> Query:
    keys = ["bucket" if axis in TIMES else f'"{axis}"' for axis in by]
    where = "org = ? AND grain = ? AND events > 0"
    values: list[Any] = [asked.org, grain]
    for condition, value in (
        ("bucket >= ?", None if asked.since is None else bucket(zone, grain, asked.since)),
        ("bucket < ?", ENDS[grain] if asked.until is None else bucket(zone, grain, asked.until)),
        ("module = ?", asked.module),
        *((f"{name} = ?", value) for name, value in asked.where),
    ):
        if value is not None:
            where, values = f"{where} AND {condition}", [*values, value]
    return _grouped("rollups", keys, SUMS_OF_ROLLUPS, where, values)


def bucket(zone: Zone, grain: str, ts: int) -> int:
    """The bucket of a grain that an instant falls in."""
    if grain == "hour":
        return ts // HOUR
    local = zone.local(ts)
    return local.year * 12 + local.month - 1 if grain == "month" else (local.toordinal() - 719_163)


def _from_events(asked: Range, by: Sequence[str], offset: int) -> Query:
    where, values = _conditions(asked)
    return _grouped("events", [_axis(axis, offset) for axis in by], SUMS_OF_EVENTS, where, values)


def _grouped(
    table: str, keys: Sequence[str], sums: Sequence[str], where: str, values: Sequence[Any]
) -> Query:
    """Sums per key; without keys one row, or none where nothing fits."""
    end = f"GROUP BY {', '.join(map(str, range(1, len(keys) + 1)))}" if keys else "HAVING count(*) > 0"
    # names and numbers of our own; what comes from outside goes in as values
    return Query(f"SELECT {', '.join([*keys, *sums])} FROM {table} WHERE {where} {end}", values)  # noqa: S608


def _axis(axis: str, offset: int) -> str:
    if axis == "hour":
        return f"ts / {HOUR}"
    if axis in TIMES:
        return f"(ts + {offset}) / {DAY}"
    if axis == "agent":
        return "CASE WHEN agent_id = '' THEN 'main' WHEN agent_type <> '' THEN agent_type ELSE agent_id END"
    return f'"{COLUMNS[axis]}"'


def _conditions(asked: Range) -> tuple[str, list[Any]]:
    """The condition on rows of `events`, and its values."""
    where = "org = ?"
    values: list[Any] = [asked.org]
    for condition, value in (
        ("ts >= ?", asked.since),
        ("ts < ?", asked.until),
        ("module = ?", asked.module),
        ("session_id = ?", asked.session),
        *((f"{name} = ?", value) for name, value in asked.where),
    ):
        if value is not None:
            where, values = f"{where} AND {condition}", [*values, value]
    return where, values
