"""Asking the human: what lifts a limit is never decided by the model, and is refused where nobody can answer.

No `from __future__ import annotations` here: the SDK reads the signatures as they run.
"""

from decimal import Decimal, InvalidOperation

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Elicit
from pydantic import BaseModel, Field

from gaia_budget import session_type
from gaia_budget.errors import InputError
from gaia_budget.owner import load_token_budget
from gaia_budget.settings import load
from gaia_hooks.facts.prices.money import NANO, usd_short
from gaia_mcp.running import required
from gaia_mcp.tools import answers

LONGEST_REASON = 200  # characters: people read it in a dialog


class Approval(BaseModel):
    """What the human is asked for."""

    approve: bool = Field(description="Yes: grant it. No: leave the limit as it is.")


GRANTED = Approval(approve=True)


def about_type(type: str, ctx: Context) -> Approval | Elicit[Approval]:
    """Ask when sessions are blocked at their limit and the new type would lift it; else the user's wish does (R26).

    Raises InputError outside a session, ConfigError for broken files.
    """
    if not type:
        return GRANTED
    current = required()
    if not session_type.needs_human(current.session_id, type):
        return GRANTED
    limit = load_token_budget().session(type).max_tokens
    return _ask(
        ctx,
        f"Claude asks to make this {current.session.state.type} session a {type} session: its limit would rise "
        f"from {current.limit_tokens:,} to {limit:,} tokens ({current.figures.budget_tokens:,} are used).",
    )


def about_override(module: str, usd: float, reason: str, ctx: Context) -> Elicit[Approval]:
    """Ask always: this is money beyond the plan. Raises InputError before anybody is bothered with a wrong amount."""
    amount, why = _nano(usd), _plain(reason)
    return _ask(
        ctx,
        f"Claude asks for {usd_short(amount)} beyond the monthly budget of {_plain(module)}. Its reason: {why}",
    )


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


def granted(module: str, usd: float, reason: str) -> answers.OverrideAnswer:
    """Record the grant in the ledger. Raises InputError, LedgerError."""
    from gaia_budget.budgets import Budgets
    from gaia_budget.ingest.months import tell_hooks
    from gaia_budget.ledger import Ledger
    from gaia_hooks.facts.prices.money import usd as exact

    chosen = load()
    with Ledger.open(settings=chosen) as ledger:
        made = Budgets(ledger).add_override(
            _plain(module).lower(), _nano(usd), _plain(reason), granted_by=chosen.user
        )
        tell_hooks(ledger, chosen)
        expires = ledger.zone.local(made.expires_ts).isoformat(timespec="minutes")
    return answers.OverrideAnswer(
        id=made.override_id, module=made.module, usd=exact(made.amount_nano), expires=expires
    )


def _nano(usd: float) -> int:
    """Nano-dollars of a JSON number, which is exact in its shortest decimal form."""
    try:
        amount = Decimal(repr(usd)) * NANO
        if amount <= 0 or amount != amount.to_integral_value():
            raise InvalidOperation
        return int(amount)
    except (InvalidOperation, OverflowError):
        raise InputError(
            "usd must be a positive amount of dollars, such as 5 or 2.50", slug="override-incomplete"
        ) from None


def _plain(text: str) -> str:
    """One line without control characters: it is shown in a dialog."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not line or len(line) > LONGEST_REASON:
        raise InputError(
            f"module and reason must each be one line of 1 to {LONGEST_REASON} characters",
            slug="override-incomplete",
        )
    return line
