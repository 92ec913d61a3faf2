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
from gaia_budget.ledger.database.measures import DIMENSIONS, SUMS_OF_EVENTS, SUMS_OF_ROLLUPS, Figures
from gaia_budget.ledger.zone import DAY, HOUR, bucket, day_name, iso, month_name, week_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gaia_budget.ledger.database.connection import Ask
    from gaia_budget.ledger.zone import Zone

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
AGENT = "CASE WHEN agent_id = '' THEN 'main' WHEN agent_type <> '' THEN agent_type ELSE agent_id END"
"""How a thread is called."""
SPAN = "SELECT first_ts, last_ts FROM sessions WHERE org = ? AND session_id = ?"
"""When a session spent: there its events are looked for."""
CONTEXT_AXES = ("tool", "mcp_server", "file")
"""Axes of what fills the context: estimates, made from the transcripts (`gaia_budget.ingest.context`)."""


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
            "since": iso(self.since),
            "until": iso(self.until),
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
    where, values = _of_events(asked)
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
    where, values = conditions(
        asked.org,
        ("grain = ?", grain),
        ("bucket >= ?", None if asked.since is None else bucket(zone, grain, asked.since)),
        ("bucket < ?", ENDS[grain] if asked.until is None else bucket(zone, grain, asked.until)),
        ("module = ?", asked.module),
        *((f"{name} = ?", value) for name, value in asked.where),
    )
    return _grouped("rollups", keys, SUMS_OF_ROLLUPS, f"{where} AND events > 0", values)


def _from_events(asked: Range, by: Sequence[str], offset: int) -> Query:
    where, values = _of_events(asked)
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
        return AGENT
    return f'"{COLUMNS[axis]}"'


def _of_events(asked: Range) -> tuple[str, list[Any]]:
    """The condition on rows of `events`, and its values."""
    return conditions(
        asked.org,
        ("ts >= ?", asked.since),
        ("ts < ?", asked.until),
        ("module = ?", asked.module),
        ("session_id = ?", asked.session),
        *((f"{name} = ?", value) for name, value in asked.where),
    )


def conditions(org: str, *asked: tuple[str, Any]) -> tuple[str, list[Any]]:
    """What holds of rows of an organisation, in SQL, and its values: each of these that is asked for."""
    told = [(condition, value) for condition, value in asked if value is not None]
    return " AND ".join(["org = ?", *(one for one, _ in told)]), [org, *(value for _, value in told)]
