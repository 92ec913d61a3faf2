"""What was spent: the running session, its module's month, or any axis, by the same reports as the commands'.

The reports are imported by the first question: the client waits for the server's start, and asks later.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gaia_budget.errors import ConfigError, GaiaBudgetError, InputError, LedgerError
from gaia_hooks.facts.prices.money import usd
from gaia_mcp import place
from gaia_mcp.running import NO_SESSION, LiveSession, alerts, required, running, session_id
from gaia_mcp.tools import answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.ledger.database.measures import Figures
    from gaia_budget.ledger.questions import Spend
    from gaia_budget.reports.books import Books

MOST_ROWS = 20
THIS_SESSION = "session"  # the value of `since` that means the running session
PATIENCE_SECONDS = 2.0
"""How long an answer waits for a ledger that another process keeps locked: somebody waits for it."""


@contextmanager
def books() -> Iterator[Books]:
    """The books for the session and project that the server serves. Raises LedgerError, ConfigError."""
    from gaia_budget.reports.books import Here, opened

    where = Here(session_id() or "", str(place.project()))
    with opened(where=where, patience_s=PATIENCE_SECONDS) as found:
        yield found


def here() -> answers.SpendAnswer:
    """The running session and its module's month; what cannot be known is said in `notes`."""
    answer, notes = answers.SpendAnswer(), []
    current = running()
    if current is None:
        notes.append(NO_SESSION)
    else:
        answer.session_tokens = current.figures.budget_tokens
        answer.session_usd = usd(current.figures.cost_nano)
        answer.session_unpriced = current.figures.unpriced or None
        notes += [current.note] if current.note else []
    answer.module = current.session.state.module if current else None
    try:
        with books() as found:
            notes += found.notes
            answer.module = answer.module or found.module_here
            _add_month(answer, found, current)
    except GaiaBudgetError as error:
        answer.module = answer.module or place.module()
        notes.append(f"month: {error}")
    answer.alerts = alerts(current, answer.module)
    answer.notes = notes or None
    return answer


def _add_month(answer: answers.SpendAnswer, found: Books, current: LiveSession | None) -> None:
    """The month as `status` shows it, and of the session what only the client's own written total knows."""
    from gaia_budget.reports.money.month import month_so_far

    assert answer.module is not None
    answer.limit_usd = usd(found.limit_nano(answer.module))
    stands = month_so_far(found, answer.module)
    answer.month_usd = usd(stands.spent_nano)
    if stands.month.override_nano:
        answer.override_usd = usd(stands.month.override_nano)
    if stands.beside_nano:
        answer.claude_code_usd = usd(stands.beside_nano)
    spent = found.ledger.session(current.session_id) if current else None
    if current and spent and spent.unattributed_nano:
        answer.session_usd = usd(current.figures.cost_nano + spent.unattributed_nano)


def session() -> answers.SessionAnswer:
    """The session's type, who chose it, and the tokens against its limit. Raises InputError outside a session."""
    current = required()
    return answers.SessionAnswer(
        type=current.session.state.type,
        chosen_by=current.session.state.chosen_by,
        budget_tokens=current.figures.budget_tokens,
        limit_tokens=current.limit_tokens,
        percent=current.percent,
        notes=[current.note] if current.note else None,
        alerts=alerts(current, current.session.state.module),
    )


def by_axis(axis: str, since: str, module: str) -> answers.SpendAnswer:
    """The total and the dearest rows of one axis, as `gaia-budget spend` gives them. Raises InputError."""
    from gaia_budget.reports.money.spend import spend
    from gaia_budget.reports.sessions.beside_client import beside_client

    of = None
    if since == THIS_SESSION:
        of, since = session_id(), ""
        if of is None:
            raise InputError(f"since=session: {NO_SESSION}", slug="no-session")
    try:
        with books() as found:
            answer = _table(spend(found, (axis or "module",), since or None, None, module or None, of))
            told = beside_client(of).facts() if of else []
            answer.notes = [*found.notes, *(f"{head}: {what}" for head, what in told)] or None
            return answer
    except (LedgerError, ConfigError) as error:
        return answers.SpendAnswer(notes=[str(error)])


def _table(found: Spend) -> answers.SpendAnswer:
    rows = [_row(row.figures, row.key[0]) for row in found.rows[:MOST_ROWS]]
    return answers.SpendAnswer(
        total=_row(found.total), rows=rows, more_rows=max(0, len(found.rows) - MOST_ROWS) or None
    )


def _row(figures: Figures, key: str | None = None) -> answers.SpendRow:
    return answers.SpendRow(
        key=key,
        responses=figures.responses,
        budget_tokens=figures.budget_tokens,
        cost_usd=usd(figures.cost_nano),
        unpriced=figures.unpriced_responses or None,
    )
