"""The page in a real browser: its figures are those of the endpoint and of the events, for eyes, keys and readers."""

from __future__ import annotations

import json
import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.dashboard import fresh
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_claude_md.files import operations
from gaia_claude_md.plan.splitting import SplitOptions
from support import components, dashboard, spent_month
from support.components import requires
from support.dashboard import Seen
from support.events import event, ts
from support.instructions import instructions

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from gaia_budget.model import Event
    from support.dashboard import Dashboard

pytestmark = requires("chromium")
NOVEMBER = ts("2026-11-01T00:00")


def money(amount: Decimal) -> str:
    return f"${amount.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}"


def spent(events: list[Event], since: int, source: str) -> Decimal:
    nano = sum(one.cost_nano or 0 for one in events if one.ts >= since and one.source == source)
    return Decimal(nano) / 10**9


def test_what_is_seen_first_is_the_sum_of_the_events(seen: Seen, month: list[Event]) -> None:
    page = seen.open()

    figures = page.locator(".money .fig.big").all_text_contents()
    starts = (ts("2026-11-27T00:00"), ts("2026-11-21T00:00"), NOVEMBER)
    assert figures == [
        money(spent(month, start, source)) for source in ("app", "claude_code") for start in starts
    ]
    whole = spent(month, NOVEMBER, "app") + spent(month, NOVEMBER, "claude_code")
    assert f"{money(whole)} together" in page.locator("h1").text_content()


def test_every_table_adds_up_and_has_the_endpoints_figures(seen: Seen, served: Dashboard) -> None:
    seen.open()

    for label, question, columns in (
        ("Models", "models", {1: "apps_usd", 2: "claude_code_usd"}),
        ("Projects", "projects", {2: "apps_usd", 4: "claude_code_usd"}),
        ("Sessions", "sessions", {10: "cost_usd"}),
    ):
        _, *body, foot = seen.rows(label)
        document = served.asked(question if label == "Sessions" else f"{question}?since=2026-11-01")
        wanted = [row for row in document["rows"] if label != "Sessions" or row["last_at"] >= "2026-11"]
        assert len(body) == len(wanted)
        for column, key in columns.items():
            cells = [Decimal(row[column].strip("$–") or 0) for row in body]
            exact = [Decimal(row[key]) for row in wanted]
            assert sum(cells) == Decimal(foot[column].strip("$"))
            assert foot[column] == money(sum(exact, Decimal(0)))
            assert all(abs(cell - cost) < Decimal("0.01") for cell, cost in zip(cells, exact, strict=True))
    tasks = seen.rows("Tasks by model")
    assert Decimal(tasks[-1][2].strip("$")) == sum(Decimal(row[2].strip("$")) for row in tasks[1:-1])


def test_a_gauge_ends_where_the_forecast_says(seen: Seen, served: Dashboard) -> None:
    page = seen.open()
    outlooks = {one["module"]: one for one in served.asked("forecast")["modules"]}

    rows = page.locator(".caps tbody tr")
    for place in range(rows.count()):
        name, _, spent_of, percent, end, between, *_ = rows.nth(place).locator("th, td").all_text_contents()
        one = outlooks[name]
        assert spent_of.endswith(f"of {money(Decimal(one['limit_usd']))}")
        assert end == money(Decimal(one["projected_usd"]))
        assert between == f"{money(Decimal(one['low_usd']))} – {money(Decimal(one['high_usd']))}"
        share = Decimal(one["spent_usd"]) * 100 / Decimal(one["limit_usd"])
        assert percent == f"{int(share)} %"
        said = str(rows.nth(place).locator("svg.gauge > title").text_content())
        assert one["method"] in said
        assert between.replace(" – ", " to ") in said
    total = served.asked("overview")["total"]
    assert total["method"] in str(page.locator(".money .end .fig").get_attribute("data-src"))
    assert rows.count() == len(spent_month.CAPS)


@pytest.mark.usefixtures("month")
def test_trends_have_the_line_of_their_threshold(browser: Browser, home: Path) -> None:
    (home / "gaia-budget" / "settings.toml").write_text(
        'total_monthly_budget_usd = 50\n[modules.via]\ndaily_threshold_usd = "0.75"\nweekly_threshold_usd = 4\n',
        encoding="utf-8",
    )
    with dashboard.running() as served:
        found = Seen(browser, served.url)
        for path, words in (
            ("/?project=via", "threshold a day $0.75"),
            ("/?project=via&by=week", "threshold a week $4.00"),
            ("/?project=via&by=month", "cap $20.00"),
            ("/?by=month", "cap $50.00"),
        ):
            chart = found.open(path).locator("#trends svg.chart").first
            assert chart.locator(".thrt").text_content() == words
            line, axis = (
                chart.locator("line.thr").get_attribute("y1"),
                chart.locator("line.axis").get_attribute("y1"),
            )
            assert 0 < float(str(line)) < float(str(axis))
        assert found.open("/").locator("#trends svg.chart").first.locator(".thr").count() == 0
        found.context.close()
    assert found.wrong == []


