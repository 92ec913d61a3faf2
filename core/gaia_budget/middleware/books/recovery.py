"""What processes have left that are gone, settled by whoever starts next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.budgets.leases import Paid
from gaia_budget.budgets.spool import upkeep
from gaia_budget.errors import NotFoundError
from gaia_budget.middleware.books.journal import abandoned, line_of
from gaia_hooks.machine import files
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Protocol

    from gaia_budget.budgets import Budgets
    from gaia_budget.middleware.books.journal import Left, Settlement

    class TellHooks(Protocol):
        """Adds a call to the month that hooks hold."""

        def __call__(self, settlement: Settlement, *, again: bool) -> None:
            """`again`: it may be there already."""


def settle_what_the_dead_left(budgets: Budgets, folder: Path, logs: str, tell_hooks: TellHooks) -> None:
    """Book the calls in the journals of processes that are gone, return their leases, and settle what is overdue.

    Raises LedgerError, OSError: then it is left for the next one.
    """
    upkeep(budgets)
    for left in abandoned(folder):
        for settlement in _settled(budgets, left):
            tell_hooks(settlement, again=True)
            path = argus.runtime_path(logs, settlement.event.module)
            if not _stands_in(path, settlement.call_id):
                files.append(path, line_of(settlement))


def _settled(budgets: Budgets, left: Left) -> Iterable[Settlement]:
    """The calls that a process has left, each entered in the ledger."""
    for lease_id in dict.fromkeys([*left.leases, *(call.lease_id for call in left.calls if call.lease_id)]):
        paid = [call for call in left.calls if call.lease_id == lease_id]
        _wind_up(budgets, lease_id, paid)
        yield from paid
    for call in left.calls:
        if not call.lease_id and _entered(budgets, call):
            yield call


def _wind_up(budgets: Budgets, lease_id: str, paid: Sequence[Settlement]) -> None:
    calls = [Paid(call.actual_nano, (call.event, *call.more)) for call in paid]
    try:
        budgets.wind_up(lease_id, calls)
    except (
        NotFoundError
    ):  # it died before the lease was its own, or the ledger was made anew: events alone count
        budgets.ledger.record([event for call in calls for event in call.events])


def _entered(budgets: Budgets, settlement: Settlement) -> bool:
    """Enter a call that the ledger held money for, or that cost nothing; whether there was one."""
    if settlement.reserved:
        try:
            budgets.settle(settlement.call_id, settlement.actual_nano, settlement.event)
        except NotFoundError:
            return False  # it died before the ledger held anything: the call was never sent
    else:
        budgets.ledger.record([settlement.event])
    if settlement.more:
        budgets.ledger.record(settlement.more)
    return True


def _stands_in(path: str, event_id: str) -> bool:
    """Whether a line with this id is in a log or in the one that was rotated away last."""
    needle = event_id.encode()
    for place in (path, path + ".1"):
        try:
            if needle in files.read(place):
                return True
        except FileNotFoundError:
            continue
    return False
