"""The page for the ecosystem's own dashboards: the endpoint's figures, by Streamlit's own test and in a browser."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.testing.v1 import AppTest

from gaia_budget.argus_page import figures, page
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support import dashboard, spent_month
from support.components import requires
from support.events import event
from support.streamlit_page import PAGE, streamlit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gaia_budget.model import Event
    from support.dashboard import Dashboard

STARTED = 60_000
"""Milliseconds that Streamlit may take to start on a busy machine."""


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    """A page as the owner has it, with every clock stopped at the month's end."""
    file = tmp_path / "page.py"
    file.write_text(PAGE, encoding="utf-8")
    return file


@pytest.fixture
def app(page_file: Path) -> Iterator[AppTest]:
    found = AppTest.from_file(str(page_file), default_timeout=60).run()
    yield found
    end()


def end() -> None:
    """Watch no longer, and let the next page begin anew."""
    page.source().stop()
    page.source().ledger.close()
    page.source.clear()


def money(text: str) -> str:
    return f"${Decimal(text).quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}"


def metrics(app: AppTest) -> list[str]:
    assert not app.exception
    return [str(one.value).replace("\\", "") for one in app.metric]


def tables(app: AppTest) -> list[list[dict[str, Any]]]:
    return [one.value.to_dict("records") for one in app.dataframe]


@pytest.mark.usefixtures("stopped")
def test_what_counts_is_called_so_where_claude_code_counts_too(
    page_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_COUNTS_CLAUDE_CODE", "true")
    with Ledger.open(settings=load()) as ledger:
        for source, dollars in (("app", 1), ("claude_code", 2)):
            ledger.record([event(source, "2026-11-27T09:00", source=source, cost_nano=dollars * 10**9)])
    drawn = AppTest.from_file(str(page_file), default_timeout=60).run()
    try:
        assert metrics(drawn)[:3] == ["$3.00"] * 3
        assert [one.value for one in drawn.markdown if "against the caps" in one.value] == [
            "**Counts**  \nagainst the caps"
        ]
    finally:
        end()


@pytest.mark.usefixtures("month")
def test_its_figures_are_the_endpoints(app: AppTest) -> None:
    with dashboard.running() as served:
        overview, forecast = served.asked("overview"), served.asked("forecast")
        by_model = served.asked("spend?by=model&since=2026-11-01")
    periods = overview["periods"]

    assert metrics(app) == [
        *(money(one[key]) for key in ("counted_usd", "claude_code_usd") for one in periods),
        money(by_model["total"]["cost_usd"]),
    ]
    caps = {row["Module"]: row for rows in tables(app) for row in rows if "Cap" in row}
    assert set(caps) == set(spent_month.CAPS)
    for one in forecast["modules"]:
        if one["module"] in caps:
            row = caps[one["module"]]
            assert (row["Spent"], row["Cap"]) == (money(one["spent_usd"]), money(one["limit_usd"]))
            assert row["Between"] == f"{money(one['low_usd'])} – {money(one['high_usd'])}"
    models = next(rows for rows in tables(app) if rows and next(iter(rows[0])) == "Model")
    cells = [Decimal(row["Dollars"].strip("$")) for row in models]
    assert money(str(sum(cells))) == money(by_model["total"]["cost_usd"])


def test_source_and_billing_tell_development_from_the_product(app_of: AppTest, month: list[Event]) -> None:
    def total(**facts: str) -> str:
        mine = [one for one in month if one.ts >= spent_month.MONTH]
        nano = sum(
            one.cost_nano or 0
            for one in mine
            if all(getattr(one, key) == value for key, value in facts.items())
        )
        return money(str(Decimal(nano) / 10**9))

    by_label = {one.label: one for one in app_of.selectbox}
    by_label["Source"].select("app").run()
    assert metrics(app_of)[-1] == total(source="app")
    {one.label: one for one in app_of.selectbox}["Module"].select("via").run()
    assert metrics(app_of)[-1] == total(source="app", module="via")
    boxes = {one.label: one for one in app_of.selectbox}
    boxes["Module"].select("")
    boxes["Source"].select("").run()
    {one.label: one for one in app_of.selectbox}["Billing"].select("plan").run()
    assert metrics(app_of)[-1] == total(billing="plan")


@pytest.fixture
def app_of(month: list[Event], app: AppTest) -> AppTest:
    """The page over the month."""
    return app


@pytest.mark.usefixtures("stopped")
def test_without_data_it_says_what_to_do(app: AppTest) -> None:
    assert not app.exception
    assert "Nothing has been counted yet" in app.subheader[0].value
    assert "gaia-budget init" in app.markdown[0].value


def test_its_colours_are_those_of_our_own_page() -> None:
    for dark in (False, True):
        style = figures.look(["a", "b"], dark=dark)
        assert {"accent", "range", "track", "ink", "crit", *(f"m{number}" for number in range(1, 10))} <= set(
            style.colour
        )
        assert style.of("a") == style.colour["m1"]
        assert style.of("never seen") == style.colour["m9"]
    assert figures.look([], dark=True).colour["bg"] != figures.look([], dark=False).colour["bg"]


@pytest.mark.parametrize("text", ["$1 of $2", "a_b_c *x* `y` [z](http://w)", "<b>", ":red[x]", "# head"])
def test_a_text_is_shown_as_it_is(text: str) -> None:
    said = page.plain(text)

    assert re.sub(r"\\(.)", r"\1", said) == text
    assert not re.search(r"(?<!\\)[$*_`\[\]<>#:]", said)


@requires("chromium")
def test_in_a_browser_a_new_event_comes_by_itself_and_nothing_leaves_the_machine(
    served: Dashboard, page_file: Path
) -> None:
    outside: list[str] = []
    with streamlit(page_file) as url, dashboard.chromium() as browser:
        seen = browser.new_page(viewport={"width": 1280, "height": 900})
        seen.on("request", lambda asked: None if asked.url.startswith((url, "data:", "blob:")) else
                outside.append(asked.url))  # fmt: skip
        seen.on("pageerror", lambda error: outside.append(str(error)))
        seen.goto(url)
        first = seen.locator("[data-testid=stMetricValue]").first
        first.wait_for(timeout=STARTED)
        before = served.asked("overview")["periods"][0]["counted_usd"]
        assert first.text_content() == money(before)
        seen.locator("[data-testid=stPlotlyChart] .pielayer path").first.wait_for(timeout=STARTED)

        served.ledger.record([event("new", "2026-11-27T20:04", module="via", cost_nano=3_000_000_000)])

        seen.get_by_text(money(str(Decimal(before) + 3)), exact=True).first.wait_for(timeout=STARTED)
        assert seen.locator("[data-testid=stException]").count() == 0
    assert outside == []


@pytest.fixture
def served(month: list[Event]) -> Iterator[Dashboard]:
    with dashboard.running() as running:
        yield running


@pytest.mark.usefixtures("month")
def test_names_from_files_are_no_markup_for_the_charts() -> None:
    style = figures.look(["m"], dark=False)
    wicked = "<a href='https://x'>y</a>"
    with Ledger.open(settings=load()) as ledger:
        ledger.record([event("w", "2026-11-27T08:00", module=wicked, cost_nano=5_000_000)])
    with dashboard.running() as served:
        one = next(one for one in served.asked("forecast")["modules"] if "<a" in one["module"])

    for drawn in (figures.gauge(one, style), figures.projection([one], style)):
        assert "<a" not in drawn.to_json().replace("\\u003c", "<")
