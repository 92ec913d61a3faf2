"""What is charged to budgets, in the transaction that records the spend; and how the budget of a month is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ledger.zone import month_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.ledger.database.connection import Transaction
    from gaia_budget.ledger.zone import Zone

Place = tuple[str, str]
"""Organisation and scope: the key of a budget."""


class Charge(NamedTuple):
    """A change of one budget, in nano-dollars."""

    app: int = 0
    claude_code: int = 0
    assumed: int = 0
    reserved: int = 0


CREATE = "INSERT INTO budgets (org, scope) VALUES (?, ?) ON CONFLICT (org, scope) DO NOTHING"
ADD = (
    "INSERT INTO budgets (org, scope, app_nano, claude_code_nano, assumed_nano, reserved_nano) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (org, scope) DO UPDATE SET "
    "app_nano = budgets.app_nano + excluded.app_nano, "
    "claude_code_nano = budgets.claude_code_nano + excluded.claude_code_nano, "
    "assumed_nano = budgets.assumed_nano + excluded.assumed_nano, "
    "reserved_nano = budgets.reserved_nano + excluded.reserved_nano"
)
CHANGE = (
    "UPDATE budgets SET app_nano = app_nano + ?, claude_code_nano = claude_code_nano + ?, "
    "assumed_nano = assumed_nano + ?, reserved_nano = reserved_nano + ? WHERE org = ? AND scope = ? "
    "RETURNING override_nano"
)


def is_module(key: str) -> bool:
    """Whether a scope is a module's month, whose spend is the sum of the recorded events."""
    return key.startswith("module:")


def charge(tx: Transaction, charges: Mapping[Place, Charge]) -> list[str]:
    """Move budgets, in sorted order: rivals lock rows in one order. Returns the scopes that give something free and
    are lifted by overrides, which it may go back to."""
    lifted: list[str] = []
    for place, amounts in sorted(charges.items()):
        if min(amounts) >= 0:
            tx.text(ADD, (*place, *amounts))
            continue
        [row] = tx.text(CHANGE, (*amounts, *place)).fetchall() or [(0,)]
        if row[0]:
            lifted.append(place[1])
    return lifted


def add_to(charges: dict[Place, Charge], place: Place, more: Charge) -> None:
    """Add a change to what is known of a budget's changes."""
    before = charges.get(place)
    charges[place] = more if before is None else Charge(*map(int.__add__, before, more))


def module_scope(module: str, month: int) -> str:
    """The name of the budget of a module's month."""
    return f"module:{module}:{month_name(month)}"


def within(zone: Zone, scope: str, ts: int) -> int:
    """An instant, moved into the month of a module's budget: what that month admitted counts in it."""
    if not scope.startswith("module:"):
        return ts
    year, month = scope.rsplit(":", 1)[1].split("-")
    number = int(year) * 12 + int(month) - 1
    return max(zone.start_of_month(number), min(ts, zone.start_of_month(number + 1) - 1))
