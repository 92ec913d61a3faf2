"""From readings to alerts, without any input or output: what begins, what is over, what holds again.

An alert is a rule for one module and subject in one period (the month, else the local day). It begins once; while it
holds nothing more is told. Over and soon back, it is the same alert; a new one comes after the rule's cooldown.
"""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.alerts.fired import Alert, AlertChanges, Firing
from gaia_hooks.facts import severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from gaia_budget.alerts.metrics import MetricReading
    from gaia_budget.alerts.rules import Rule

MOST_AT_ONCE = 5
"""New alerts of one rule within its cooldown; more become a single one, which says that the rule is too wide."""
MANY = "*"
COMPARE: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
Place = tuple[str, str, str]
"""Rule, module and subject."""


class RuleVerdict(NamedTuple):
    """A rule judged for one module and subject."""

    rule: Rule
    reading: MetricReading
    threshold: Fraction
    holds: bool

    @property
    def place(self) -> Place:
        """Which alert it is about."""
        return self.rule.name, self.reading.module, self.reading.subject


class Calendar(NamedTuple):
    """The instant of an evaluation (UTC microseconds), and the local month and day it falls in."""

    now: int
    month: str
    day: str

    def period(self, rule: Rule) -> str:
        """The period that an alert of this rule belongs to."""
        return self.month if rule.span.unit == "month" else self.day


def judge(
    rule: Rule, found: Iterable[MetricReading], thresholds: Callable[[str, str], Fraction]
) -> list[RuleVerdict]:
    """Compare exactly. `thresholds` gives a module's own `warning` or `critical` percent."""
    verdicts = []
    for reading in found:
        value = rule.value
        limit = thresholds(reading.module, value) if isinstance(value, str) else Fraction(value)
        verdicts.append(RuleVerdict(rule, reading, limit, COMPARE[rule.comparison](reading.value, limit)))
    return verdicts


def decide(
    judged: Collection[str],
    verdicts: Sequence[RuleVerdict],
    known: Sequence[Alert],
    calendar: Calendar,
    made: Callable[[RuleVerdict, str, str], Firing],
) -> AlertChanges:
    """What changes. Alerts of rules that are not among `judged` are left alone; `known` is the newest first.

    `made` makes the alert of a verdict with this id in this period.
    """
    latest: dict[Place, Alert] = {}
    for alert in known:
        latest.setdefault((alert.rule, alert.module, alert.subject), alert)
    holding = {verdict.place: verdict for verdict in verdicts if verdict.holds}
    new, reopened = [], []
    for place, verdict in holding.items():
        before = latest.get(place)
        if before is None or _begins_anew(before, verdict.rule, calendar):
            new.append(verdict)
        elif before.resolved_ts is not None:
            reopened.append(before.alert_id)
    new, crowd = _few(new, known, calendar)
    gone = [
        alert.alert_id
        for place, alert in latest.items()
        if alert.resolved_ts is None
        and alert.rule in judged
        and (place not in holding or _is_past(alert, holding[place].rule, calendar))
        and not (alert.subject == MANY and alert.rule in crowd)
    ]
    loud = _loudest(new)
    fired = [_named(verdict, known, calendar, made, quiet=verdict not in loud) for verdict in new]
    for name, several in crowd.items():
        before = latest.get((name, "", MANY))
        if before is None or _may_begin(before, several[0].rule, calendar):
            fired.append(_named(_too_many(several), known, calendar, made, quiet=False))
        elif before.resolved_ts is not None:
            reopened.append(before.alert_id)
    return AlertChanges(fired, gone, reopened)


def _is_past(alert: Alert, rule: Rule, calendar: Calendar) -> bool:
    return rule.span.unit == "month" and alert.period < calendar.month


def _may_begin(before: Alert, rule: Rule, calendar: Calendar) -> bool:
    return before.resolved_ts is not None and before.period < calendar.period(rule)


def _begins_anew(before: Alert, rule: Rule, calendar: Calendar) -> bool:
    """Whether an alert that has fired before may fire again: in a new month, or over and cooled down."""
    if rule.span.unit == "month":
        return _is_past(before, rule, calendar)
    return before.resolved_ts is not None and calendar.now - before.fired_ts >= rule.cooldown_micros


def _few(
    new: list[RuleVerdict], known: Sequence[Alert], calendar: Calendar
) -> tuple[list[RuleVerdict], dict[str, list[RuleVerdict]]]:
    """The new alerts that each rule has room for, and what it has none for."""
    kept: list[RuleVerdict] = []
    crowd: dict[str, list[RuleVerdict]] = {}
    by_rule: dict[str, list[RuleVerdict]] = {}
    for verdict in new:
        by_rule.setdefault(verdict.rule.name, []).append(verdict)
    for name, several in by_rule.items():
        rule = several[0].rule
        if rule.scope in ("module", "all"):  # few by nature
            kept += several
            continue
        since = calendar.now - rule.cooldown_micros
        lately = sum(1 for alert in known if alert.rule == name and alert.fired_ts > since)
        room = max(0, MOST_AT_ONCE - lately)
        several.sort(key=lambda verdict: (-abs(verdict.reading.value - verdict.threshold), verdict.place))
        kept += several[:room]
        if several[room:]:
            crowd[name] = several[room:]
    return kept, crowd


def _too_many(several: list[RuleVerdict]) -> RuleVerdict:
    worst = several[0]
    rule = worst.rule
    said = (
        f"the rule {rule.name} holds for {len(several):,} more {rule.scope}s ({worst.reading.said}, and others): "
        "its value is reached too easily to tell them one by one"
    )
    return worst._replace(reading=worst.reading._replace(module="", subject=MANY, said=said))


def _loudest(new: Sequence[RuleVerdict]) -> list[RuleVerdict]:
    """Of thresholds that one figure has passed at once, the one that is worst: the others are recorded silently."""
    worst: dict[tuple[str, ...], RuleVerdict] = {}
    for verdict in new:
        place = (verdict.rule.metric, verdict.rule.span.name, *verdict.place[1:])
        before = worst.get(place)
        if before is None or _loudness(verdict) > _loudness(before):
            worst[place] = verdict
    return list(worst.values())


def _loudness(verdict: RuleVerdict) -> tuple[int, object, int]:
    return severity.rank(verdict.rule.severity, height(verdict.rule, verdict.threshold), 0)


def height(rule: Rule, threshold: Fraction) -> Fraction:
    """A threshold as a number that grows with how bad it is to have passed it."""
    return threshold if rule.comparison.startswith(">") else -threshold


def _named(
    verdict: RuleVerdict,
    known: Sequence[Alert],
    calendar: Calendar,
    made: Callable[[RuleVerdict, str, str], Firing],
    *,
    quiet: bool,
) -> Firing:
    period = calendar.period(verdict.rule)
    stem = ":".join(filter(None, (*verdict.place, period)))
    taken = {alert.alert_id for alert in known}
    number = 1
    while (alert_id := stem if number == 1 else f"{stem}#{number}") in taken:
        number += 1
    firing = made(verdict, alert_id, period)
    return firing._replace(channels=()) if quiet else firing
