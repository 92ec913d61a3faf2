"""How alerts are told: one line for people, one document for programs, and which of several say it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget.ledger.questions import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gaia_budget.alerts.rules import Channel, Rule
    from gaia_budget.ledger.alerting import Alert

LONGEST = 400  # characters of a line
MOST_BY = "; most by "  # stands between what happened and what drove it
MOST_FOR_HOOKS = 20  # every hook reads the snapshot


def line(alert: Alert) -> str:
    """What happened, why, and what to do."""
    text = f"GAIA {alert.severity}: {alert.cause}. Next: {alert.next_step}."
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def document(alert: Alert) -> dict[str, Any]:
    """One entry of `alerts[]`."""
    return {
        "id": alert.alert_id,
        "rule": alert.rule,
        "module": alert.module or None,
        "subject": alert.subject or None,
        "severity": alert.severity,
        "percent": None if alert.percent is None else alert.percent / 100,
        "state": alert.state,
        "cause": alert.cause,
        "next_step": alert.next_step,
        "fired_at": instant(alert.fired_ts),
        "acknowledged_by": alert.acknowledged_by or None,
        "resolved_at": instant(alert.resolved_ts),
    }


def loudest(alerts: Iterable[Alert], rules: Sequence[Rule], channel: Channel) -> list[Alert]:
    """The firing alerts that a channel tells: of several thresholds of one figure, the worst."""
    by_name = {rule.name: rule for rule in rules}
    found: dict[tuple[str, ...], Alert] = {}
    for alert in alerts:
        rule = by_name.get(alert.rule)
        if alert.state != "firing" or rule is None or channel not in rule.channels:
            continue
        place = (rule.metric, rule.span.name, alert.module, alert.subject)
        before = found.get(place)
        if before is None or _rank(alert) > _rank(before):
            found[place] = alert
    return sorted(found.values(), key=lambda alert: (alert.severity != "critical", -alert.fired_ts))


def short(alert: Alert) -> str:
    """What happened, in a few words."""
    return f"{alert.severity}: {alert.cause.partition(MOST_BY)[0]}"[:LONGEST]


def for_hooks(terminal: Iterable[Alert], mcp: Iterable[Alert]) -> list[list[str]]:
    """[id, module, line for people, words for Claude] of each, as the snapshot holds them.

    The module is empty for what concerns all; line or words are empty where the channel does not tell it.
    """
    lines = {alert: line(alert) for alert in terminal}
    words = {alert: short(alert) for alert in mcp}
    return [
        [alert.alert_id, alert.module, lines.get(alert, ""), words.get(alert, "")]
        for alert in dict.fromkeys([*lines, *words])
    ][:MOST_FOR_HOOKS]


def _rank(alert: Alert) -> tuple[bool, int, int]:
    return alert.severity == "critical", alert.percent or 0, alert.fired_ts
