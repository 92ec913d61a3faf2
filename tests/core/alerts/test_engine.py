"""No storm: cooldown, crowds, flapping. The engine decides without a database, so that every case can be played."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_budget.alerts import engine
from gaia_budget.alerts.engine import Calendar, RuleVerdict
from gaia_budget.alerts.fired import Alert, AlertChanges, Firing
from gaia_budget.alerts.metrics import MetricReading
from gaia_budget.alerts.rules import Rule

HOUR = 3_600_000_000


class Played:
    """The alerts of one or several rules over time, kept as the ledger keeps them."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self.alerts: list[Alert] = []
        self.told: list[str] = []
        self.hours = 0

    def step(self, **values: int) -> AlertChanges:
        """An hour later each subject has this value."""
        self.hours += 1
        day = 1 + self.hours // 24
        calendar = Calendar(
            self.hours * HOUR, f"2026-{1 + day // 30:02d}", f"2026-{1 + day // 30:02d}-{1 + day % 30:02d}"
        )
        verdicts = [
            verdict
            for rule in self.rules
            for verdict in engine.judge(rule, _readings(rule, values), lambda *_: Fraction(80))
        ]
        changes = engine.decide(
            {rule.name for rule in self.rules}, verdicts, self.alerts, calendar, self._made
        )
        by_id = {alert.alert_id: alert for alert in self.alerts}
        for alert_id in changes.resolved:
            by_id[alert_id] = by_id[alert_id]._replace(resolved_ts=calendar.now)
        for alert_id in changes.reopened:
            by_id[alert_id] = by_id[alert_id]._replace(resolved_ts=None)
        for firing in changes.fired:
            assert firing.alert.alert_id not in by_id
            by_id[firing.alert.alert_id] = firing.alert
            self.told += [firing.alert.alert_id] if firing.channels else []
        self.alerts = sorted(by_id.values(), key=lambda alert: -alert.fired_ts)
        return changes

    def _made(self, verdict: RuleVerdict, alert_id: str, period: str) -> Firing:
        rule, reading = verdict.rule, verdict.reading
        alert = Alert(alert_id, rule.name, reading.module, rule.severity, None, reading.said, "", self.hours * HOUR,
                      reading.subject, period)  # fmt: skip
        return Firing(alert, [("webhook", "")])

    def open(self) -> list[str]:
        return [alert.subject for alert in self.alerts if alert.resolved_ts is None]


def _readings(rule: Rule, values: dict[str, int]) -> list[MetricReading]:
    named = rule.scope != "module"
    return [MetricReading("m" if named else name, name if named else "", Fraction(value), name)
            for name, value in values.items()]  # fmt: skip


def rule(name: str = "wide", **keys: Any) -> Rule:
    given: dict[str, Any] = {
        "metric": "spend_usd",
        "scope": "session",
        "window": "1h",
        "value": 10,
        "cooldown": "6h",
    }
    return Rule.of({"name": name, **given, **keys})


def test_a_figure_that_flaps_is_told_once_per_cooldown() -> None:
    played = Played(rule())
    for _ in range(24):
        played.step(s=11)
        played.step(s=9)
    assert played.hours == 48
    assert len(played.told) == 8


def test_an_alert_that_holds_for_days_is_told_once() -> None:
    played = Played(rule())
    for _ in range(100):
        played.step(s=11)
    assert len(played.told) == 1


def test_a_rule_that_fires_on_every_event_makes_no_storm() -> None:
    """A new session over the value with each evaluation: five are told and one more says that the rule is too wide."""
    played = Played(rule(cooldown="1d"))
    for number in range(20):
        played.step(**{f"s{n}": 11 for n in range(number + 1)})
    assert len(played.told) == 6
    assert "*" in played.open()
    crowd = next(alert for alert in played.alerts if alert.subject == "*")
    assert "too easily" in crowd.cause


def test_of_many_at_once_the_worst_are_told() -> None:
    played = Played(rule())
    played.step(**{f"s{n}": 10 + n for n in range(40)})
    assert sorted(played.open()) == ["*", "s35", "s36", "s37", "s38", "s39"]
    played.step(s0=1)
    assert played.open() == []


def test_of_several_thresholds_of_one_figure_the_worst_is_told() -> None:
    played = Played(
        rule("low", severity="critical", value=10), rule("high", value=20), rule("higher", value=30)
    )
    played.step(s=25)
    assert [name.split(":")[0] for name in played.told] == ["low"]
    assert len(played.open()) == 2


def test_rules_that_were_not_judged_leave_their_alerts_alone() -> None:
    played = Played(rule())
    played.step(s=11)
    played.rules = ()
    assert not played.step()
    assert played.open() == ["s"]


@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(5, 15)), max_size=60))
@settings(max_examples=60)
def test_whatever_happens_nothing_is_told_more_often_than_the_cooldown_allows(
    steps: list[dict[str, int]],
) -> None:
    played = Played(rule())
    for values in steps:
        played.step(**values)
        holding = {name for name, value in values.items() if value >= 10}
        assert set(played.open()) - {"*"} <= holding
        assert bool(played.open()) == bool(holding)
    assert len(played.told) <= (engine.MOST_AT_ONCE + 1) * (1 + len(steps) // 6)
