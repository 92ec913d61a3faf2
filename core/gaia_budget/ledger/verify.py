"""Proves the ledger: sums equal events, budgets equal what they stand for, every row keeps the rules.

The sums are made anew inside the database, by other code than the one that keeps them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import CheckConstraint, func, inspect, select, text

from gaia_budget.ledger import resum, spans
from gaia_budget.ledger.budgets import Charge, is_module
from gaia_budget.ledger.facts import DIMENSIONS, MEASURES
from gaia_budget.ledger.failures import DamagedError
from gaia_budget.ledger.months import module_scope
from gaia_budget.ledger.schema import (
    budgets,
    draws,
    events,
    leases,
    metadata,
    overrides,
    reservations,
    rollups,
)
from gaia_hooks.facts import billing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from gaia_budget.ledger.ledger import Ledger

MOST_SHOWN = 20
"""Problems of one kind that are listed one by one; the rest are counted."""


class Problem(NamedTuple):
    """One thing that is not as it should be: what was checked, where, and what is wrong."""

    check: str
    place: str
    detail: str


def verify(ledger: Ledger) -> list[Problem]:
    """Every check on a consistent view of the ledger; an empty list means that it is sound."""

    def check(connection: Connection) -> list[Problem]:
        found: list[Problem] = []
        for problems in (_file(connection), _tables(connection)):
            found += problems
        if found:
            return found  # nothing else can be asked
        for problems in (
            _rules(connection, ledger.org),
            _sums(connection, ledger),
            _months(connection, ledger.org),
            _holds(connection, ledger.org),
            _grants(connection, ledger.org),
            _settled(connection, ledger.org),
            _spans(connection, ledger),
        ):
            found += _shortened(list(problems))
        return found

    try:
        return ledger.db.view(check)
    except DamagedError as damage:
        return [Problem("file", ledger.db.name, str(damage))]


def _shortened(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= MOST_SHOWN:
        return problems
    rest = Problem(problems[0].check, "…", f"and {len(problems) - MOST_SHOWN} more")
    return [*problems[:MOST_SHOWN], rest]


def _file(connection: Connection) -> Iterator[Problem]:
    """Whether the pages of an embedded file hang together."""
    if connection.dialect.name == "sqlite":
        for (said,) in connection.execute(text("PRAGMA quick_check")):
            if said != "ok" and not said.startswith(
                "CHECK constraint failed"
            ):  # `_rules` tells which, and how often
                yield Problem("file", "ledger.db", str(said))


def _tables(connection: Connection) -> Iterator[Problem]:
    seen = inspect(connection)
    there = set(seen.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in there:
            yield Problem("tables", table.name, "is missing")
            continue
        missing = {column.name for column in table.columns} - {
            str(column["name"]) for column in seen.get_columns(table.name)
        }
        for name in sorted(missing):
            yield Problem("tables", f"{table.name}.{name}", "is missing")


def _rules(connection: Connection, org: str) -> Iterator[Problem]:
    """Rows that break a rule of the schema: somebody wrote past it."""
    for table in metadata.sorted_tables:
        if "org" not in table.c:
            continue
        rules = {*table.constraints, *(rule for column in table.c for rule in column.constraints)}
        for rule in (one for one in rules if isinstance(one, CheckConstraint)):
            broken = connection.execute(
                select(func.count())
                .select_from(table)
                .where(table.c.org == org, text(f"NOT ({rule.sqltext})"))
            ).scalar()
            if broken:
                yield Problem("rules", table.name, f"{broken} rows break: {rule.sqltext}")


Key = tuple[Any, ...]


def _sums(connection: Connection, ledger: Ledger) -> Iterator[Problem]:
    """Whether hour, day and month sums are those of the events."""
    wanted: dict[Key, tuple[int, ...]] = {}
    span = select(func.min(events.c.ts), func.max(events.c.ts)).where(events.c.org == ledger.org)
    first, last = connection.execute(span).one()
    if first is not None:
        for question in resum.questions(ledger.zone, ledger.org, first, last + 1):
            for _, *values in connection.execute(question):
                key, figures = tuple(values[: -len(MEASURES)]), tuple(map(int, values[-len(MEASURES) :]))
                before = wanted.get(key)
                wanted[key] = figures if before is None else tuple(map(int.__add__, before, figures))
    kept = connection.execute(
        select(*(rollups.c[name] for name in ("grain", "bucket", *DIMENSIONS, *MEASURES))).where(
            rollups.c.org == ledger.org
        )
    )
    nothing = (0,) * len(MEASURES)
    for row in kept:
        key, figures = tuple(row[: -len(MEASURES)]), tuple(row[-len(MEASURES) :])
        if figures != wanted.pop(key, nothing):
            yield Problem("sums", _named(key), "is not the sum of its events")
    for key in wanted:
        yield Problem("sums", _named(key), "is missing")


def _named(key: Key) -> str:
    grain, bucket, *dimensions = key
    return f"{grain} {bucket}: {', '.join(map(str, filter(None, dimensions)))}"


def _months(connection: Connection, org: str) -> Iterator[Problem]:
    """Whether the spend of each module's budget is that of the month's events."""
    r = rollups.c
    spent: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for month, module, source, paid, nano in connection.execute(
        select(r.bucket, r.module, r.source, r.billing, r.cost_nano).where(r.org == org, r.grain == "month")
    ):
        app, claude_code = spent[module_scope(module, month)]
        spent[module_scope(module, month)] = (
            app + nano * (source == billing.APP and billing.counts(source, paid, True)),
            claude_code + nano * (source == billing.CLAUDE_CODE and billing.counts(source, paid, True)),
        )
    b = budgets.c
    for scope, app, claude_code in connection.execute(
        select(b.scope, b.app_nano, b.claude_code_nano).where(b.org == org)
    ):
        if is_module(scope) and (app, claude_code) != spent.pop(scope, (0, 0)):
            yield Problem("months", scope, "its spend is not that of the recorded events")
    for scope, amounts in spent.items():
        if amounts != (0, 0):
            yield Problem("months", scope, "has spend and no budget row")


def _holds(connection: Connection, org: str) -> Iterator[Problem]:
    """Whether what budgets hold is what reservations and leases say."""
    wanted = _held(connection, org)
    b = budgets.c
    for scope, app, assumed, reserved in connection.execute(
        select(b.scope, b.app_nano, b.assumed_nano, b.reserved_nano).where(b.org == org)
    ):
        due = wanted.pop(scope, Charge())
        if reserved != due.reserved:
            yield Problem(
                "reservations", scope, f"holds {reserved}, its reservations and leases {due.reserved}"
            )
        if assumed != due.assumed:
            yield Problem(
                "reservations", scope, f"assumes {assumed}, its reservations and leases {due.assumed}"
            )
        if not is_module(scope) and app != due.app:
            yield Problem("reservations", scope, f"has spent {app}, its settled calls {due.app}")
    for scope, due in wanted.items():
        if any(due):
            yield Problem("reservations", scope, "is held by a reservation or lease and has no budget row")


def _held(connection: Connection, org: str) -> dict[str, Charge]:
    found: dict[str, Charge] = {}

    def add(scope: str, app: int, assumed: int, reserved: int) -> None:
        before = found.get(scope, Charge())
        found[scope] = Charge(before.app + app, 0, before.assumed + assumed, before.reserved + reserved)

    r = reservations.c
    for scopes, state, estimate, assumed, actual in connection.execute(
        select(r.scopes, r.state, r.estimate_nano, r.assumed_nano, r.actual_nano).where(r.org == org)
    ):
        for scope in json.loads(scopes):
            spent = (actual or 0) - assumed if state == "settled" else 0
            add(scope, spent, assumed, estimate if state == "open" else 0)
    lease = leases.c
    for scope, state, granted, spent, assumed in connection.execute(
        select(lease.scope, lease.state, lease.granted_nano, lease.spent_nano, lease.assumed_nano).where(
            lease.org == org
        )
    ):
        left = granted - spent
        priced = spent - (assumed - left if state == "expired" else assumed)
        add(scope, priced, assumed, left if state == "active" else 0)
    return found


def _grants(connection: Connection, org: str) -> Iterator[Problem]:
    """Whether what was drawn from overrides is what they and the budgets say."""
    by_grant: dict[str, int] = defaultdict(int)
    by_scope: dict[str, int] = defaultdict(int)
    d = draws.c
    for override_id, scope, drawn, lifted in connection.execute(
        select(d.override_id, d.scope, d.drawn_nano, d.lifted_nano).where(d.org == org)
    ):
        by_grant[override_id] += drawn
        by_scope[scope] += lifted
    o, b = overrides.c, budgets.c
    for override_id, used in connection.execute(select(o.override_id, o.used_nano).where(o.org == org)):
        if used != by_grant.pop(override_id, 0):
            yield Problem("overrides", override_id, "its use is not what budgets drew from it")
    for override_id in by_grant:
        yield Problem("overrides", override_id, "was drawn from and does not exist")
    for scope, raised in connection.execute(select(b.scope, b.override_nano).where(b.org == org)):
        if raised != by_scope.pop(scope, 0):
            yield Problem("overrides", scope, "is lifted by another amount than it drew")


def _settled(connection: Connection, org: str) -> Iterator[Problem]:
    """Whether every settled call still has its event."""
    r, e = reservations.c, events.c
    known = select(e.event_id).where(e.org == org)
    for (reservation_id,) in connection.execute(
        select(r.reservation_id)
        .where(r.org == org, r.event_id != "", r.event_id.not_in(known))
        .order_by(r.reservation_id)
    ):
        yield Problem("events", reservation_id, "was settled with an event that is not there")


def _spans(connection: Connection, ledger: Ledger) -> Iterator[Problem]:
    """Whether every event of a session lies in the span in which it is looked for."""
    for session_id, hidden in connection.exec_driver_sql(ledger.db.marked(spans.OUTSIDE), (ledger.org,)):
        yield Problem(
            "sessions", session_id, f"does not find {hidden} of its events (`gaia-budget rebuild` mends it)"
        )
