"""What users said of a model's work, and what happened: the recommendation learns from it.

Nobody types what happened; an app's calls show it. `retry`: the same task of the same piece of work went to a
stronger model soon after. `redone`: the very same prompt went to the same model again, as when somebody was not
content and asked anew. Both count less than a person's word (`[learning]` of routing.toml).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
SOON = 30 * 60 * 1_000_000
"""Microseconds within which a second call is about the first one's answer."""
LEAST_PROMPT = 500
"""Tokens from which on two equal prompts are no accident."""
RETRY, REDONE = "retry", "redone"


class Outcome(NamedTuple):
    """What is known of a model's work on a task. `kind` says how: see the column in the schema."""

    ts: int
    module: str
    task: str
    model: str
    ok: bool
    reason: str
    kind: str = "said"


class TaskCall(NamedTuple):
    """One billed call of an app's task. `work` is what it belongs to: its correlation id, else its session."""

    event_id: str
    ts: int
    module: str
    task: str
    model: str
    work: str
    prompt_tokens: int


def fetch(ask: Ask, org: str, *tasks: str) -> list[Outcome]:
    """What users said, the newest first; of the tasks of these names, or of all."""
    sql = ASKED.format(f"AND task IN ({', '.join('?' * len(tasks))})" if tasks else "")
    return [Outcome(*row)._replace(ok=bool(row[4])) for row in ask(sql, (org, *tasks))]


def calls_of_tasks(ask: Ask, org: str, since: int) -> list[TaskCall]:
    """The apps' calls since an instant, the oldest first."""
    return [TaskCall(*row) for row in ask(CALLS, (org, since))]


def happened(calls: Iterable[TaskCall], strength: Callable[[str], int | None]) -> dict[str, Outcome]:
    """Models that did not suffice, as what came after shows, by an id that is the same whenever it is found.

    `strength` orders models, and knows nothing of some (None).
    """
    import hashlib  # costs more than all of the ledger's own modules

    last: dict[tuple[str, str, str], TaskCall] = {}
    found = {}
    for call in sorted(calls, key=lambda one: (one.ts, one.event_id)):
        if not call.work:
            continue
        place = (call.module, call.task, call.work)
        before = last.get(place)
        last[place] = call
        if before is not None and call.ts - before.ts <= SOON:
            kind = _kind(before, call, strength)
            if kind:
                name = hashlib.sha256(f"{kind}:{before.event_id}".encode()).hexdigest()[:32]
                found[name] = Outcome(call.ts, call.module, call.task, before.model, False, "", kind)
    return found


def _kind(before: TaskCall, call: TaskCall, strength: Callable[[str], int | None]) -> str:
    if call.model == before.model:
        same = call.prompt_tokens == before.prompt_tokens >= LEAST_PROMPT
        return REDONE if same else ""
    weak, strong = strength(before.model), strength(call.model)
    return RETRY if weak is not None and strong is not None and weak < strong else ""


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
