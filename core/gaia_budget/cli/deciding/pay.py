"""`gaia-budget pay`: says how Claude Code is paid for, which decides what counts against a cap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli import human
from gaia_budget.cli.output import JsonFlag, emit_json, say
from gaia_budget.errors import NotFoundError

if TYPE_CHECKING:
    from gaia_budget.settings import Settings

CHOICES = ("api", "plan", "auto")
How = Annotated[
    str | None,
    typer.Argument(help="api: by API price; plan: a subscription; auto: find it out. Without it: show."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pay")(pay)


def pay(how: How = None, as_json: JsonFlag = False) -> None:
    """Show or say how Claude Code is paid for; what this month was booked without knowing it follows the answer."""
    from gaia_budget.ingest.rebilling import rebill
    from gaia_budget.ingest.run import refresh
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load, set_top_level

    changed = 0
    if how is not None:
        if how not in CHOICES:
            raise NotFoundError("way of paying", how, CHOICES)
        if how != "api":  # what a plan pays for counts against no cap
            human.require_for_hard_limits("taking Claude Code out of the caps")
        set_top_level("claude_code_billing", how)
    settings = load()
    if how is not None:
        with Ledger.open(settings=settings) as ledger:
            changed = rebill(ledger, settings)
            refresh(settings, ledger)
    if as_json:
        emit_json(
            {"setting": settings.claude_code_billing, "billing": settings.billing, "events_changed": changed}
        )
    else:
        say(_words(settings))


def _words(settings: Settings) -> str:
    words = {
        "api": "Claude Code is paid by API price: it counts where a module's counts_claude_code is set.",
        "plan": "A plan pays for Claude Code: its dollars are at API prices, not billed, and count against no cap.",
        "unknown": "Nobody knows how Claude Code is paid for: it counts where a module's counts_claude_code is set.",
    }
    return words[settings.billing]
