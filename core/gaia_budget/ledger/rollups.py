"""Sums of events per hour, day and month, kept in the transaction that records the events."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from gaia_budget.errors import InternalError
from gaia_budget.ledger.budgets import Charge
from gaia_budget.ledger.facts import DIMENSIONS, MEASURES, TOKENLESS
from gaia_budget.ledger.months import module_scope
from gaia_budget.ledger.zone import HOUR, QUARTER, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.ledger.budgets import Place
    from gaia_budget.ledger.database import Transaction
    from gaia_budget.model import Event

Key = tuple[str, ...]
_KEYS = ("org", "grain", "bucket", *DIMENSIONS)
_KEY_LIST = ", ".join(_KEYS)
_SUMS = ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in MEASURES)
ADD = (
    f"INSERT INTO rollups ({_KEY_LIST}, {', '.join(MEASURES)}) "  # noqa: S608 (column names of our own)
    f"VALUES ({', '.join('?' * (len(_KEYS) + len(MEASURES)))}) ON CONFLICT ({_KEY_LIST}) DO UPDATE SET {_SUMS}"
)
ADD_SELECTED = (
    f"INSERT INTO rollups ({_KEY_LIST}, {', '.join(MEASURES)})",
    f"ON CONFLICT ({_KEY_LIST}) DO UPDATE SET {_SUMS}",
)
"""What stands before and after a question that yields rows of `rollups`."""
CHANGE = (
    f"UPDATE rollups SET {', '.join(f'{name} = {name} + ?' for name in MEASURES)} "  # noqa: S608
    f"WHERE {' AND '.join(f'{name} = ?' for name in _KEYS)}"
)
_FACTS = attrgetter("org", *DIMENSIONS)
_TOKENS = attrgetter(
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "web_searches",
    "recached_tokens",
)
_NO_TOKENS = (0,) * 8


class Sums:
    """Changes of the sums, gathered in memory per quarter hour and dimensions, then written at once."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._found: dict[tuple[int, Key], tuple[int, ...]] = {}

    def add(self, events: Iterable[Event], sign: int = 1) -> None:
        """Take events in, or with `sign` -1 out again."""
        found = self._found
        for event in events:
            place = (event.ts // QUARTER, _FACTS(event))
            cost = event.cost_nano
            response = int(event.kind == "response")
            tokens = _NO_TOKENS if event.kind in TOKENLESS else _TOKENS(event)
            values = (1, response, response * (cost is None), *tokens, cost or 0)
            before = found.get(place)
            if sign < 0:
                values = tuple([-value for value in values])
            found[place] = values if before is None else tuple(map(int.__add__, before, values))

    def write(self, tx: Transaction) -> dict[Place, Charge]:
        """Write the changes; return what they change in the budgets of module months."""
        rows = self._rows()
        grown = [key + values for key, values in rows if min(values) >= 0]
        changed = [values + key for key, values in rows if min(values) < 0]
        tx.many(ADD, grown)
        if tx.many(CHANGE, changed) != len(changed):
            raise InternalError(
                "the sums of the ledger do not match its events; nothing was written. `gaia-budget verify` shows "
                "where, `gaia-budget rebuild` makes the ledger anew"
            )
        return self._charges()

    def _rows(self) -> list[tuple[tuple[object, ...], tuple[int, ...]]]:
        folded: dict[tuple[str, str, int, Key], tuple[int, ...]] = {}
        for (quarter, key), values in self._found.items():
            day, month = self.zone.day_and_month(quarter)
            buckets = (("hour", quarter * QUARTER // HOUR), ("day", day), ("month", month))
            for grain, bucket in buckets:
                place = (key[0], grain, bucket, key[1:])
                before = folded.get(place)
                folded[place] = values if before is None else tuple(map(int.__add__, before, values))
        ordered = sorted(folded.items())  # rivals on PostgreSQL lock rows in one order
        return [
            ((org, grain, bucket, *key), values)
            for (org, grain, bucket, key), values in ordered
            if any(values)
        ]

    def _charges(self) -> dict[Place, Charge]:
        charges: dict[Place, Charge] = {}
        for (quarter, (org, module, _, _, _, source, billing)), values in self._found.items():
            app = source == "app" and billing != "plan"
            claude_code = source == "claude_code" and billing == "api"
            if values[-1] and (app or claude_code):
                place = (org, module_scope(module, self.zone.day_and_month(quarter)[1]))
                before = charges.get(place, Charge())
                charges[place] = Charge(
                    before.app + values[-1] * app, before.claude_code + values[-1] * claude_code
                )
        return charges
