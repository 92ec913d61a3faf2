"""What users said of a model's work, and what happened: the recommendation learns from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.url import parse_url

if TYPE_CHECKING:
    from gaia_budget.ledger.database.connection import Ask

ADD = (
    "INSERT INTO outcomes (org, outcome_id, ts, module, task, model, ok, reason, kind) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (org, outcome_id) DO NOTHING"
)
ASKED = "SELECT ts, module, task, model, ok, reason, kind FROM outcomes WHERE org = ? {} ORDER BY ts DESC"
CALLS = (
    "SELECT event_id, ts, module, task, model, "
    "CASE WHEN correlation_id <> '' THEN correlation_id ELSE session_id END, "
    "input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens FROM events "
    "WHERE org = ? AND ts >= ? AND source = 'app' AND kind = 'response' AND task <> '' ORDER BY ts"
)


LOOK_SECONDS = 2.0


class Outcome(NamedTuple):
    """What is known of a model's work on a task. `kind` says how: see the column in the schema."""

    ts: int
    module: str
    task: str
    model: str
    ok: bool
    reason: str
    kind: str = "said"


def fetch(ask: Ask, org: str, *tasks: str) -> list[Outcome]:
    """What users said, the newest first; of the tasks of these names, or of all."""
    sql = ASKED.format(f"AND task IN ({', '.join('?' * len(tasks))})" if tasks else "")
    return [Outcome(*row)._replace(ok=bool(row[4])) for row in ask(sql, (org, *tasks))]


def calls_of_tasks(ask: Ask, org: str, since: int) -> list[tuple[str, int, str, str, str, str, int]]:
    """(id, ts, module, task, model, correlation or session, prompt tokens) of the apps' calls since an instant."""
    rows = ask(CALLS, (org, since))
    return [(str(row[0]), int(row[1]), *map(str, row[2:6]), int(row[6])) for row in rows]  # type: ignore[misc]


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
