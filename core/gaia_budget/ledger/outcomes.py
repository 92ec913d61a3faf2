"""What users said of a model's work: the recommendation learns from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ledger.database import Database, parse_url

if TYPE_CHECKING:
    from gaia_budget.ledger.database import Ask

ADD = (
    "INSERT INTO outcomes (org, outcome_id, ts, module, task, model, ok, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (org, outcome_id) DO NOTHING"
)
ASKED = "SELECT ts, module, task, model, ok, reason FROM outcomes WHERE org = ? {} ORDER BY ts DESC"


LOOK_SECONDS = 2.0


class Outcome(NamedTuple):
    """What a user said about a model's work on a task."""

    ts: int
    module: str
    task: str
    model: str
    ok: bool
    reason: str


def fetch(ask: Ask, org: str, *tasks: str) -> list[Outcome]:
    """What users said, the newest first; of the tasks of these names, or of all."""
    sql = ASKED.format(f"AND task IN ({', '.join('?' * len(tasks))})" if tasks else "")
    return [Outcome(*row)._replace(ok=bool(row[4])) for row in ask(sql, (org, *tasks))]


def looked_up(url: str, org: str, *tasks: str) -> list[Outcome]:
    """The same for whoever has no ledger open; nothing where there is none yet. Raises LedgerError, InputError."""
    address = parse_url(url)
    if address.file and not Path(address.file).is_file():
        return []
    db = Database(address, LOOK_SECONDS, reading=not address.shared)
    try:
        return db.ask(lambda ask: fetch(ask, org, *tasks))
    finally:
        db.close()
