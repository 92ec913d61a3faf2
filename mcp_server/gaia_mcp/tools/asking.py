"""Asking the human: what lifts a limit is never decided by the model, and is refused where nobody can answer.

No `from __future__ import annotations` here: the SDK reads the signatures as they run.
"""

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Elicit
from pydantic import BaseModel, Field

from gaia_mcp.tools import overriding, session


class Approval(BaseModel):
    """What the human is asked for."""

    approve: bool = Field(description="Yes: grant it. No: leave the limit as it is.")


GRANTED = Approval(approve=True)


def about_type(type: str, ctx: Context) -> Approval | Elicit[Approval]:
    """Ask when sessions are blocked at their limit and the new type would lift it; else there is nothing to ask."""
    question = session.question(type) if type else None
    return GRANTED if question is None else _ask(ctx, question)


def about_override(module: str, usd: float, reason: str, ctx: Context) -> Elicit[Approval]:
    """Ask always: this is money beyond the plan. Raises InputError before anybody is bothered with a wrong amount."""
    return _ask(ctx, overriding.question(module, usd, reason))


def _ask(ctx: Context, question: str) -> Elicit[Approval]:
    capabilities = ctx.client_capabilities
    can_ask = capabilities is not None and capabilities.elicitation is not None
    if not can_ask:
        raise ToolError("refused: this needs a human's yes, and this client cannot ask one")
    return Elicit(question, Approval)


def require(answer: ElicitationResult[Approval], otherwise: str) -> None:
    """Raise ToolError unless the human said yes."""
    if not isinstance(answer, AcceptedElicitation):
        raise ToolError(f"refused: the human's answer was {answer.action}. {otherwise}.")
    if not answer.data.approve:
        raise ToolError(f"refused: the human said no. {otherwise}.")
