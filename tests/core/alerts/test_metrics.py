"""Every metric, from the ledger of both databases, by rules that are data alone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import owner
from gaia_budget.alerts import evaluation
from gaia_budget.alerts.facts import Facts
from gaia_budget.model import Event
from gaia_budget.prices.table import load as prices_now
from gaia_budget.routing import table
from gaia_budget.routing.upkeep import review, reviewed
from support.events import event, ts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings
    from support.clock import Clock

    Write = Callable[[str], Path]

DOLLAR = 1_000_000_000
SILENT = "".join(
    f"[rules.{name}]\nenabled = false\n"
    for name in ("month-warning", "month-critical", "month-exceeded", "price-review", "spike", "retry-loop",
                 "falling-cache-hits", "model-ends")
)  # fmt: skip


@pytest.fixture
def fires(
    ledger: Ledger, settings: Settings, clock: Clock, own_rules: Write
) -> Callable[..., list[tuple[str, str]]]:
    """Writes one rule and tells what it fires for: (module, subject)."""

    def judge(text: str, **keys: Any) -> list[tuple[str, str]]:
        lines = [f"{name} = {json.dumps(value)}" for name, value in keys.items()]
        own_rules(f"{SILENT}[rules.mine]\nmetric = {json.dumps(text)}\n" + "\n".join(lines) + "\n")
        state = evaluation.evaluate(ledger, settings)
        assert state.problems == []
        return sorted((alert.module, alert.subject) for alert in state.open)

    return judge


def put(ledger: Ledger, at: str, count: int = 1, **facts: Any) -> None:
    ledger.record([event(f"{at}-{facts}-{number}", at, **facts) for number in range(count)])


def test_dollars_by_module_task_session_and_all(ledger: Ledger, fires: Any) -> None:
    put(ledger, "2026-11-23T11:10", cost_nano=3 * DOLLAR, task="parse", session_id="s1")
    put(ledger, "2026-11-23T10:10", cost_nano=2 * DOLLAR, module="via", session_id="s2")
    put(ledger, "2026-10-23T11:10", cost_nano=90 * DOLLAR)
    assert fires("spend_usd", value=3) == [("jseeker", "")]
    assert fires("spend_usd", value=2, module="VIA") == [("via", "")]
    assert fires("spend_usd", value=2, scope="task") == [("jseeker", "parse")]
    assert fires("spend_usd", value=2, scope="session") == [("jseeker", "s1"), ("via", "s2")]
    assert fires("spend_usd", value=5, scope="all") == [("", "")]
    assert fires("spend_usd", value=5.000000001, scope="all") == []
    assert fires("spend_usd", value=2.5, window="2h") == [("jseeker", "")]
    assert fires("spend_usd", value=5, comparison=">", scope="all") == []
    assert fires("burn_usd_per_hour", value=1.5, window="2h") == [("jseeker", "")]
    assert fires("burn_usd_per_hour", value=1.500000001, window="2h") == []


def test_a_change_against_the_mean_of_seven_days(ledger: Ledger, fires: Any) -> None:
    for day in range(16, 23):
        put(ledger, f"2026-11-{day}T09:00", cost_nano=DOLLAR)
    put(ledger, "2026-11-23T09:00", cost_nano=3 * DOLLAR // 2)
    assert fires("change_percent", value=50) == [("jseeker", "")]
    assert fires("change_percent", value=50, comparison=">") == []
    assert fires("change_percent", value=50, at_least_usd=2) == []


def test_a_new_module_has_no_mean_to_compare_with(ledger: Ledger, fires: Any) -> None:
    put(ledger, "2026-11-21T09:00", cost_nano=1)
    put(ledger, "2026-11-22T09:00", cost_nano=1)
    put(ledger, "2026-11-23T09:00", cost_nano=9 * DOLLAR)
    assert fires("change_percent", value=50) == []


def test_cache_hits_and_how_they_fall(ledger: Ledger, fires: Any) -> None:
    for day in range(18, 23):
        put(ledger, f"2026-11-{day}T09:00", input_tokens=10, cache_read_tokens=90, cost_nano=1)
    put(
        ledger,
        "2026-11-23T09:00",
        input_tokens=30,
        cache_write_5m_tokens=10,
        cache_read_tokens=60,
        cost_nano=1,
    )
    assert fires("cache_hit_percent", comparison="<=", value=60) == [("jseeker", "")]
    assert fires("cache_hit_percent", comparison="<", value=60) == []
    assert fires("cache_drop_points", value=30) == [("jseeker", "")]
    assert fires("cache_drop_points", value=31) == []
    assert fires("cache_drop_points", value=30, at_least_tokens=101) == []


def test_unpriced_failed_and_session_tokens(ledger: Ledger, fires: Any) -> None:
    put(ledger, "2026-11-23T11:30", 3, cost_nano=1, task="parse", session_id="s1", input_tokens=100)
    put(ledger, "2026-11-23T11:31", 1, cost_nano=None, task="parse", session_id="s1", input_tokens=100)
    put(ledger, "2026-11-23T11:32", 4, kind="failed", cost_nano=0, task="parse")
    put(ledger, "2026-11-23T09:32", 9, kind="failed", cost_nano=0, task="parse")
    assert fires("unpriced_percent", value=25) == [("jseeker", "")]
    assert fires("unpriced_percent", value=25, comparison=">") == []
    assert fires("failed_calls", value=4, scope="task", window="2h") == [("jseeker", "parse")]
    assert fires("failed_calls", value=5, scope="task", window="2h") == []
    assert fires("error_percent", value=50, window="2h") == [("jseeker", "")]
    assert fires("error_percent", value=50, window="2h", comparison=">") == []
    assert fires("session_tokens", value=400) == [("jseeker", "s1")]
    assert fires("session_tokens", value=401) == []


def test_where_the_month_will_end(ledger: Ledger, fires: Any) -> None:
    for day in range(1, 24):
        put(ledger, f"2026-11-{day:02d}T09:00", cost_nano=DOLLAR // 2)
    assert fires("projected_percent", value=100) == [("jseeker", "")]
    assert fires("projected_percent", value=1000) == []


def test_a_day_out_of_the_ordinary(ledger: Ledger, fires: Any) -> None:
    for day in range(1, 23):
        put(ledger, f"2026-11-{day:02d}T09:00", cost_nano=DOLLAR, task="parse", model="m")
    assert fires("anomaly_usd", value=1) == []
    put(ledger, "2026-11-23T09:00", cost_nano=30 * DOLLAR, task="parse", model="m")
    assert fires("anomaly_usd", value=20) == [("jseeker", "parse")]
    assert fires("anomaly_usd", value=31) == []


def test_a_plans_windows_and_their_pace(home: Path, clock: Clock, fires: Any) -> None:
    """Half of the five hours have passed and 60 % are used: 120 % at this pace."""
    resets = clock.ts + int(2.5 * 3600 * 1_000_000)
    file = home / "gaia-budget" / "plan.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"five_hour": {"percent": 60, "resets_at": resets}, "as_of": clock.ts}))
    assert [name.split("@")[0] for _, name in fires("plan_percent", scope="all", value=60)] == ["five_hour"]
    assert fires("plan_percent", scope="all", value=60, comparison=">") == []
    assert len(fires("plan_pace_percent", scope="all", value=120)) == 1
    assert fires("plan_pace_percent", scope="all", value=121) == []
    assert fires("plan_percent", scope="all", window="seven_day", value=1) == []
    clock.ts = resets + 1
    assert fires("plan_percent", scope="all", value=60) == []


def test_an_overdue_price_review(
    ledger: Ledger, settings: Settings, clock: Clock, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(home))
    budget = home / "token_budget.json"
    budget.write_text('{"$schema": "gaia-token-budget-v1", "updated": "2026-08-24"}')
    rules = [alert.subject.split("@")[0] for alert in evaluation.evaluate(ledger, settings).open]
    assert "token budget" not in rules
    budget.write_text('{"$schema": "gaia-token-budget-v1", "updated": "2026-08-22"}')
    [found] = [
        one for one in evaluation.evaluate(ledger, settings).open if one.subject.startswith("token budget")
    ]
    assert (found.rule, found.cause) == (
        "price-review",
        "token_budget.json was last reviewed 93 days ago",
    )


def test_a_model_ends_on_the_day_from_which_another_is_chosen_for_it_wherever_the_ledger_is(
    make: Callable[..., Ledger], settings: Settings, clock: Clock
) -> None:
    gone = next(iter(table.load().retired.values()))
    midnight = ts(f"{gone.since}T00:00")
    ledger = make(timezone="Pacific/Kiritimati")  # where that day began 14 hours earlier
    ledger.record([event("a", f"{gone.since - timedelta(days=1)}T23:00", model=gone.model)])
    for clock.ts, days in ((midnight - 1, 1), (midnight, 0)):
        facts = Facts(ledger, settings)
        assert [left for one, left in facts.ending if one.model == gone.model] == [days]


def test_a_review_that_was_read_is_not_asked_for_again_until_there_is_news(
    ledger: Ledger, settings: Settings, clock: Clock, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(home))
    budget = home / "token_budget.json"
    snapshot = '"pricing_snapshot": {"openai": {"gpt-4o": {"input_per_1m": %s, "output_per_1m": 10}}}'
    form = '{"$schema": "gaia-token-budget-v1", "updated": "2026-01-02", %s}'
    budget.write_text(form % (snapshot % "2.5"))

    def asked() -> bool:
        open_ones = evaluation.evaluate(ledger, settings).open
        return any(one.rule == "price-review" for one in open_ones)

    assert asked()
    today = ledger.zone.local(clock.ts).date()
    found = review.review(owner.load_token_budget(), table.load(), prices_now(), today=today)
    reviewed.note(found, today)
    assert not asked()
    clock.ts += 93 * 86_400 * 1_000_000
    later = ledger.zone.local(clock.ts).date()
    same = review.review(owner.load_token_budget(), table.load(), prices_now(), today=later)
    if reviewed.checksum(same) != reviewed.checksum(found):  # the price list knows of a change in between
        assert asked()
        reviewed.note(same, today)
    assert not asked()
    budget.write_text(form % (snapshot % "3.5"))
    assert asked()


def test_a_model_in_use_that_ends_soon_is_named_with_its_day(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    for name, model in (("a", "gemini-2.5-pro"), ("b", "claude-haiku-5-5"), ("c", "gpt-4o")):
        ledger.record(
            [Event(event_id=name, ts=clock.ts, source="app", module="via", model=model, output_tokens=1)]
        )
    said = {one.subject.split("@")[0]: one.cause for one in evaluation.evaluate(ledger, settings).open}
    assert (
        "gemini-2.5-pro is in use and ends on 2026-12-01: move to gemini-3.8-flash" in said["gemini-2.5-pro"]
    )
    assert "gpt-4o-mini" in said["gpt-4o"] and "as well" in said["gpt-4o"]
    assert "claude-haiku-5-5" not in said


def test_a_broken_budget_file_is_told_and_leaves_the_other_rules_at_work(
    ledger: Ledger,
    settings: Settings,
    clock: Clock,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_rules: Write,
) -> None:
    put(ledger, "2026-11-23T11:10", cost_nano=9 * DOLLAR)
    before = evaluation.evaluate(ledger, settings).open
    monkeypatch.setenv("GAIA_ROOT", str(home))
    (home / "token_budget.json").write_text('{"per_module": {"jseeker": {"monthly_budget_usd": -1}}}')
    own_rules('[rules.mine]\nmetric = "spend_usd"\nvalue = 1\n')
    state = evaluation.evaluate(ledger, settings)
    assert ["greater than or equal to 0" in problem for problem in state.problems] == [True]
    assert {alert.rule for alert in state.open} == {"mine", *(alert.rule for alert in before)}


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("[modules.jseeker]\nalert_threshold_pct = 120\n", "less than or equal to 100"),
        ("[modules.jseeker]\nalert_threshold_pct = 90\ncritical_threshold_pct = 80\n", "must not be below"),
        ("[modules.jseeker]\nalert_threshold_pct = -5\n", "greater than 0"),
        ("[modules.jseeker]\n[modules.JSeeker]\n", "stands twice"),
        ("default_monthly_budget_usd = -1\n", "greater than 0"),
        ("default_monthly_budget_usd = 0\n", "greater than 0"),
    ],
)
def test_thresholds_and_budgets_that_make_no_sense_are_named(home: Path, module: str, said: str) -> None:
    from gaia_budget.errors import ConfigError
    from gaia_budget.settings import load

    (home / "gaia-budget").mkdir()
    (home / "gaia-budget" / "settings.toml").write_text(module)
    with pytest.raises(ConfigError, match=said):
        load()


def test_a_module_in_two_files_is_told_with_what_holds(
    ledger: Ledger, settings: Settings, clock: Clock, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaia_budget.settings.keys import ModuleSettings

    monkeypatch.setenv("GAIA_ROOT", str(home))
    entry = {"monthly_budget_usd": 10, "alert_threshold_pct": 70, "critical_threshold_pct": 85}
    (home / "token_budget.json").write_text(json.dumps({"per_module": {"jSeeker": entry}}))
    chosen = ModuleSettings.of({"alert_threshold_pct": 90})
    put(ledger, "2026-11-23T11:10", cost_nano=9 * DOLLAR)
    state = evaluation.evaluate(ledger, settings.but(modules={"jseeker": chosen}))
    [problem] = state.problems
    assert problem.startswith(
        "module jseeker stands in two files: alert_threshold_pct is 90 in settings.toml, which holds"
    )
    assert {alert.rule for alert in state.open if alert.module} == {"month-warning", "month-critical"}
    (home / "token_budget.json").write_text(json.dumps({"per_module": {"jSeeker": entry, "jseeker": entry}}))
    assert "stands twice" in evaluation.evaluate(ledger, settings).problems[0]


@pytest.mark.parametrize("spelling", ["jd_parse", "JD parse", "jdParse", "jd-parsing"])
def test_a_rule_means_a_task_however_it_writes_it(ledger: Ledger, fires: Any, spelling: str) -> None:
    put(ledger, "2026-11-23T11:10", cost_nano=3 * DOLLAR, task="jd_parse")
    put(ledger, "2026-11-23T11:20", cost_nano=3 * DOLLAR, task="cover_letter")
    assert fires("spend_usd", value=2, scope="task", task=spelling) == [("jseeker", "jd_parse")]
