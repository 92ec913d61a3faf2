"""Budgets: one row each, on which one conditional update decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaia_budget.ledger.database import Transaction

CHARGE = (
    "INSERT INTO budgets (org, scope, app_nano, claude_code_nano) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (org, scope) DO UPDATE SET app_nano = budgets.app_nano + excluded.app_nano, "
    "claude_code_nano = budgets.claude_code_nano + excluded.claude_code_nano"
)
CORRECT = (
    "UPDATE budgets SET app_nano = app_nano + ?, claude_code_nano = claude_code_nano + ? "
    "WHERE org = ? AND scope = ?"
)


def charge(tx: Transaction, charges: Mapping[tuple[str, str], tuple[int, int]]) -> None:
    """Add recorded spend to the module months, in sorted order: rivals lock rows in one order."""
    for place, amounts in sorted(charges.items()):
        if min(amounts) >= 0:
            tx.text(CHARGE, (*place, *amounts))
        else:
            tx.text(CORRECT, (*amounts, *place))
