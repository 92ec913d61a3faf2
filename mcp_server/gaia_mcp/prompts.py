"""Two prompts for people: begin a session of a type, and review what this one has spent."""

from typing import Any

from mcp.server import MCPServer

from gaia_budget.errors import NotFoundError
from gaia_budget.session_type import names


def register(server: MCPServer[Any]) -> None:
    """Add both prompts to the server."""
    server.prompt(title="Start a session of a type")(start_session)
    server.prompt(title="Review this session's spend")(review_spend)


def start_session(type: str) -> str:
    """Set the session type: quick_fix, feature_dev, architecture, or one of token_budget.json."""
    if type not in names():
        raise NotFoundError("session type", type, names())
    return (
        f"This is a {type} session. Call budget_session with type={type!r}, then tell me in one line its token "
        "limit, the models it is meant for and what is spent of the project's month. Before you start a subagent "
        "or choose a model, call budget_recommend with the task. Then wait for my task."
    )


def review_spend() -> str:
    """What this session has spent, on what, and what would make it cheaper."""
    return (
        "Review what this session has spent. Call budget_spend without arguments, then with since='session' and "
        "by='model', and with since='session' and by='agent'. Tell me in at most ten lines: the total and its share "
        "of the session's limit and of the project's month, the three biggest causes, and for each the cheapest "
        "change that keeps the quality. Say what is an estimate and what is not known."
    )
