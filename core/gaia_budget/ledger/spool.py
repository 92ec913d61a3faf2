"""Settled calls that the ledger could not take: kept in a file until it can be reached again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gaia_budget import places
from gaia_budget.errors import NotFoundError
from gaia_budget.model import Event  # noqa: TC001 (msgspec reads the annotations as it runs)
from gaia_hooks import files

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.ledger.ledger import Ledger

NAME, TAKEN, UNREADABLE = "spool.jsonl", "spool-taken-{}.jsonl", "spool-unreadable.txt"
LOCK_SECONDS = 10.0


class Settlement(msgspec.Struct, frozen=True):
    """One settled call, as `Ledger.settle` takes it."""

    reservation_id: str
    actual_nano: int
    event: Event | None = None


def put(settlement: Settlement) -> None:
    """Keep a settlement for later, on disk before this returns. Raises OSError."""
    files.append(str(places.ensure_home() / NAME), msgspec.json.encode(settlement) + b"\n")


def replay(ledger: Ledger) -> int:
    """Give the ledger what was kept; returns how many settlements there were.

    A file goes away only when the ledger has all of it; a settlement that it knows already changes nothing.
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
    count = 0
    for line in file.read_bytes().splitlines(keepends=True):
        try:
            kept = msgspec.json.decode(line, type=Settlement)
        except msgspec.DecodeError:  # a writer was killed in the middle of it
            files.append(str(file.with_name(UNREADABLE)), line)
            continue
        _settle(ledger, kept)
        count += 1
    file.unlink(missing_ok=True)
    return count


def _settle(ledger: Ledger, kept: Settlement) -> None:
    try:
        ledger.settle(kept.reservation_id, kept.actual_nano, kept.event)
    except NotFoundError:  # held in another database, or on a lease: the event alone counts
        if kept.event is not None:
            ledger.record([kept.event])
