"""Sums of events per hour, day and month: kept in the transaction that records the events, or made anew from them.

Anew inside the database, by other code: after a change of zone, in `rebuild`, and to prove the sums in `verify`.
"""

from __future__ import annotations

from collections import defaultdict
from operator import add, itemgetter, neg
from typing import TYPE_CHECKING, Any

from gaia_budget.errors import InternalError
from gaia_budget.ledger.charges import Charge, add_to, module_scope
from gaia_budget.ledger.database.measures import DIMENSIONS, MEASURES, SUMS_OF_EVENTS, TOKENLESS, TOKENS
from gaia_budget.ledger.database.schema import ROLLUPS
from gaia_budget.ledger.questions import Query
from gaia_budget.ledger.rows import EVENT_FIELDS, Insertion
from gaia_budget.ledger.zone import DAY, HOUR, QUARTER, Zone, month_name
from gaia_budget.ledger.zone import bucket as bucket_of
from gaia_hooks.facts.prices import billing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.ledger.charges import Place
    from gaia_budget.ledger.database.connection import Transaction
    from gaia_budget.ledger.rows import EventRow

Key = tuple[str, ...]
Alike = tuple[int, bool, int, Key]
"""What events that are summed at once share: quarter hour, being unpriced, sign, kind, whole and dimensions."""
_KEYS = ("org", "grain", "bucket", *DIMENSIONS)
_SUMS = ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in MEASURES)
ADD = Insertion(ROLLUPS, (*_KEYS, *MEASURES), f"ON CONFLICT ({', '.join(_KEYS)}) DO UPDATE SET {_SUMS}")
CHANGE = (
    f"UPDATE rollups SET {', '.join(f'{name} = {name} + ?' for name in MEASURES)} "  # noqa: S608
    f"WHERE {' AND '.join(f'{name} = ?' for name in _KEYS)}"
)
_AT, _COST = EVENT_FIELDS.index("ts"), EVENT_FIELDS.index("cost_nano")
_FACTS = itemgetter(*(EVENT_FIELDS.index(name) for name in ("kind", "part_of", "org", *DIMENSIONS)))
_AMOUNTS = itemgetter(*(EVENT_FIELDS.index(name) for name in (*TOKENS, "cost_nano")))
_NO_TOKENS = (0,) * len(TOKENS)


