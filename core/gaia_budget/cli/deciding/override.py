"""`gaia-budget session type` and `override`: a session's type, and money that a human grants on top."""

from __future__ import annotations

import os
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli import human
from gaia_budget.cli.current import opened_ledger
from gaia_budget.cli.output import JsonFlag, Yes, emit_json, say, warn_of_broken_files
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from gaia_budget.budgets.overrides import Override
    from gaia_budget.ledger.zone import Zone

Type = Annotated[str | None, typer.Argument(help="quick_fix, feature_dev or architecture; without it: show.")]
Session = Annotated[str | None, typer.Option(help="The session's id; inside Claude Code the running one.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The running session's settings.")
    group.command("type")(session_type)
    app.add_typer(group, name="session")
    group = typer.Typer(no_args_is_help=True, help="Grant a module money on top of its month, once.")
    group.command("add")(add)
    group.command("list")(listed)
    group.command("revoke")(revoke)
    app.add_typer(group, name="override")


def session_type(type: Type = None, session: Session = None, as_json: JsonFlag = False) -> None:
    """Show or set a session's type, which decides its token limit."""
    from gaia_budget import session_type as types

    wanted = session or os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    if not wanted:
        raise InputError(
            "no session is running here: name one with --session (`gaia-budget spend --by session`)",
            slug="no-session",
        )
    if type is None:
        found = types.current(wanted)
    else:
        if types.needs_human(wanted, type):
            human.require(f"raising session {wanted} to {type} past a hard limit", yes=True)
        found = types.choose(wanted, type)
    if as_json:
        emit_json(found._asdict())
    else:
        say(f"{found.session}: {found.type} (chosen by: {found.chosen_by})")


Usd = Annotated[str, typer.Option(help="How many dollars.")]
Reason = Annotated[str, typer.Option(help="Why; it stays in the record.")]
Expires = Annotated[str | None, typer.Option(help="Until when; default: the end of the month.")]
Task = Annotated[
    str, typer.Option(help="For this task alone, lifting its own cap, too; default: every call.")
]


def add(
    module: Annotated[str, typer.Argument(help="The module.")],
    usd: Usd,
    reason: Reason,
    task: Task = "",
    expires: Expires = None,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Grant a module money on top of its month."""
    from gaia_budget.budgets import Budgets
    from gaia_budget.ingest.months import tell_hooks
    from gaia_budget.routing.vocabulary import task_name

    amount, task = _nano(usd), task_name(task)
    warn_of_broken_files()
    human.require(
        "an override",
        f"Grant {module}{f', task {task},' if task else ''} ${usd} on top of its month?",
        yes=yes,
    )
    with opened_ledger() as (ledger, settings):
        made = Budgets(ledger).add_override(
            module.lower(), amount, reason, task=task, expires=expires, granted_by=settings.user
        )
        tell_hooks(ledger, settings)
    _show([made], ledger.zone, as_json, single=True)


def listed(as_json: JsonFlag = False) -> None:
    """Every override, the newest first."""
    from gaia_budget.budgets import Budgets

    with opened_ledger() as (ledger, _):
        _show(Budgets(ledger).overrides(), ledger.zone, as_json, single=False)


def revoke(
    override_id: Annotated[str, typer.Argument(metavar="ID", help="The override.")], as_json: JsonFlag = False
) -> None:
    """Take back what is not used yet."""
    from gaia_budget.budgets import Budgets
    from gaia_budget.ingest.months import tell_hooks

    with opened_ledger() as (ledger, settings):
        Budgets(ledger).revoke_override(override_id)
        tell_hooks(ledger, settings)
        revoked = [one for one in Budgets(ledger).overrides() if one.override_id == override_id]
        _show(revoked, ledger.zone, as_json, single=True)


def _nano(usd: str) -> int:
    try:
        amount = Decimal(usd.lstrip("$")) * 1_000_000_000
    except InvalidOperation:
        raise InputError(f"--usd: {usd!r} is no amount; write it like 5 or 2.50", slug="not-valid") from None
    if not amount.is_finite() or amount != amount.to_integral_value() or amount <= 0:
        raise InputError(f"--usd: {usd!r} must be more than 0, with at most nine decimals", slug="not-valid")
    return int(amount)


def _show(found: list[Override], zone: Zone, as_json: bool, *, single: bool) -> None:
    if as_json:
        documents = [override.document() for override in found]
        emit_json(documents[0] if single else {"overrides": documents})
        return
    for override in found:
        say(override.says(zone))
    if not found:
        say("There are no overrides.")