def test_a_filter_keeps_its_link_and_a_session_is_one_click_away(seen: Seen, served: Dashboard) -> None:
    page = seen.open()

    page.locator("select[name=project]").select_option("jseeker")
    page.wait_for_url("**/?*project=jseeker*")
    body = seen.rows("Projects")[1:-1]
    assert [row[0] for row in body] == ["jseeker"]
    exact = served.asked("projects?since=2026-11-01&project=jseeker")["total"]
    assert seen.rows("Projects")[-1][2] == money(Decimal(exact["apps_usd"]))
    page.locator("#sessions tbody a").first.click()
    page.wait_for_url("**/sessions/5bc67726*")
    receipt = served.asked("session?session=5bc67726")
    assert page.locator(".facts .fig").first.text_content() == money(Decimal(receipt["cost_usd"]))
    assert seen.rows("By agent")[-1][-1] == money(Decimal(receipt["cost_usd"]))
    assert len(seen.rows("Responses")) == len(receipt["rows"]) + 1


def test_a_new_response_is_on_the_page_without_a_reload_and_without_polling(
    month: list[Event], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "ANYHOW_SECONDS", 86_400.0)  # whoever hears of it was woken by the write
    with dashboard.running() as served:
        found = Seen(browser, served.url)
        page = found.open()
        _hears_of_a_new_response(page)
        assert not re.search("setTimeout|setInterval", served.get("/static/page.js").text)
        found.context.close()
    assert found.wrong == []


def _hears_of_a_new_response(page: Page) -> None:
    page.locator("#live").wait_for(state="visible")
    page.evaluate("window.mark = 1")
    before = page.locator(".money .fig.big").nth(0).text_content()

    with Ledger.open(settings=load()) as elsewhere:
        elsewhere.record([event("new", "2026-11-27T20:04", module="via", cost_nano=3_000_000_000)])

    page.wait_for_function(
        "words => document.querySelector('.money .fig.big').textContent !== words", arg=before
    )
    after = Decimal(str(page.locator(".money .fig.big").nth(0).text_content()).strip("$"))
    assert after - Decimal(str(before).strip("$")) == 3
    assert page.evaluate("window.mark") == 1


def test_an_alert_is_taken_note_of_and_the_csv_of_a_table_comes(seen: Seen, served: Dashboard) -> None:
    page = seen.open()
    count = page.locator(".alerts li").count()

    page.get_by_role("button", name="Noted").first.click()
    page.wait_for_url("**/#attention")
    assert page.locator(".alerts li").count() == count - 1
    assert [one["state"] for one in served.asked("alerts")["alerts"]].count("acknowledged") == 1
    for link in page.locator("a[href*='format=csv']").all():
        answer = served.get(str(link.get_attribute("href")))
        assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")


def test_calls_that_did_not_go_as_asked_are_told_by_project(seen: Seen, served: Dashboard) -> None:
    told = [("via", "refused", 3), ("via", "downgraded", 1), ("raven", "downgraded", 2)]
    served.ledger.record(
        [
            event(
                f"{module} {status} {number} {day}",
                day,
                kind="failed",
                module=module,
                status=status,
                cost_nano=0,
            )
            for module, status, count in told
            for day in ("2026-11-20T10:00", "2026-10-20T10:00")
            for number in range(count if day > "2026-11" else 9)
        ]
    )

    seen.open()
    answered = {
        row["key"]: row["responses"] for row in served.asked("projects?since=month&source=app")["rows"]
    }
    _, *rows, foot = seen.rows("Calls that did not go as asked")
    assert rows == [
        ["via", "3", "1", f"{answered['via'] + 3:,}"],
        ["raven", "0", "2", f"{answered['raven']:,}"],
    ]
    assert foot == ["All projects", "3", "3", f"{sum(answered.values()) + 3:,}"]
    assert "30" not in served.get("/api/v1/refused?since=month&project=via&format=csv").text.splitlines()[1]


