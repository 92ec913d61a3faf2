"""`gaia-budget alerts`: what fires now and what fired; and taking note of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli import human
from gaia_budget.cli.current import books_now, opened_ledger
from gaia_budget.cli.output import JsonFlag, columns, emit_json, note, say

if TYPE_CHECKING:
    from gaia_budget.alerts.fired import Alert
    from gaia_budget.forecast.standing import MonthStatus
    from gaia_budget.ledger.zone import Zone

All = Annotated[bool, typer.Option("--all", help="Those that are over, too.")]
Months = Annotated[bool, typer.Option("--months", help="Each module's month, too.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What fires now, and taking note of it.", invoke_without_command=True)
    group.callback()(alerts)
    group.command("ack")(acknowledge)
    app.add_typer(group, name="alerts")


def alerts(
    context: typer.Context, every: All = False, months: Months = False, as_json: JsonFlag = False
) -> None:
    """What fires now, with what is new taken in first; with --all what is over as well, the newest first."""
    if context.invoked_subcommand is not None:
        return
    from gaia_budget.reports.alerts import alerts as ask
    from gaia_budget.reports.money.month import months as ask_months

    with books_now() as books:
        found = ask(books, every=every)
        states = ask_months(books) if months else []
    if as_json:
        overrides = [one.document() for one in found.overrides]
        shown = {"months": [one.document() for one in states]} if months else {}
        emit_json({**found.document(), "overrides": overrides, **shown})
        return
    zone = books.ledger.zone
    for problem in found.problems:
        note(problem)
    for alert in found.alerts:
        _show(alert, zone, found.present.get(alert.alert_id))
    for one in found.overrides:
        say(f"override  {one.says(zone)}")
    if not found.alerts:
        say("Nothing has fired." if every else "Nothing fires.")
    if states:
        _show_months(states)


def _show_months(states: list[MonthStatus]) -> None:
    from gaia_hooks.facts.prices.money import usd_short

    lines = [["module", "resets on", "exhausted on", "spent", "reserved", "limit", "percent", "projected"]]
    for one in states:
        month, projected = one.month, one.outlook.counted.projected_nano if one.outlook else None
        amounts = (one.spent_nano, month.reserved_nano, one.cap_nano)
        lines.append(
            [
                month.module,
                month.resets_on,
                (one.outlook.exhausted_on if one.outlook else None) or "",
                *map(usd_short, amounts),
                f"{one.percent:g} %",
                "" if projected is None else usd_short(projected),
            ]
        )
    say(columns(lines, left=3))


def acknowledge(
    alert_id: Annotated[str, typer.Argument(metavar="ID", help="The alert.")], as_json: JsonFlag = False
) -> None:
    """Take note of an alert: hooks and MCP no longer tell of it. It stays in the list until it is over.

    Inside a Claude Code session it is refused: a model cannot silence an alert.
    """
    from gaia_budget.alerts import telling
    from gaia_budget.alerts.fired import Fired
    from gaia_budget.ingest.months import tell_hooks

    human.require("taking note of an alert", yes=True)
    with opened_ledger() as (ledger, settings):
        found = Fired(ledger).acknowledge_alert(alert_id, settings.user)
        tell_hooks(ledger, settings)
    if as_json:
        emit_json(telling.document(found))
    else:
        _show(found, ledger.zone)


def _show(alert: Alert, zone: Zone, present: str | None = None) -> None:
    since = f"{zone.local(alert.fired_ts):%Y-%m-%d %H:%M %Z}"
    say(f"{alert.severity}  {alert.state}  {alert.alert_id}  since {since}")
    moved = present is not None and present not in alert.cause
    say(f"    now: {present}; when it fired: {alert.cause}" if moved else f"    {alert.cause}")
    if alert.resolved_ts is None:
        say(f"    Next: {alert.next_step}")
