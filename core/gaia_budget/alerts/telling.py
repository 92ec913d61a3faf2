"""How alerts are told: one line for people, one document for programs, and which of several say it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget.ledger.zone import iso
from gaia_hooks.facts import severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from gaia_budget.alerts.fired import Alert
    from gaia_budget.alerts.rules import Channel, Rule

LONGEST = 400  # characters of a line
MOST_BY = "; most by "  # stands between what happened and what drove it
MOST_FOR_HOOKS = 20  # every hook reads the snapshot


def current(alert: Alert, present: str | None) -> str:
    """What is so now, and what drove it when it fired; as it fired where it was not judged."""
    said, driven, by = alert.cause.partition(MOST_BY)
    return (present or said) + driven + by


def line(alert: Alert, present: str | None = None) -> str:
    """What is so, why, and what to do."""
    text = f"GAIA {alert.severity}: {current(alert, present)}. Next: {alert.next_step}."
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def document(alert: Alert, present: str | None = None) -> dict[str, Any]:
    """One entry of `alerts[]`; `present` says how the figure stands now, where it was judged."""
    return {
        "id": alert.alert_id,
        "rule": alert.rule,
        "module": alert.module or None,
        "subject": alert.subject or None,
        "severity": alert.severity,
        "percent": None if alert.percent is None else alert.percent / 100,
        "state": alert.state,
        "cause": alert.cause,
        "present": present,
        "next_step": alert.next_step,
        "fired_at": iso(alert.fired_ts),
        "acknowledged_by": alert.acknowledged_by or None,
        "resolved_at": iso(alert.resolved_ts),
    }


def loudest(
    alerts: Iterable[Alert], rules: Sequence[Rule], channel: Channel, heights: Mapping[str, Fraction]
) -> list[Alert]:
    """The firing alerts that a channel tells: of several thresholds of one figure, the worst.

    `heights` are the thresholds that the alerts have passed, by alert id (see `engine.height`).
    """

    def rank(alert: Alert) -> tuple[int, object, int]:
        return severity.rank(alert.severity, heights.get(alert.alert_id, 0), alert.fired_ts)

    by_name = {rule.name: rule for rule in rules}
    found: dict[tuple[str, ...], Alert] = {}
    for alert in alerts:
        rule = by_name.get(alert.rule)
        if alert.state != "firing" or rule is None or channel not in rule.channels:
            continue
        place = (rule.metric, rule.span.name, alert.module, alert.subject)
        before = found.get(place)
        if before is None or rank(alert) > rank(before):
            found[place] = alert
    return sorted(
        found.values(), key=lambda alert: severity.rank(alert.severity, 0, alert.fired_ts), reverse=True
    )


def short(alert: Alert, present: str | None = None) -> str:
    """What is so, in a few words."""
    return f"{alert.severity}: {present or alert.cause.partition(MOST_BY)[0]}"[:LONGEST]


def for_hooks(terminal: Iterable[Alert], mcp: Iterable[Alert], present: Mapping[str, str]) -> list[list[str]]:
    """[id, module, line for people, words for Claude] of each, as the snapshot holds them.

    The module is empty for what concerns all; line or words are empty where the channel does not tell it.
    """
    lines = {alert: line(alert, present.get(alert.alert_id)) for alert in terminal}
    words = {alert: short(alert, present.get(alert.alert_id)) for alert in mcp}
    return [
        [alert.alert_id, alert.module, lines.get(alert, ""), words.get(alert, "")]
        for alert in dict.fromkeys([*lines, *words])
    ][:MOST_FOR_HOOKS]
