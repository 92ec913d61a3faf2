"""What a lease's holder could not tell the ledger: kept in a file until it can be reached again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from gaia_budget.budgets.held import LeaseReport
from gaia_budget.errors import GaiaBudgetError, NotFoundError
from gaia_budget.model import Event  # noqa: TC001 (msgspec reads the annotations as it runs)
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.budgets.budgets import Budgets

NAME, TAKEN, UNREADABLE = "spool.jsonl", "spool-taken-{}.jsonl", "spool-unreadable.txt"
LOCK_SECONDS = 10.0
log = logging.getLogger(__name__)


class SpooledReport(msgspec.Struct, frozen=True):
    """The last report on a lease, as `Budgets.report` takes it."""

    lease_id: str
    spent_nano: int
    events: list[Event] = []
    returned: bool = False


def put(folder: Path, told: SpooledReport) -> None:
    """Keep a report for later, in the file before this returns. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.append(str(folder / NAME), msgspec.json.encode(told) + b"\n")


def replay(budgets: Budgets) -> int:
    """Give the ledger what was kept; returns how many reports there were.

    A file goes away only when the ledger has all of it; a report that it knows already changes nothing.
    Raises LedgerError when it still cannot be reached: then everything is kept.
    """
    home = budgets.ledger.folder
    spool = home / NAME
    if spool.exists():
        with files.Lock(f"{spool}.lock", LOCK_SECONDS):
            if spool.exists():
                spool.replace(home / TAKEN.format(budgets.ledger.now()))
    return sum(_replay(budgets, file) for file in sorted(home.glob(TAKEN.format("*"))))


def _replay(budgets: Budgets, file: Path) -> int:
    try:
        lines = file.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:  # another process has just done it
        return 0
    count = 0
    for line in lines:
        try:
            told = msgspec.json.decode(line, type=SpooledReport)
        except msgspec.DecodeError:  # a writer was killed in the middle of it
            files.append(str(file.with_name(UNREADABLE)), line)
            continue
        _tell(budgets, told)
        count += 1
    file.unlink(missing_ok=True)
    return count


def _tell(budgets: Budgets, told: SpooledReport) -> None:
    try:
        budgets.report(told.lease_id, LeaseReport(told.spent_nano, told.events, told.returned))
    except NotFoundError:  # taken from another database: the events alone count
        ledger = budgets.ledger
        ledger.record([msgspec.structs.replace(event, org=ledger.org) for event in told.events])


def upkeep(budgets: Budgets) -> None:
    """What comes with time alone: give the ledger what was kept for it, settle what is overdue. Raises LedgerError.

    Each `ingest` does it, and with it the server's worker and the start of a session. Admission needs none of it:
    what is overdue counts in full against its budget, reserved or assumed.
    """
    try:
        replay(budgets)
    except (GaiaBudgetError, OSError) as error:  # it stays in its file: the next time, perhaps
        log.warning("what %s holds is told later: %s", NAME, error)
    budgets.expire()
