"""Money beyond a module's monthly budget, for one expensive task, once a human has said yes."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from gaia_budget.errors import InputError
from gaia_budget.settings import load
from gaia_hooks.facts.prices.money import NANO, usd_short
from gaia_mcp.tools import answers

LONGEST_REASON = 200  # characters: people read it in a dialog


def question(module: str, usd: float, reason: str) -> str:
    """What the human is asked. Raises InputError for an amount or reason that nobody should be bothered with."""
    amount, why = _nano(usd), _plain(reason)
    return f"Claude asks for {usd_short(amount)} beyond the monthly budget of {_plain(module)}. Its reason: {why}"


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