class Sums:
    """Changes of the sums, gathered in memory per quarter hour and dimensions, then written at once."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._alike: defaultdict[Alike, list[tuple[int, ...]]] = defaultdict(list)
        self._found: dict[tuple[int, Key], tuple[int, ...]] = {}

    def add(self, found: Iterable[EventRow], sign: int = 1) -> None:
        """Take rows of events in, or with `sign` -1 out again."""
        alike = self._alike
        for row in found:
            alike[row[_AT] // QUARTER, row[_COST] is None, sign, _FACTS(row)].append(_AMOUNTS(row))

    def fold(self) -> None:
        """Add up what was taken in so far: events that are alike at once, which is why it waits until now."""
        found = self._found
        for (quarter, unpriced, sign, (kind, part_of, *key)), amounts in self._alike.items():
            place = (quarter, tuple(key))
            values = _summed(kind, amounts, is_part=bool(part_of), unpriced=unpriced)
            if sign < 0:
                values = tuple(map(neg, values))
            before = found.get(place)
            found[place] = values if before is None else tuple(map(add, before, values))
        self._alike.clear()

    def join(self, other: Sums) -> None:
        """Take over the changes that another one has folded."""
        for place, values in other._found.items():
            before = self._found.get(place)
            self._found[place] = values if before is None else tuple(map(add, before, values))

    def write(self, tx: Transaction) -> dict[Place, Charge]:
        """Write the changes; return what they change in the budgets of module months."""
        self.fold()
        grown: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        for key, values in self._rows():
            if min(values) >= 0:
                grown.append(key + values)
            else:
                changed.append(values + key)
        ADD.run(tx, grown)
        if tx.many(CHANGE, changed) != len(changed):
            raise InternalError(
                "the sums of the ledger do not match its events; nothing was written. `gaia-budget verify` shows "
                "where, `gaia-budget rebuild` makes the ledger anew",
                slug="ledger-sums",
            )
        return self._charges()

    def _rows(self) -> list[tuple[tuple[object, ...], tuple[int, ...]]]:
        folded: dict[tuple[Any, ...], tuple[int, ...]] = {}
        for (quarter, (org, *rest)), values in self._found.items():
            day, month = self.zone.day_and_month(quarter)
            for grain, bucket in (("day", day), ("hour", quarter * QUARTER // HOUR), ("month", month)):
                key = (org, grain, bucket, *rest)
                before = folded.get(key)
                folded[key] = values if before is None else tuple(map(add, before, values))
        # sorted: rivals on PostgreSQL lock rows in one order
        return [(key, values) for key, values in sorted(folded.items()) if any(values)]

    def _charges(self) -> dict[Place, Charge]:
        charges: dict[Place, Charge] = {}
        for (quarter, (org, module, _, _, _, source, paid)), values in self._found.items():
            if not values[-1] or not billing.counts(source, paid, True):
                continue
            app, claude_code = source == billing.APP, source == billing.CLAUDE_CODE
            if app or claude_code:
                place = (org, module_scope(module, self.zone.day_and_month(quarter)[1]))
                add_to(charges, place, Charge(values[-1] * app, values[-1] * claude_code))
        return charges


def _summed(kind: str, amounts: list[tuple[int, ...]], *, is_part: bool, unpriced: bool) -> tuple[int, ...]:
    """The measures of events that are alike."""
    count = len(amounts)
    billed = count if kind == "response" else 0
    *columns, costs = zip(*amounts, strict=True)
    tokens = _NO_TOKENS if kind in TOKENLESS else map(sum, columns)
    return (
        count,
        0 if is_part else billed,
        billed if unpriced else 0,
        *tokens,
        0 if unpriced else sum(costs),
    )


ENDS = "SELECT min(ts), max(ts) FROM events WHERE org = ?"
CHARGES = (
    "INSERT INTO budgets (org, scope, app_nano, claude_code_nano) "  # noqa: S608 (words of our own)
    "SELECT org, 'module:' || module || ':' || ?, "
    f"sum(CASE WHEN {billing.condition(billing.APP)} THEN cost_nano ELSE 0 END), "
    f"sum(CASE WHEN {billing.condition(billing.CLAUDE_CODE)} THEN cost_nano ELSE 0 END) "
    "FROM rollups WHERE org = ? AND grain = 'month' AND bucket = ? GROUP BY org, module "
    "ON CONFLICT (org, scope) DO UPDATE SET app_nano = excluded.app_nano, "
    "claude_code_nano = excluded.claude_code_nano"
)


def resum(tx: Transaction, zone: Zone, org: str) -> None:
    """Replace the sums and the recorded spend of the module months by what the events say."""
    tx.text("DELETE FROM rollups WHERE org = ?", (org,))
    tx.text(
        "UPDATE budgets SET app_nano = 0, claude_code_nano = 0 WHERE org = ? AND scope LIKE 'module:%'",
        (org,),
    )
    first, last = tx.text(ENDS, (org,)).fetchone()
    if first is None:
        return
    for question in questions(zone, org, first, last + 1):
        tx.text(ADD.selected(question.sql), question.values)
    for month in months(zone, first, last):
        tx.text(CHARGES, (month_name(month), org, month))


def questions(zone: Zone, org: str, since: int, until: int) -> list[Query]:
    """The sums of events in [since, until) in the columns of `rollups`; a row may come in several parts.

    A day on which the clocks change lies in two stretches with different offsets from UTC.
    """
    found = [_sums(org, "hour", f"ts / {HOUR}", since, until)]
    for start, end, offset in zone.periods(since, until):
        found.append(_sums(org, "day", f"(ts + {offset}) / {DAY}", start, end))
    for month in months(zone, since, until - 1):
        start, end = (max(since, zone.start_of_month(month)), min(until, zone.start_of_month(month + 1)))
        found.append(_sums(org, "month", str(month), start, end))
    return found


def months(zone: Zone, first: int, last: int) -> range:
    """The months of the events between two instants, both included."""
    return range(bucket_of(zone, "month", first), bucket_of(zone, "month", last) + 1)


def _sums(org: str, grain: str, bucket: str, since: int, until: int) -> Query:
    dimensions = ", ".join(DIMENSIONS)
    return Query(
        f"SELECT org, '{grain}', {bucket} AS bucket, {dimensions}, {', '.join(SUMS_OF_EVENTS)} "  # noqa: S608 (names and numbers of our own)
        f"FROM events WHERE org = ? AND ts >= ? AND ts < ? GROUP BY 1, 3, {dimensions}",
        (org, since, until),
    )
