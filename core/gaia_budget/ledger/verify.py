"""Proves the ledger: sums equal events, budgets equal what they stand for, every row keeps the rules.

The sums are made anew inside the database, by other code than the one that keeps them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger import spans, sums
from gaia_budget.ledger.charges import Charge, is_module, module_scope
from gaia_budget.ledger.database.failures import DamagedError
from gaia_budget.ledger.database.measures import DIMENSIONS, MEASURES
from gaia_budget.ledger.database.schema import OF_AN_ORGANISATION, TABLES
from gaia_hooks.facts.prices import billing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.ledger.database.connection import Ask
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

    def check(ask: Ask) -> list[Problem]:
        found = [*(() if ledger.db.shared else _file(ask)), *_tables(ask, shared=ledger.db.shared)]
        if found:
            return found  # nothing else can be asked
        for problems in (
            _rules(ask, ledger.org),
            _sums(ask, ledger),
            _months(ask, ledger.org),
            _holds(ask, ledger.org),
            _grants(ask, ledger.org),
            _settled(ask, ledger.org),
            _spans(ask, ledger.org),
        ):
            found += shortened(list(problems))
        return found

    try:
        return ledger.db.view(check)
    except DamagedError as damage:
        return [Problem("file", ledger.db.name, str(damage))]


def shortened(problems: list[Problem]) -> list[Problem]:
    """Problems of one kind, as far as they are listed one by one."""
    if len(problems) <= MOST_SHOWN:
        return problems
    rest = Problem(problems[0].check, "…", f"and {len(problems) - MOST_SHOWN} more")
    return [*problems[:MOST_SHOWN], rest]


def _file(ask: Ask) -> Iterator[Problem]:
    """Whether the pages of an embedded file hang together."""
    for (said,) in ask("PRAGMA quick_check", ()):
        if said != "ok" and not said.startswith(
            "CHECK constraint failed"
        ):  # `_rules` tells which, and how often
            yield Problem("file", "ledger.db", str(said))


def _tables(ask: Ask, *, shared: bool) -> Iterator[Problem]:
    for table in TABLES:
        there = {name for (name,) in ask(SHARED_COLUMNS if shared else EMBEDDED_COLUMNS, (table.name,))}
        if not there:
            yield Problem("tables", table.name, "is missing")
            continue
        for name in sorted(set(table.names) - there):
            yield Problem("tables", f"{table.name}.{name}", "is missing")


EMBEDDED_COLUMNS = "SELECT name FROM pragma_table_info(?)"
SHARED_COLUMNS = (
    "SELECT column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND table_name = ?"
)


def _rules(ask: Ask, org: str) -> Iterator[Problem]:
    """Rows that break a rule of the schema: somebody wrote past it."""
    for table in OF_AN_ORGANISATION:
        for rule in table.checks:
            sql = f"SELECT count(*) FROM {table.name} WHERE org = ? AND NOT ({rule})"  # noqa: S608
            [(broken,)] = ask(sql, (org,))
            if broken:
                yield Problem("rules", table.name, f"{broken} rows break: {rule}")


Key = tuple[Any, ...]


def _sums(ask: Ask, ledger: Ledger) -> Iterator[Problem]:
    """Whether hour, day and month sums are those of the events."""
    wanted: dict[Key, tuple[int, ...]] = {}
    [(first, last)] = ask(sums.ENDS, (ledger.org,))
    if first is not None:
        for question in sums.questions(ledger.zone, ledger.org, first, last + 1):
            for _, *values in ask(question.sql, question.values):
                key, figures = tuple(values[: -len(MEASURES)]), tuple(map(int, values[-len(MEASURES) :]))
                before = wanted.get(key)
                wanted[key] = figures if before is None else tuple(map(int.__add__, before, figures))
    nothing = (0,) * len(MEASURES)
    for row in ask(KEPT, (ledger.org,)):
        key, figures = tuple(row[: -len(MEASURES)]), tuple(row[-len(MEASURES) :])
        if figures != wanted.pop(key, nothing):
            yield Problem("sums", _named(key), "is not the sum of its events")
    for key in wanted:
        yield Problem("sums", _named(key), "is missing")


KEPT = f"SELECT {', '.join(('grain', 'bucket', *DIMENSIONS, *MEASURES))} FROM rollups WHERE org = ?"  # noqa: S608


def _named(key: Key) -> str:
    grain, bucket, *dimensions = key
    return f"{grain} {bucket}: {', '.join(map(str, filter(None, dimensions)))}"


def _months(ask: Ask, org: str) -> Iterator[Problem]:
    """Whether the spend of each module's budget is that of the month's events."""
    spent: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    kept = "SELECT bucket, module, source, billing, cost_nano FROM rollups WHERE org = ? AND grain = 'month'"
    for month, module, source, paid, nano in ask(kept, (org,)):
        app, claude_code = spent[module_scope(module, month)]
        spent[module_scope(module, month)] = (
            app + nano * (source == billing.APP and billing.counts(source, paid, True)),
            claude_code + nano * (source == billing.CLAUDE_CODE and billing.counts(source, paid, True)),
        )
    for scope, app, claude_code in ask(
        "SELECT scope, app_nano, claude_code_nano FROM budgets WHERE org = ?", (org,)
    ):
        if is_module(scope) and (app, claude_code) != spent.pop(scope, (0, 0)):
            yield Problem("months", scope, "its spend is not that of the recorded events")
    for scope, amounts in spent.items():
        if amounts != (0, 0):
            yield Problem("months", scope, "has spend and no budget row")


def _holds(ask: Ask, org: str) -> Iterator[Problem]:
    """Whether what budgets hold is what reservations and leases say."""
    wanted = _held(ask, org)
    budgets = "SELECT scope, app_nano, assumed_nano, reserved_nano FROM budgets WHERE org = ?"
    for scope, app, assumed, reserved in ask(budgets, (org,)):
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


def _held(ask: Ask, org: str) -> dict[str, Charge]:
    found: dict[str, Charge] = {}

    def add(scope: str, app: int, assumed: int, reserved: int) -> None:
        before = found.get(scope, Charge())
        found[scope] = Charge(before.app + app, 0, before.assumed + assumed, before.reserved + reserved)

    calls = "SELECT scopes, state, estimate_nano, assumed_nano, actual_nano FROM reservations WHERE org = ?"
    for scopes, state, estimate, assumed, actual in ask(calls, (org,)):
        for scope in json.loads(scopes):
            spent = (actual or 0) - assumed if state == "settled" else 0
            add(scope, spent, assumed, estimate if state == "open" else 0)
    leases = "SELECT scope, state, granted_nano, spent_nano, assumed_nano FROM leases WHERE org = ?"
    for scope, state, granted, spent, assumed in ask(leases, (org,)):
        left = granted - spent
        priced = spent - (assumed - left if state == "expired" else assumed)
        add(scope, priced, assumed, left if state == "active" else 0)
    return found


def _grants(ask: Ask, org: str) -> Iterator[Problem]:
    """Whether what was drawn from overrides is what they and the budgets say."""
    by_grant: dict[str, int] = defaultdict(int)
    by_scope: dict[str, int] = defaultdict(int)
    draws = "SELECT override_id, scope, drawn_nano, lifted_nano FROM override_draws WHERE org = ?"
    for override_id, scope, drawn, lifted in ask(draws, (org,)):
        by_grant[override_id] += drawn
        by_scope[scope] += lifted
    for override_id, used in ask("SELECT override_id, used_nano FROM overrides WHERE org = ?", (org,)):
        if used != by_grant.pop(override_id, 0):
            yield Problem("overrides", override_id, "its use is not what budgets drew from it")
    for override_id in by_grant:
        yield Problem("overrides", override_id, "was drawn from and does not exist")
    for scope, raised in ask("SELECT scope, override_nano FROM budgets WHERE org = ?", (org,)):
        if raised != by_scope.pop(scope, 0):
            yield Problem("overrides", scope, "is lifted by another amount than it drew")


def _settled(ask: Ask, org: str) -> Iterator[Problem]:
    """Whether every settled call still has its event."""
    lost = (
        "SELECT reservation_id FROM reservations WHERE org = ? AND event_id <> '' AND event_id NOT IN "
        "(SELECT event_id FROM events WHERE org = ?) AND event_id NOT IN "
        "(SELECT event_id FROM events_set_aside WHERE org = ?) ORDER BY reservation_id"
    )
    for (reservation_id,) in ask(lost, (org, org, org)):
        yield Problem("events", reservation_id, "was settled with an event that is not there")


def _spans(ask: Ask, org: str) -> Iterator[Problem]:
    """Whether every event of a session lies in the span in which it is looked for."""
    for session_id, hidden in ask(spans.OUTSIDE, (org,)):
        yield Problem(
            "sessions", session_id, f"does not find {hidden} of its events (`gaia-budget rebuild` mends it)"
        )
