"""What a lease's holder could not tell the ledger: kept in a file until it can be reached again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gaia_budget import places
from gaia_budget.errors import NotFoundError
from gaia_budget.ledger.leases import Report
from gaia_budget.model import Event  # noqa: TC001 (msgspec reads the annotations as it runs)
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.ledger.ledger import Ledger

NAME, TAKEN, UNREADABLE = "spool.jsonl", "spool-taken-{}.jsonl", "spool-unreadable.txt"
LOCK_SECONDS = 10.0


class Told(msgspec.Struct, frozen=True):
    """The last report on a lease, as `Ledger.report` takes it."""

    lease_id: str
    spent_nano: int
    events: list[Event] = []
    returned: bool = False


def put(told: Told) -> None:
    """Keep a report for later, in the file before this returns. Raises OSError."""
    files.append(str(places.ensure_home() / NAME), msgspec.json.encode(told) + b"\n")


def replay(ledger: Ledger) -> int:
    """Give the ledger what was kept; returns how many reports there were.

    A file goes away only when the ledger has all of it; a report that it knows already changes nothing.
    Raises LedgerError when it still cannot be reached: then everything is kept.
    """
    home = places.ensure_home()
    spool = home / NAME
    if spool.exists():
        with files.Lock(f"{spool}.lock", LOCK_SECONDS):
            if spool.exists():
                spool.replace(home / TAKEN.format(ledger.now()))
    return sum(_replay(ledger, file) for file in sorted(home.glob(TAKEN.format("*"))))


def _replay(ledger: Ledger, file: Path) -> int:
    try:
        lines = file.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:  # another process has just done it
        return 0
    count = 0
    for line in lines:
        try:
            told = msgspec.json.decode(line, type=Told)
        except msgspec.DecodeError:  # a writer was killed in the middle of it
            files.append(str(file.with_name(UNREADABLE)), line)
            continue
        _tell(ledger, told)
        count += 1
    file.unlink(missing_ok=True)
    return count


def _tell(ledger: Ledger, told: Told) -> None:
    try:
        ledger.report(told.lease_id, Report(told.spent_nano, told.events, told.returned))
    except NotFoundError:  # taken from another database: the events alone count
        ledger.record([msgspec.structs.replace(event, org=ledger.org) for event in told.events])
