"""Small records beside the spend: what users said of a model's work, what fills the context."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from gaia_budget.errors import InputError
from gaia_budget.ledger.schema import context, outcomes
from gaia_budget.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gaia_budget.ledger.zone import When


class Outcome(NamedTuple):
    """What a user said about a model's work on a task."""

    ts: int
    module: str
    task: str
    model: str
    ok: bool
    reason: str


class ContextItem(NamedTuple):
    """One tool result that entered the context. Tokens are estimates.

    `carried_tokens` is its size times the later requests that sent it along. `file` never leaves the machine.
    """

    item_id: str
    ts: int
    module: str
    session_id: str
    tool: str
    result_tokens: int
    carried_tokens: int
    agent_id: str = ""
    branch: str = ""
    mcp_server: str = ""
    file: str = ""


class ContextRow(NamedTuple):
    """How many results, and their estimated tokens, for the values of the axes asked for."""

    key: tuple[str, ...]
    calls: int
    result_tokens: int
    carried_tokens: int

    def document(self, by: Sequence[str]) -> dict[str, Any]:
        """One row of `spend --by tool` and the like."""
        key: str | list[str] = self.key[0] if len(by) == 1 else list(self.key)
        figures = self._asdict() | {"key": key, "estimate": True}
        return figures | dict(zip(by, self.key, strict=True))


CONTEXT_AXES = {"tool": "tool", "mcp_server": "mcp_server", "file": "file"}
BESIDE = {"session": "session_id", "agent": "agent_id", "branch": "branch", "module": "module"}

SAY = (
    "INSERT INTO outcomes (org, outcome_id, ts, module, task, model, ok, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (org, outcome_id) DO NOTHING"
)
CARRY = (
    f"INSERT INTO context_items (org, {', '.join(ContextItem._fields)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * (len(ContextItem._fields) + 1))}) ON CONFLICT (org, item_id) DO UPDATE SET "
    "carried_tokens = CASE WHEN excluded.carried_tokens > context_items.carried_tokens "
    "THEN excluded.carried_tokens ELSE context_items.carried_tokens END"
)


class Notes(Store):
    """Outcomes and context."""

    def record_outcome(self, task: str, model: str, ok: bool, *, module: str = "", reason: str = "") -> None:
        """Remember whether a model sufficed for a task."""
        row = (self.org, uuid.uuid4().hex, self.now(), module, task, model, int(ok), reason)
        self.db.write(lambda tx: tx.many(SAY, [row]))

    def outcomes(self, task: str | None = None) -> list[Outcome]:
        """What users said, the newest first; of one task or of all."""
        o = outcomes.c
        question = select(o.ts, o.module, o.task, o.model, o.ok, o.reason).where(o.org == self.org)
        if task is not None:
            question = question.where(o.task == task)
        rows = self.db.read(lambda connection: connection.execute(question.order_by(o.ts.desc())).all())
        return [
            Outcome(ts, module, task, model, bool(ok), reason) for ts, module, task, model, ok, reason in rows
        ]

    def record_context(self, items: Iterable[ContextItem]) -> None:
        """Take tool results in; a known one only grows. File names are dropped in a shared database."""
        rows = [
            (self.org, *(item._replace(file="") if self.db.shared else item))
            for item in sorted(items, key=lambda item: item.item_id)
        ]
        self.db.write(lambda tx: tx.many(CARRY, rows))

    def context(
        self, by: Sequence[str], since: When = None, until: When = None, session: str | None = None
    ) -> list[ContextRow]:
        """What fills the context by tool, mcp_server or file (and session, agent, branch, module); estimates.

        Raises InputError for an axis that does not go with them.
        """
        axes = CONTEXT_AXES | BESIDE
        for axis in by:
            if axis not in axes:
                raise InputError(f"axis {axis!r} does not go with these. Valid: {', '.join(axes)}")
        c = context.c
        keys = [c[axes[axis]] for axis in by]
        question = select(*keys, func.count(), func.sum(c.result_tokens), func.sum(c.carried_tokens))
        question = question.where(c.org == self.org, *(key != "" for key in keys[:1]))
        start, end = self.instant(since), self.instant(until, end=True)
        if start is not None:
            question = question.where(c.ts >= start)
        if end is not None:
            question = question.where(c.ts < end)
        if session is not None:
            question = question.where(c.session_id == session)
        rows = self.db.read(lambda connection: connection.execute(question.group_by(*keys)).all())
        found = [ContextRow(tuple(map(str, row[: len(by)])), *map(int, row[len(by) :])) for row in rows]
        return sorted(found, key=lambda row: (-row.carried_tokens, row.key))
