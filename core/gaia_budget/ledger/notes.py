"""Small records beside the spend: what users said of a model's work."""

from __future__ import annotations

import uuid
from typing import NamedTuple

from gaia_budget.ledger.store import Store


class Outcome(NamedTuple):
    """What a user said about a model's work on a task."""

    ts: int
    module: str
    task: str
    model: str
    ok: bool
    reason: str


SAY = (
    "INSERT INTO outcomes (org, outcome_id, ts, module, task, model, ok, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (org, outcome_id) DO NOTHING"
)


ASKED = "SELECT ts, module, task, model, ok, reason FROM outcomes WHERE org = ? {} ORDER BY ts DESC"


class Notes(Store):
    """What users said."""

    def record_outcome(self, task: str, model: str, ok: bool, *, module: str = "", reason: str = "") -> None:
        """Remember whether a model sufficed for a task."""
        row = (self.org, uuid.uuid4().hex, self.now(), module, task, model, int(ok), reason)
        self.db.write(lambda tx: tx.many(SAY, [row]))

    def outcomes(self, *tasks: str) -> list[Outcome]:
        """What users said, the newest first; of the tasks of these names, or of all."""
        sql = ASKED.format(f"AND task IN ({', '.join('?' * len(tasks))})" if tasks else "")
        rows = self.db.ask(lambda ask: ask(sql, (self.org, *tasks)))
        return [Outcome(*row)._replace(ok=bool(row[4])) for row in rows]