def test_what_a_split_saved_is_what_its_command_says(seen: Seen, served: Dashboard, home: Path) -> None:
    assert "No CLAUDE.md is split" in seen.open().locator("#changed").text_content()
    file = home / ".claude" / "CLAUDE.md"
    file.parent.mkdir(exist_ok=True)
    file.write_text(instructions(2).text, "utf-8", newline="")
    operations.apply(operations.propose(file, SplitOptions()))

    printed = CliRunner().invoke(app, ["claude-md", "savings", str(file), "--json"])
    said = json.loads(printed.stdout)
    seen.open()
    _, row = seen.rows("CLAUDE.md, split")
    assert row[0] == "every project"
    assert row[3:6] == [
        f"{said[key]:,}" for key in ("saved_tokens_per_session", "sessions", "compounded_tokens")
    ]
    assert said["compounded_tokens"] == said["saved_tokens_per_session"] * said["sessions"] > 0
    assert row[6] == money(Decimal(said["cost_usd"]))


def test_all_of_it_is_reached_with_the_keyboard(seen: Seen) -> None:
    page = seen.open()

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the figures"
    reached = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('section, header, footer')?.id || ''"))
        if page.evaluate("document.activeElement.tagName") == "BODY":
            break
    assert {"now", "trends", "models", "tasks", "projects", "sessions", "cache", "changed"} <= reached
    figure = page.locator(".fig").first
    figure.focus()
    told = figure.evaluate("one => getComputedStyle(one, '::after').content")
    assert "measured" in told


@requires("axe")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/sessions/46b8810b", "/?project=absent"])
def test_axe_finds_nothing_serious(browser: Browser, served: Dashboard, scheme: str, path: str) -> None:
    found = Seen(browser, served.url, scheme=scheme)
    page = found.open(path)
    # the policy of the page lets no other script in: axe comes in by the tool that drives the browser
    page.evaluate(components.path("axe").read_text(encoding="utf-8"))
    violations: list[dict[str, Any]] = page.evaluate("axe.run().then(found => found.violations)")
    found.context.close()

    serious = [one for one in violations if one["impact"] in ("serious", "critical")]
    assert not serious, json.dumps(
        [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in serious]
    )


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("path", ["/", "/sessions/46b8810b"])
def test_nothing_is_wider_than_the_window(browser: Browser, served: Dashboard, width: int, path: str) -> None:
    found = Seen(browser, served.url, width=width)
    page = found.open(path)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)"
    assert set(page.locator(".scroll").evaluate_all(wide)) <= {"Tasks by model"}  # by each model: it scrolls
    found.context.close()
    assert found.wrong == []


@pytest.mark.usefixtures("stopped")
def test_an_empty_page_says_where_it_looked_and_what_to_do(browser: Browser) -> None:
    with dashboard.running() as served:
        found = Seen(browser, served.url)
        page = found.open()
        text = page.locator("main").text_content()
        assert "Nothing has been counted yet" in text
        assert "gaia-budget init" in text
        with Ledger.open(settings=load()) as elsewhere:
            elsewhere.record([event("first", "2026-11-27T20:04", cost_nano=3_000_000_000)])
        page.locator("h1", has_text="$3.00").wait_for()
        found.context.close()
    assert found.wrong == []


@pytest.mark.usefixtures("stopped")
def test_two_hundred_projects_and_ten_thousand_sessions_are_shown(browser: Browser) -> None:
    day = [
        event(f"e{number}", "2026-11-27T08:00", source=("claude_code", "app")[number % 2],
              module=f"project-with-a-long-name-{number % 200:03d}", cost_nano=number % 19 * 20_000_000,
              model=f"model-{number % 30}", session_id=f"{number:08d}-s")
        for number in range(10_000)
    ]  # fmt: skip
    with Ledger.open(settings=load()) as ledger:
        ledger.record(day)
    with dashboard.running() as served:
        found = Seen(browser, served.url)
        page = found.open()
        rows = found.rows("Projects")
        spent = [
            sum(one.cost_nano or 0 for one in day if one.source == which) for which in ("app", "claude_code")
        ]
        assert (len(rows), rows[-1][2], rows[-1][4]) == (
            42,
            *(money(Decimal(nano) / 10**9) for nano in spent),
        )
        gauges = page.locator(".caps tbody tr").count()
        alerts = page.locator("ol.alerts").first.locator("li").count()
        assert (gauges, alerts) == (40, 8)
        assert (
            f"{int(str(page.locator('.count').text_content())) - 8} more"
            in page.locator(".attn").text_content()
        )
        assert "160 more projects" in page.locator("#projects").text_content()
        for width in (1280, 768, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        found.context.close()
    assert found.wrong == []
