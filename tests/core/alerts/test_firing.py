"""79.99 % is silent and 80.00 % fires exactly once: in one process, in sixteen, after a restart, in the next month."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.alerts import evaluation
from gaia_budget.alerts.fired import Fired
from gaia_budget.settings.keys import ModuleSettings
from support.alerting import evaluate_from_processes
from support.events import event, ts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings
    from support.clock import Clock

    Write = Callable[[str], Path]

CENT = 10_000_000
DOLLAR = 100 * CENT  # the module's month holds 10 dollars
AT = "2026-11-23T12:00"


def spend(ledger: Ledger, name: str, nano: int, at: str = AT, **facts: object) -> None:
    ledger.record([event(name, at, cost_nano=nano, **facts)])


def fired(ledger: Ledger) -> list[tuple[str, int | None]]:
    return sorted((alert.alert_id, alert.percent) for alert in Fired(ledger).alerts())


def test_a_nano_dollar_below_is_silent_and_the_threshold_itself_fires_once(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    spend(ledger, "a", 8 * DOLLAR - 1, model="claude-opus-5-5", task="jd_parse", session_id="s1")
    assert evaluation.evaluate(ledger, settings).open == []

    spend(ledger, "b", 1)
    for _ in range(3):
        state = evaluation.evaluate(ledger, settings)
    assert fired(ledger) == [("month-warning:jseeker:2026-11", 8000)]
    [alert] = state.open
    assert (alert.severity, alert.state, alert.fired_ts) == ("warning", "firing", clock.ts)
    assert "$8.0000 of $10.0000 this month (80.00 %)" in alert.cause
    assert "model claude-opus-5-5 (99 %), task jd_parse (99 %), session s1 (99 %" in alert.cause
    assert alert.next_step.endswith("--module jseeker")


def test_each_threshold_of_a_module_fires_once_and_the_worst_alone_is_told(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    spend(ledger, "a", 960 * CENT)
    state = evaluation.evaluate(ledger, settings)
    assert [alert.alert_id for alert in state.told_by("terminal")] == ["month-critical:jseeker:2026-11"]
    assert len(state.open) == 2

    spend(ledger, "b", 40 * CENT)
    state = evaluation.evaluate(ledger, settings)
    assert [alert.rule for alert in state.told_by("mcp")] == ["month-exceeded"]
    assert "refused until 2026-12-01" in state.told_by("mcp")[0].next_step
    assert fired(ledger) == [
        ("month-critical:jseeker:2026-11", 9600),
        ("month-exceeded:jseeker:2026-11", 10000),
        ("month-warning:jseeker:2026-11", 9600),
    ]


def test_a_module_that_goes_on_beyond_its_month_is_not_said_to_be_refused(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    goes_on = settings.but(modules={"jseeker": ModuleSettings(on_exceeded="downgrade")})
    spend(ledger, "a", 1000 * CENT)
    (alert,) = evaluation.evaluate(ledger, goes_on).told_by("mcp")
    assert alert.next_step.startswith(
        "calls of apps go on on the cheapest allowed model until $11.0000; then calls of apps are refused until "
        "2026-12-01; to allow more: "
    )


def test_thresholds_are_each_modules_own(ledger: Ledger, settings: Settings, clock: Clock) -> None:
    chosen = ModuleSettings.of({"alert_threshold_pct": "50.5", "critical_threshold_pct": 60})
    settings = settings.but(modules={"via": chosen})
    spend(ledger, "a", 505 * CENT, module="via")
    spend(ledger, "b", 505 * CENT)
    evaluation.evaluate(ledger, settings)
    assert fired(ledger) == [("month-warning:via:2026-11", 5050)]


def test_a_day_and_a_week_at_their_thresholds_fire_once_each_and_anew_when_the_next_one_is_there(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    limits = ModuleSettings.of({"daily_threshold_usd": "1.5", "weekly_threshold_usd": 2})
    settings = settings.but(modules={"jseeker": limits})
    spend(ledger, "sunday", 150 * CENT, "2026-11-22T12:00")  # another day, another week: AT is a Monday
    spend(ledger, "a", 150 * CENT - 1)
    spend(ledger, "other", 9 * DOLLAR, module="via", source="claude_code", billing="plan")
    assert fired_after(ledger, settings) == []
    spend(ledger, "b", 1)
    assert fired_after(ledger, settings) == ["day-threshold:jseeker:2026-11-23"]
    [alert] = Fired(ledger).alerts()
    assert "jseeker has spent $1.5000 today; its threshold is $1.5000 (100.00 %)" in alert.cause
    spend(ledger, "c", 50 * CENT)
    week = "week-threshold:jseeker:2026-11-23"
    assert fired_after(ledger, settings) == ["day-threshold:jseeker:2026-11-23", week]

    clock.advance(86_400)
    assert [one.alert_id for one in evaluation.evaluate(ledger, settings).open] == [week]
    spend(ledger, "d", 150 * CENT, "2026-11-24T11:00")
    assert fired_after(ledger, settings)[:2] == [
        "day-threshold:jseeker:2026-11-23",
        "day-threshold:jseeker:2026-11-24",
    ]


def test_all_modules_together_have_thresholds_of_their_own(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    chosen = {"daily_threshold_usd": Decimal(2), "weekly_threshold_usd": Decimal(3)}
    settings = settings.but(**chosen)
    spend(ledger, "a", DOLLAR)
    spend(ledger, "b", DOLLAR, module="via")
    assert fired_after(ledger, settings) == ["total-day-threshold:2026-11-23"]
    [alert] = Fired(ledger).alerts()
    assert alert.cause.startswith("all modules together have spent $2.0000 today; their threshold is $2.0000")


def fired_after(ledger: Ledger, settings: Settings) -> list[str]:
    evaluation.evaluate(ledger, settings)
    return [alert_id for alert_id, _ in fired(ledger)]


def test_what_counts_against_no_cap_fires_nothing(ledger: Ledger, settings: Settings, clock: Clock) -> None:
    spend(ledger, "a", 9 * DOLLAR, source="claude_code", billing="api")
    spend(ledger, "b", 9 * DOLLAR, source="claude_code", billing="plan")
    assert evaluation.evaluate(ledger, settings).open == []
    counted = {"jseeker": ModuleSettings(counts_claude_code=True)}
    evaluation.evaluate(ledger, settings.but(modules=counted))
    assert fired(ledger) == [("month-warning:jseeker:2026-11", 9000)]


def test_a_restart_fires_nothing_again(make: Callable[..., Ledger], settings: Settings, clock: Clock) -> None:
    ledger = make()
    spend(ledger, "a", 8 * DOLLAR)
    evaluation.evaluate(ledger, settings)
    ledger.close()
    again = make()
    evaluation.evaluate(again, settings)
    clock.advance(3 * 86_400)
    evaluation.evaluate(again, settings)
    assert fired(again) == [("month-warning:jseeker:2026-11", 8000)]


def test_a_raised_cap_resolves_and_a_lowered_one_tells_nothing_a_second_time(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    spend(ledger, "a", 8 * DOLLAR)
    evaluation.evaluate(ledger, settings)
    raised = settings.but(default_monthly_budget_usd=20)
    assert evaluation.evaluate(ledger, raised).open == []
    assert [alert.state for alert in Fired(ledger).alerts()] == ["resolved"]

    for _ in range(2):
        [alert] = evaluation.evaluate(ledger, settings).open
    assert alert.state == "firing"
    assert len(Fired(ledger).alerts()) == 1


def test_an_acknowledged_alert_still_holds_and_is_told_no_more(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    spend(ledger, "a", 8 * DOLLAR)
    evaluation.evaluate(ledger, settings)
    for _ in range(2):
        found = Fired(ledger).acknowledge_alert("month-warning:jseeker:2026-11", "ana")
    assert (found.state, found.acknowledged_by) == ("acknowledged", "ana")
    state = evaluation.evaluate(ledger, settings)
    assert len(state.open) == 1
    assert state.told_by("terminal") == []


@pytest.mark.parametrize("processes", [16])
def test_sixteen_processes_fire_it_once(url: str, make: Callable[..., Ledger], processes: int) -> None:
    """Each records half a dollar: together 8 of the 10 dollars, so that only the last one makes it 80 %."""
    assert evaluate_from_processes(processes, url, ts(AT), "UTC") == []
    ledger = make()
    ids = [alert.alert_id for alert in Fired(ledger).alerts()]
    assert ids == ["month-warning:jseeker:2026-11"]
    sent = ledger.db.ask(lambda ask: list(ask("SELECT channel, step FROM alert_deliveries", ())))
    assert [tuple(row) for row in sent] == [("argus", 0)]


def test_processes_fire_each_month_once_where_daylight_saving_ends_with_the_month(
    url: str, make: Callable[..., Ledger]
) -> None:
    """In New York the clocks go back on 2026-11-01, two hours after November begins (at 04:00 UTC)."""
    zone = "America/New_York"
    opened = make(timezone=zone)
    spend(opened, "october", 750 * CENT, "2026-11-01T03:58")
    assert evaluate_from_processes(4, url, ts("2026-11-01T03:59"), zone) == []
    spend(opened, "november", 750 * CENT, "2026-11-01T04:00")
    for at in ("2026-11-01T05:30", "2026-11-01T06:30"):  # half past one, twice
        assert evaluate_from_processes(4, url, ts(at), zone) == []

    found = {alert.alert_id: (alert.percent, alert.state) for alert in Fired(opened).alerts()}
    assert [
        found[name][1] for name in ("month-warning:jseeker:2026-10", "month-critical:jseeker:2026-10")
    ] == [
        "resolved",
        "resolved",
    ]
    november = {name: state for name, (_, state) in found.items() if name.endswith("2026-11")}
    assert november == {
        f"month-{level}:jseeker:2026-11": "firing" for level in ("warning", "critical", "exceeded")
    }
    assert len(found) == 5


def test_a_clock_that_goes_back_fires_nothing_again(ledger: Ledger, settings: Settings, clock: Clock) -> None:
    clock.set("2026-11-30T23:00")
    spend(ledger, "a", 8 * DOLLAR, "2026-11-30T22:00")
    evaluation.evaluate(ledger, settings)
    clock.set("2026-12-01T01:00")
    spend(ledger, "b", 8 * DOLLAR, "2026-12-01T00:30")
    evaluation.evaluate(ledger, settings)
    for at in ("2026-11-30T23:30", "2026-12-01T01:30", "2026-11-29T10:00", "2026-12-02T00:00"):
        clock.set(at)
        evaluation.evaluate(ledger, settings)
    assert fired(ledger) == [("month-warning:jseeker:2026-11", 8000), ("month-warning:jseeker:2026-12", 8000)]


def test_an_evaluation_with_older_figures_does_not_end_what_a_newer_one_fired(
    ledger: Ledger, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the figures and the decision of one process, another one records the missing cent and fires."""
    spend(ledger, "a", 799 * CENT)
    spend(ledger, "v", 8 * DOLLAR, module="via")  # so that the first one has something to write down
    whole, turns = Fired.change_alerts, iter([True])

    def late(self: Fired, decide: Callable[..., Any]) -> Any:
        if next(turns, False):
            spend(ledger, "b", CENT)
            evaluation.evaluate(ledger, settings)
        return whole(self, decide)

    monkeypatch.setattr(Fired, "change_alerts", late)
    evaluation.evaluate(ledger, settings)
    assert {alert.alert_id: alert.state for alert in Fired(ledger).alerts()} == {
        "month-warning:jseeker:2026-11": "firing",
        "month-warning:via:2026-11": "firing",
    }
