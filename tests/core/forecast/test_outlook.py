"""Forecasts from a ledger: the same on SQLite and PostgreSQL, from the sums per day alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from gaia_budget import places
from gaia_budget.budgets import Budgets
from gaia_budget.cli.app import app
from gaia_budget.forecast.outlook import Outlook, forecast
from gaia_budget.ledger import Ledger
from gaia_budget.model import Event
from gaia_budget.owner import load_token_budget
from gaia_budget.settings import load
from gaia_budget.settings.keys import ModuleSettings, Settings
from gaia_hooks.facts.prices import plan
from gaia_hooks.machine import clock
from support.events import event, ts
from support.owner_files import TOKEN_BUDGET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DOLLAR = 10**9
AT = ts("2026-11-21T12:00")


def daily(module: str, dollars: int, days: Iterator[int] | range, **facts: Any) -> list[Event]:
    """An event at noon of each of these days of November 2026."""
    return [
        event(
            f"{module}{day}{facts}",
            f"2026-11-{day:02}T12:00",
            module=module,
            cost_nano=dollars * DOLLAR,
            **facts,
        )
        for day in days
    ]


def asked(ledger: Ledger, settings: Settings | None = None, at: int = AT) -> dict[str, Outlook]:
    return {one.module: one for one in forecast(ledger, settings or Settings(), load_token_budget(), now=at)}


def test_each_module_has_its_own_end_of_month_and_the_dearest_stands_first(ledger: Ledger) -> None:
    ledger.record(
        [
            *daily("jseeker", 1, range(1, 21)),
            *daily("via", 3, range(1, 21)),
            *daily("raven", 1, range(20, 21)),
        ]
    )

    found = asked(ledger)

    assert list(found) == ["via", "jseeker", "raven"]
    assert found["via"].counted.projected_nano == pytest.approx(60 * DOLLAR + 9.5 * 3 * DOLLAR, rel=0.01)
    assert found["jseeker"].document() == {
        "module": "jseeker", "month": "2026-11", "limit_usd": "10.0000", "override_usd": "0.0000", "cap_usd": "10.0000",
        "spent_usd": "20.0000", "projected_usd": found["jseeker"].document()["projected_usd"],
        "low_usd": found["jseeker"].document()["low_usd"], "high_usd": found["jseeker"].document()["high_usd"],
        "exhausted_on": "2026-11-10", "exhausted_between": ["2026-11-10", "2026-11-10"],
        "method": "the level of 20 days, by weekday", "claude_code_not_counted": None,
    }  # fmt: skip
    assert found["raven"].document()["projected_usd"] is None
    assert found["raven"].says().startswith("too early: 1 whole day")


def test_what_counts_against_the_cap_is_what_the_month_counts(ledger: Ledger) -> None:
    code = {"source": "claude_code", "billing": "api"}
    ledger.record([*daily("via", 1, range(1, 21)), *daily("via", 2, range(1, 21), **code)])
    counting = Settings().but(modules={"via": ModuleSettings(counts_claude_code=True)})

    apart, together = asked(ledger)["via"], asked(ledger, counting)["via"]

    assert (apart.counted.spent_nano, together.counted.spent_nano) == (20 * DOLLAR, 60 * DOLLAR)
    assert apart.beside is not None
    assert apart.beside.spent_nano == 40 * DOLLAR
    assert together.beside is None
    assert together.counted.spent_nano == Budgets(ledger).month("via", AT).spent_nano(counts_claude_code=True)


def test_expired_reservations_are_spent(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "now", lambda: AT)
    ledger.record(daily("via", 1, range(1, 9)))
    scope = Budgets(ledger).module_scope("via", 100 * DOLLAR)
    Budgets(ledger).reserve([scope], 5 * DOLLAR, call_id="c", ttl_s=1)
    monkeypatch.setattr(ledger, "now", lambda: AT + 60_000_000)
    Budgets(ledger).expire()

    assert (
        asked(ledger)["via"].counted.spent_nano
        == Budgets(ledger).month("via", AT).spent_nano()
        == 13 * DOLLAR
    )


@pytest.mark.parametrize(
    ("zone", "month"), [("America/Mexico_City", "2026-10"), ("UTC", "2026-11"), ("Asia/Kolkata", "2026-11")]
)
def test_months_and_days_are_those_of_the_configured_zone(
    make: Callable[..., Ledger], zone: str, month: str
) -> None:
    ledger = make(timezone=zone)
    ledger.record([event("e", "2026-10-31T12:00", module="via", cost_nano=DOLLAR)])

    [found] = forecast(ledger, Settings(), load_token_budget(), now=ts("2026-11-01T03:00"))

    assert found.month == month


def test_a_day_of_a_clock_change_is_as_long_as_it_is(make: Callable[..., Ledger]) -> None:
    ledger = make(timezone="Europe/Berlin")
    ledger.record(
        [
            event(f"e{day}", f"2026-10-{day:02}T10:00", module="via", cost_nano=25 * DOLLAR)
            for day in range(1, 25)
        ]
    )

    [found] = forecast(
        ledger, Settings(), load_token_budget(), now=ts("2026-10-25T11:00")
    )  # 12:00 in Berlin, of a day with 25 hours

    assert found.counted.projected_nano == pytest.approx((24 * 25 + 12 + 6 * 25) * DOLLAR, rel=0.001)


def test_only_the_sums_per_day_are_read(ledger: Ledger) -> None:
    ledger.record(daily("via", 1, range(1, 21)))
    before = asked(ledger)
    ledger.db.write(lambda tx: tx.text("DELETE FROM events") and None)

    assert asked(ledger) == before


def test_a_module_with_a_budget_and_no_spend_is_listed(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token_budget.json").write_text(TOKEN_BUDGET)
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))

    found = asked(ledger)

    assert [(name, one.limit_nano) for name, one in found.items()] == [
        ("library", 5 * DOLLAR),
        ("studio", 12_500_000_000),
    ]
    assert {one.counted.method for one in found.values()} == {"no data yet"}


def test_the_command_tells_people_and_programs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "UTC")
    with Ledger.open(settings=load()) as ledger:
        noon = Event(
            event_id="", ts=ledger.now(), source="app", billing="api", module="via", cost_nano=DOLLAR
        )
        ledger.record(
            replace(noon, event_id=f"e{back}", ts=noon.ts - back * 86_400_000_000) for back in range(1, 40)
        )

    limits = {"five_hour": {"used_percentage": 40, "resets_at": clock.now() // 10**6 + 9_000}}
    plan.keep(str(places.home()), limits, clock.now())

    document = json.loads(CliRunner().invoke(app, ["forecast", "--json"]).stdout)
    [row] = document["modules"]
    text = CliRunner().invoke(app, ["forecast", "--module", "VIA"]).stdout

    assert {
        "module",
        "limit_usd",
        "spent_usd",
        "projected_usd",
        "low_usd",
        "high_usd",
        "exhausted_on",
    } <= set(row)
    assert row["module"] == "via"
    assert document["plan"]["five_hour"]["percent"] == 40
    assert document["plan"]["seven_day"] is None
    assert row["method"] in text
    assert "four times out of five" in text
    assert "plan, five-hour window: 40 % at " in text
    unknown = CliRunner().invoke(app, ["forecast", "--module", "vai"])
    assert "unknown project 'vai'. Nearest: via" in str(unknown.exception)
