"""`gaia-budget pay`: says how Claude Code is paid for, which decides what counts against a cap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli import human
from gaia_budget.cli.output import JsonFlag, emit_json, say
from gaia_budget.errors import NotFoundError

if TYPE_CHECKING:
    from gaia_budget.settings.keys import Settings

CHOICES = ("api", "plan", "auto")
How = Annotated[
    str | None,
    typer.Argument(help="api: by API price; plan: a subscription; auto: find it out. Without it: show."),
]
Counts = Annotated[
    bool | None,
    typer.Option("--counts/--no-counts", help="Whether it counts against monthly caps (never under a plan)."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pay")(pay)


def pay(how: How = None, counts: Counts = None, as_json: JsonFlag = False) -> None:
    """Show or say how Claude Code is paid for; what this month was booked without knowing it follows the answer."""
    from gaia_budget.settings import load

    changed = answer(how, counts) if how is not None or counts is not None else 0
    settings = load()
    if as_json:
        emit_json(
            {
                "setting": settings.claude_code_billing,
                "billing": settings.billing,
                "counts_claude_code": settings.counts_claude_code,
                "events_changed": changed,
            }
        )
    else:
        say(in_words(settings))


def answer(how: str | None, counts: bool | None) -> int:
    """Keep what the user says, and let this month follow; how many events changed.

    Raises NotFoundError, ConfigError, LedgerError.
    """
    from gaia_budget.ingest.rebilling import rebill
    from gaia_budget.ingest.run import refresh
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load, set_top_level

    if how is not None:
        if how not in CHOICES:
            raise NotFoundError("way of paying", how, CHOICES)
        if how != "api":  # what a plan pays for counts against no cap
            human.require_for_hard_limits("taking Claude Code out of the caps")
        set_top_level("claude_code_billing", how)
    if counts is not None:
        if not counts:
            human.require_for_hard_limits("taking Claude Code out of the caps")
        set_top_level("counts_claude_code", counts)
    settings = load()
    with Ledger.open(settings=settings) as ledger:
        changed = rebill(ledger, settings)
        refresh(settings, ledger)
    return changed


def in_words(settings: Settings) -> str:
    """How Claude Code is paid for, and what that means."""
    if settings.billing == "plan":
        return "A plan pays for Claude Code: its dollars are at API prices, not billed, and count against no cap."
    paid = (
        "Claude Code is paid by API price"
        if settings.billing == "api"
        else "Nobody has said how Claude Code is paid for (gaia-budget pay plan, or: pay api)"
    )
    if settings.counts_claude_code:
        return f"{paid}: it counts against the monthly caps."
    return f"{paid}: it counts where a module's counts_claude_code is set (all of them: gaia-budget pay api --counts)."


def question(settings: Settings, has_caps: bool) -> tuple[str, dict[str, tuple[str, bool | None]], str]:
    """The one question on paying: its text, what each answer means for `answer`, and what Enter stands for."""
    key, plan = settings.billing == "api", settings.billing == "plan"
    looks = "; an API key is set here" if key else "; Claude Code has shown its limits" if plan else ""
    choices: dict[str, tuple[str, bool | None]] = {
        "1": ("api", True if has_caps else None),
        "2": ("plan", None),
    }
    lines = ["How do you pay for Claude Code?"]
    lines.append(
        "  1  per token, by API key" + (", and it counts against your monthly caps" if has_caps else "")
    )
    lines.append("  2  a plan (Pro, Max, Team): these dollars are never billed, they only compare")
    if has_caps:
        lines.append("  3  per token, but it counts against no cap")
        choices["3"] = ("api", False)
    usual = "2" if plan else "1" if key else ""
    lines.append(
        f"Enter takes {usual}{looks}." if usual else "Enter leaves it open: it is found out where it can be."
    )
    choices[""] = choices[usual] if usual else ("auto", None)
    return "\n".join(lines), choices, usual
