"""The running session's type: shown, and set as the user wishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget import session_type
from gaia_budget.errors import InputError
from gaia_budget.owner import load_token_budget
from gaia_mcp.running import NO_SESSION, alerts, running
from gaia_mcp.tools import answers

if TYPE_CHECKING:
    from gaia_mcp.running import LiveSession


def _current() -> LiveSession:
    found = running()
    if found is None:
        raise InputError(f"{NO_SESSION}. Call this from within a Claude Code session", slug="no-session")
    return found


def shown() -> answers.SessionAnswer:
    """The type, who chose it, and the tokens against its limit. Raises InputError outside a session."""
    current = _current()
    return answers.SessionAnswer(
        type=current.session.state.type,
        chosen_by=current.session.state.chosen_by,
        budget_tokens=current.figures.budget_tokens,
        limit_tokens=current.limit_tokens,
        percent=current.percent,
        notes=[current.note] if current.note else None,
        alerts=alerts(current, current.session.state.module),
    )


def question(wanted: str) -> str | None:
    """What the human must be asked before the type is set; None where only the user's wish counts (R26).

    Raises InputError outside a session, ConfigError for broken files.
    """
    current = _current()
    if not session_type.needs_human(current.session_id, wanted):
        return None
    limit = load_token_budget().session(wanted).max_tokens
    return (
        f"Claude asks to make this {current.session.state.type} session a {wanted} session: its limit would rise "
        f"from {current.limit_tokens:,} to {limit:,} tokens ({current.figures.budget_tokens:,} are used)."
    )


def set_type(wanted: str) -> None:
    """Set the type as the user's own choice. Raises InputError where it cannot be, ConfigError for broken files."""
    session_type.choose(_current().session_id, wanted)
