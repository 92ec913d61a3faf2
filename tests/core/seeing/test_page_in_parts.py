"""The page is sent as it is made, reads what takes long when it is looked at, and is narrowed to who shares it."""

from __future__ import annotations

import re
import threading
import urllib.request
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.dashboard import views
from gaia_budget.errors import LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support import dashboard, spent_month
from support.components import requires
from support.dashboard import Seen
from support.events import event, ts
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from gaia_budget.model import Event
    from support.dashboard import Dashboard
    from support.postgres import Server


def test_the_head_of_the_page_is_there_before_its_figures_are_reckoned(
    served: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckon, ask = threading.Event(), views.ask

    def waiting(*given: Any) -> Any:
        assert reckon.wait(30)
        return ask(*given)

    monkeypatch.setattr(views, "ask", waiting)
    with urllib.request.urlopen(served.url + "/", timeout=30) as answer:
        head = b""
        while b'id="main"' not in head:
            head += answer.read1()
        reckon.set()
        rest = answer.read()
    assert (b"<h1" in head, b"<h1" in rest) == (False, True)
    assert rest.count(b"</html>") == 1


def test_a_page_that_cannot_be_made_to_its_end_says_so_where_it_ends(
    served: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> Any:
        raise LedgerError("the ledger <is> gone", slug="ledger-unusable")

    monkeypatch.setattr(views.tables, "cache", gone)
    text = served.get("/").text
    assert 'id="models"' in text
    assert "The rest cannot be shown.</strong> the ledger &lt;is&gt; gone" in text
    assert 'id="cache"' not in text


@requires("chromium")
def test_what_fills_the_context_is_read_when_it_is_looked_at(
    seen: Seen, served: Dashboard, home: Path
) -> None:
    call = assistant("a", model="claude-opus-4-6")
    sizes = {"Read": 4000, "Bash": 400, "mcp__files__find": 40}
    call["message"]["content"] = [
        {"type": "tool_use", "id": name, "name": name, "input": {}} for name in sizes
    ]
    results = [
        {"type": "tool_result", "tool_use_id": name, "content": "x" * size} for name, size in sizes.items()
    ]
    file = home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
    write(
        file,
        call,
        {
            "type": "user",
            "sessionId": SESSION,
            "timestamp": call["timestamp"],
            "message": {"content": results},
        },
        assistant("b", second=5, model="claude-opus-4-6"),
    )
    page = seen.open()
    # What is live may be replaced meanwhile: no waiting until it stands still.
    page.locator("#context").evaluate("part => part.scrollIntoView()")
    page.locator("#context table").wait_for()

    _, *body, foot = seen.rows("What fills the context")
    told = served.asked("context?since=2026-11-01")
    assert [row[0] for row in body] == list(sizes) == [row["tool"] for row in told["rows"]]
    for column, key in enumerate(("calls", "result_tokens", "carried_tokens"), 1):
        assert [row[column] for row in body] == [f"{row[key]:,}" for row in told["rows"]]
        assert foot[column] == f"{sum(row[key] for row in told['rows']):,}" == f"{told['total'][key]:,}"
    assert told["total"]["result_tokens"] == sum(sizes.values()) * 3 // 10  # 1.2 tokens for four characters
    assert "estimated" in str(page.locator("#context caption").text_content())
    alone = served.get("/context?period=yesterday").text
    assert "No transcript of this machine tells of it here." in alone


@requires("chromium", "postgresql")
@pytest.mark.usefixtures("stopped")
def test_a_shared_ledger_is_narrowed_to_a_user_and_a_machine(
    browser: Browser, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_DB", server.create("people"))
    who = (("ana", "laptop", 1), ("ana", "desk", 2), ("bo", "desk", 4))
    spent: list[Event] = [
        event(f"{user}-{machine}", "2026-11-27T08:00", source="claude_code", user=user, machine=machine,
              module="shop", model="claude-opus-5-5", session_id=f"{user}{machine}-0000", cost_nano=dollars * 10**9)
        for user, machine, dollars in who
    ]  # fmt: skip
    with Ledger.open(settings=load()) as ledger:
        ledger.record(spent)
    with dashboard.running() as served:
        found = Seen(browser, served.url)
        page = found.open()
        assert page.locator("select[name=user] option").all_text_contents() == ["All 2", "ana", "bo"]
        page.locator("select[name=user]").select_option("ana")
        page.wait_for_url("**/?*user=ana*")
        assert found.rows("Projects")[-1][4] == "$3.00"
        assert sorted(row[-1] for row in found.rows("Sessions")[1:]) == ["$1.00", "$2.00", "$3.00"]
        page.locator("select[name=machine]").select_option("desk")
        page.wait_for_url("**/?*machine=desk*")
        for label, column in (
            ("Projects", 4),
            ("Models", 2),
            ("Sessions", -1),
            ("Prompt cache by project", 0),
        ):
            assert (label, found.rows(label)[-1][column]) in ((label, "$2.00"), (label, "Total"))
        assert served.asked("sessions?user=ana&machine=desk")["total"]["cost_usd"] == "2.0000"
        refused = served.get("/?user=an")
        assert (refused.status, "unknown user" in refused.text, "ana" in refused.text) == (404, True, True)
        found.context.close()
    assert found.wrong == []


@requires("chromium")
def test_a_ledger_of_one_machine_has_no_choice_of_users(seen: Seen) -> None:
    assert seen.open().locator("select[name=user]").count() == 0


def test_a_projects_trend_and_the_month_adding_up_are_the_events_of_each_day(
    served: Dashboard, month: list[Event]
) -> None:
    def spent(day: str, **facts: str) -> int:
        begins = ts(f"{day}T00:00")
        mine = [one for one in month if begins <= one.ts < begins + spent_month.DAY]
        return sum(
            one.cost_nano or 0 for one in mine if all(getattr(one, key) == facts[key] for key in facts)
        )

    days = [f"2026-11-{number:02d}" for number in range(1, 28)]
    for project in served.asked("overview")["projects"]:
        told = [int(Decimal(usd) * 10**9) for usd in project["trend_usd"]]
        assert told == [spent(day, module=project["module"]) for day in days[-14:]]
    for query, facts in (("/", {}), ("/?project=via", {"module": "via"})):
        table = served.get(query).text.partition("Table: November adding up")[2].partition("</table>")[0]
        rows = re.findall(r'<th scope="row">([\d-]+)</th><td class="n">\$([\d.]+)</td>', table)
        assert [day for day, _ in rows] == days[::-1]
        for day, dollars in rows:
            assert abs(Decimal(dollars) * 10**9 - spent(day, source="app", **facts)) < 10**7


@pytest.mark.usefixtures("stopped")
def test_the_month_adding_up_counts_what_the_caps_count_against_the_cap_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_COUNTS_CLAUDE_CODE", "true")
    monkeypatch.setenv("GAIA_BUDGET_TOTAL_MONTHLY_BUDGET_USD", "50")
    with Ledger.open(settings=load()) as ledger:
        for name, facts in {
            "app": {},
            "code": {"source": "claude_code"},
            "plan": {"source": "claude_code", "billing": "plan"},
        }.items():
            ledger.record([event(name, "2026-11-27T09:00", cost_nano=10**9, **facts)])
    with dashboard.running() as served:
        total = served.asked("overview")["total"]
        drawn = served.get("/").text.partition("November adding up")[2].partition("</table>")[0]
    assert (total["spent_usd"], total["limit_usd"]) == ("2.0000", "50.0000")
    assert "$2.00 of $50.00" in drawn
    assert re.search(r'<th scope="row">2026-11-27</th><td class="n">\$2\.00</td>', drawn)
