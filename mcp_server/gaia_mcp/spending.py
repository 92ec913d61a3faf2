"""What was spent: the running session and its module's month, or any axis of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.errors import ConfigError, GaiaBudgetError, InputError, LedgerError
from gaia_hooks.facts import modules
from gaia_hooks.facts.money import usd
from gaia_mcp import answers, firing, known, place
from gaia_mcp.running import NO_SESSION, Running, running, session_id

if TYPE_CHECKING:
    from gaia_budget.ledger.questions import Figures, Spend

MOST_ROWS = 20
THIS_SESSION = "session"  # the value of `since` that means the running session


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
    answer.module = _module(current, notes)
    try:
        _add_month(answer, answer.module)
    except GaiaBudgetError as error:
        notes.append(f"month: {error}")
    answer.alerts = firing.alerts(current, answer.module)
    answer.notes = notes or None
    return answer


def _module(current: Running | None, notes: list[str]) -> str:
    if current is not None and current.session.state.module:
        return current.session.state.module
    try:
        roots = known.registry.get().roots()
    except GaiaBudgetError as error:
        notes.append(str(error))
        roots = []
    return modules.module_of(str(place.project()), roots)


def _add_month(answer: answers.SpendAnswer, module: str) -> None:
    """The month as `status` shows it: spent is what counts against the limit."""
    from gaia_budget.forecast.standing import MonthStatus

    chosen = known.settings.get()
    entry, rule = known.budget.get().module_or_default(module, chosen), chosen.module(module)
    answer.limit_usd = usd(entry.limit_nano)
    spent = known.book.answer(("month", module), lambda ledger: ledger.month(module))
    month = MonthStatus(spent, entry.limit_nano, rule.counts_claude_code)
    answer.month_usd = usd(month.spent_nano)
    if month.month.override_nano:
        answer.override_usd = usd(month.month.override_nano)
    beside = 0 if month.counts_claude_code else month.month.claude_code_nano
    if beside:
        answer.claude_code_usd = usd(beside)


def by_axis(axis: str, since: str, module: str) -> answers.SpendAnswer:
    """The total and the dearest rows of one axis, as `gaia-budget spend` gives them. Raises InputError."""
    session = None
    if since == THIS_SESSION:
        session, since = session_id(), ""
        if session is None:
            raise InputError(f"since=session: {NO_SESSION}")
    asked = ((axis or "module",), since or None, None, module.lower() or None, session)
    try:
        return known.book.answer(asked, lambda ledger: _table(ledger.spend(*asked)))
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
