"""What a stranger asks is answered on the first screen, or one click from it; and what the answers are made of."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from gaia_budget.reports import shown
from support import spent_month
from support.components import requires
from support.events import ts

if TYPE_CHECKING:
    from gaia_budget.model import Event
    from support.dashboard import Dashboard, Seen

pytestmark = requires("chromium")
DAY = 86_400_000_000
YESTERDAY = ts("2026-11-26T00:00")


def nano(events: list[Event], since: int, until: int, source: str = "app", **facts: str) -> int:
    mine = [one for one in events if since <= one.ts < until and one.source == source]
    return sum(
        one.cost_nano or 0
        for one in mine
        if all(getattr(one, name) == value for name, value in facts.items())
    )


def money(amount: int) -> str:
    return f"${round(Decimal(amount) / 10**9, 2):,}"


def test_what_yesterday_cost_and_why(seen: Seen, month: list[Event]) -> None:
    page = seen.open()

    page.locator("select[name=period]").select_option("yesterday")
    page.wait_for_url("**/?*period=yesterday*")
    total = seen.rows("Projects")[-1]
    assert total[2] == money(nano(month, YESTERDAY, YESTERDAY + DAY))
    assert total[4] == money(nano(month, YESTERDAY, YESTERDAY + DAY, "claude_code"))
    head, *rows, foot = seen.rows("What changed")
    before, now = nano(month, YESTERDAY - DAY, YESTERDAY), nano(month, YESTERDAY, YESTERDAY + DAY)
    assert (foot[1], foot[2]) == (money(before), money(now))
    assert "1 day from 26 Nov against as many from 25 Nov" in page.locator("#h-ch").text_content()
    for row in rows:
        exact = nano(month, YESTERDAY, YESTERDAY + DAY, module=row[0])
        assert abs(Decimal(row[2].strip("$–") or 0) - Decimal(exact) / 10**9) < Decimal("0.01")
    assert head[-1] == "Change"


def test_which_project_costs_most_stands_first(seen: Seen, month: list[Event]) -> None:
    seen.open()
    spent = {
        name: nano(month, spent_month.MONTH, spent_month.NOW + 1, module=name) for name in spent_month.CAPS
    }

    first = max(seen.rows("Projects")[1:-1], key=lambda row: Decimal(row[2].strip("$–") or 0))

    assert first[0] == max(spent, key=lambda name: spent[name])


def test_which_model_answers_which_task(seen: Seen, month: list[Event]) -> None:
    seen.open()
    head, *rows, _ = seen.rows("Tasks by model")

    for module, tasks in spent_month.TASKS.items():
        for task, model, _cents in tasks:
            [row] = [one for one in rows if one[:2] == [task, module]]
            exact = nano(month, spent_month.MONTH, spent_month.NOW + 1, module=module, task=task, model=model)
            paid = [f"{cell} {head[place]}" for place, cell in enumerate(row) if place > 3 and cell != "·"]
            assert len(paid) == 1, row
            assert paid[0].startswith(money(exact)), (task, model, row)
            assert shown.model(model) in paid[0]


def test_when_a_cap_is_reached(seen: Seen, served: Dashboard) -> None:
    page = seen.open()
    outlooks = {one["module"]: one for one in served.asked("forecast")["modules"]}

    for row in page.locator(".caps tbody tr").all():
        name, reached = row.locator("th").text_content(), row.locator(".re").text_content()
        day = outlooks[str(name)]["exhausted_on"]
        assert (day in str(reached)) if day else ("not this month" in str(reached))


def test_what_to_do_next_stands_above_everything_that_fires(seen: Seen, served: Dashboard) -> None:
    page = seen.open()
    worst = served.asked("overview")["attention"][0]

    step = page.locator("#attention .next")
    assert worst["next_step"] in str(step.text_content())
    bottom = page.evaluate("document.querySelector('#attention .next').getBoundingClientRect().bottom")
    assert 0 < bottom <= 900  # found and measured at once: the page may renew it


def test_what_was_noted_stays_in_sight_with_who_and_when(seen: Seen, served: Dashboard) -> None:
    page = seen.open()
    cause = page.locator(".alerts li p").first.text_content()

    page.get_by_role("button", name="Noted").first.click()
    page.wait_for_url("**/#attention")
    noted = page.locator("details.noted")
    noted.locator("summary").click()
    assert str(cause) in str(noted.text_content())
    assert "noted by" in str(noted.text_content())
    assert [one["cause"] for one in served.asked("overview")["acknowledged"]] == [cause]


def test_agents_of_the_sessions_add_up_to_what_the_sessions_cost(
    seen: Seen, served: Dashboard, month: list[Event]
) -> None:
    seen.open()
    _, *rows, foot = seen.rows("Fan-outs by agent")

    assert {row[0] for row in rows} == {"main", "Explore"}
    assert foot[-1] == seen.rows("Sessions")[-1][-1]
    mine = [one for one in month if one.agent_type == "Explore" and one.ts >= spent_month.MONTH]
    [explore] = [row for row in rows if row[0] == "Explore"]
    assert explore[1] == str(len({one.session_id for one in mine}))
    assert explore[2] == str(len({(one.session_id, one.agent_id) for one in mine}))
    assert explore[3] == f"{len(mine):,}"
    document = served.asked("agents?since=2026-11-01&top=15")
    assert sum(Decimal(row["cost_usd"]) for row in document["rows"]) == Decimal(document["total"]["cost_usd"])


def test_every_table_says_where_it_is_from_and_has_a_csv(seen: Seen, served: Dashboard) -> None:
    page = seen.open()

    for table in page.locator("section > .scroll > table, .caps").all():
        said = str(table.locator("caption").text_content())
        assert "measured" in said
        assert "as of 20:05" in said
        table.hover()
        assert table.locator("caption").evaluate("one => getComputedStyle(one).color") != "rgba(0, 0, 0, 0)"
    for figure in page.locator(".fig").all():
        assert re.search("^(measured|estimated) · .*as of ", str(figure.get_attribute("data-src")))
    page = seen.open("/sessions/5bc67726")
    for table in page.locator("table").all():
        assert re.search("^(measured|estimated) .*as of ", str(table.locator("caption").text_content()))
    facts = page.locator(".facts dd")
    assert facts.locator(".fig[data-src*='as of']").count() == facts.count()
    for name in ("agents", "changes", "anomalies", "alerts"):
        answer = served.get(f"/api/v1/{name}?format=csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        document = served.asked(name)
        assert len(rows) == len(document.get("rows", document.get(name))), name
