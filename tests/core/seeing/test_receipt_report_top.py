"""One session on one screen, a month as one file, and the sessions at work, live."""

from __future__ import annotations

import json
import os
import re
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.text import Text
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.cli.seeing.paper import Paper
from gaia_budget.cli.seeing.top import View, fitted, rows, screen, turned
from gaia_budget.errors import GaiaBudgetError, InputError, NotFoundError
from gaia_budget.ledger import Ledger
from gaia_budget.reports import shown
from gaia_budget.reports.overview import overview
from gaia_budget.reports.sessions.receipt import receipt
from gaia_budget.reports.sessions.running import running
from gaia_budget.settings import load
from support import dashboard, spent_month
from support.components import requires
from support.events import event, ts
from support.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.model import Event

NANO = Decimal(10**9)
NEWEST = spent_month.SESSIONS[0][0]


def run(*words: str) -> str:
    """Run a command; errors of ours come out as they are."""
    ended = CliRunner().invoke(app, words)
    if isinstance(ended.exception, GaiaBudgetError):
        raise ended.exception
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.stdout


def cost(events: list[Event], **facts: Any) -> Decimal:
    mine = [one for one in events if all(getattr(one, name) == value for name, value in facts.items())]
    return sum((Decimal(one.cost_nano or 0) for one in mine), Decimal(0)) / NANO


def test_a_receipt_is_the_sum_of_the_sessions_events(month: list[Event]) -> None:
    document = json.loads(run("receipt", "5bc6", "--json"))

    assert document["session"] == NEWEST
    assert Decimal(document["cost_usd"]) == cost(month, session_id=NEWEST)
    for one in document["by_model"]:
        assert Decimal(one["cost_usd"]) == cost(month, session_id=NEWEST, model=one["model"])
    text, markdown = run("receipt", "5bc6"), run("receipt", "5bc6", "--markdown")
    whole = f"${round(cost(month, session_id=NEWEST), 2)}"
    for printed in (text, markdown):
        assert f"{whole} at API prices, not billed" in printed
        amounts = [Decimal(found) for found in re.findall(r"\$(\d+\.\d\d)", printed)]
        assert amounts.count(amounts[0]) >= 3  # the cost, and the total by model and by agent
    assert "| **Total** |" in markdown
    with pytest.raises(NotFoundError, match="unknown session 'ffff'"):
        run("receipt", "ffff")


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize("most", [1, 7, 40])
def test_a_sessions_stretches_are_of_one_length_and_hold_all_its_responses(most: int) -> None:
    with Ledger.open(settings=load()) as ledger:
        found = receipt(ledger, NEWEST)
    parts = found.stretches(most)
    length = parts[0].minutes * 60_000_000
    assert [one.start for one in parts] == [parts[0].start + place * length for place in range(len(parts))]
    assert len(parts) <= most + 1
    for part in parts:
        mine = [one for one in found.responses if part.start <= one.ts < part.start + length]
        assert sum(part.models.values()) == sum(one.cost_nano or 0 for one in mine)
        assert set(part.models) == {one.model for one in mine}
    assert found._replace(responses=[]).stretches(most) == []


@pytest.mark.usefixtures("stopped")
def test_names_in_a_receipt_are_text_in_markdown() -> None:
    wicked = "|<img src=x>`*"
    with Ledger.open(settings=load()) as ledger:
        ledger.record(
            [event("a", "2026-11-27T08:00", source="claude_code", session_id="s1", module=wicked, model=wicked,
                   agent_id="a", agent_type=wicked, cost_nano=5)]
        )  # fmt: skip

    markdown = run("receipt", "s1", "--markdown")

    assert "<img" not in markdown
    assert "\\|&lt;img src=x>\\`\\*" in markdown


@pytest.mark.parametrize(
    ("words", "name", "since", "until"),
    [
        ((), "2026-11", "2026-11-01", "2026-12-01"),
        (("--month", "2026-10"), "2026-10", "2026-10-01", "2026-11-01"),
        (("--week", "2026-W47"), "2026-W47", "2026-11-16", "2026-11-23"),
    ],
)
def test_a_report_is_one_file_with_the_figures_of_its_period(
    month: list[Event], tmp_path: Path, words: tuple[str, ...], name: str, since: str, until: str
) -> None:
    file = tmp_path / "r.html"
    document = json.loads(run("report", *words, "--out", str(file), "--json"))
    text = file.read_text("utf-8")

    mine = [one for one in month if ts(f"{since}T00:00") <= one.ts < ts(f"{until}T00:00")]
    assert (document["period"], document["file"]) == (name, str(file))
    for source in ("app", "claude_code"):
        assert f"<dd>${round(cost(mine, source=source), 2)}" in text
    assert not re.search(r"<script|<link|https?:|\ssrc=|url\(|\shref=", text)


def test_a_report_in_markdown_has_the_same_sums_and_names_are_text(
    month: list[Event], tmp_path: Path
) -> None:
    wicked = "|<img src=x>`*"
    with Ledger.open(settings=load()) as ledger:
        ledger.record(
            [event("w", "2026-11-27T08:00", module=wicked, task=wicked, model=wicked, cost_nano=10**9)]
        )
    file = tmp_path / "r.md"
    run("report", "--markdown", "--out", str(file))

    text = file.read_text("utf-8")
    assert "<img" not in text
    assert text.count("| \\|&lt;img src=x>\\`\\* |") >= 3
    mine = [one for one in month if one.ts >= ts("2026-11-01T00:00")]
    apps = Decimal(sum(one.cost_nano or 0 for one in mine if one.source == "app") + 10**9) / 10**9
    assert f"- Apps: ${apps:.2f}, count" in text
    assert text.count(f"**${apps:.2f}**") == 2  # of models and of projects
    rows = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("|")]
    assert set(rows) == {5, 7, 9}


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_report_follows_no_link_out_of_the_folder_it_is_written_into(
    month: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text("not theirs")
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    report = tmp_path / "clone" / "gaia-budget-2026-11.html"
    report.symlink_to(tmp_path / "mine")
    run("report", "--month", "2026-11")
    assert (tmp_path / "mine").read_text() == "not theirs"
    assert report.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("command", ["report --month 2026-11", "export csv", "export json"])
def test_a_link_that_is_named_to_be_written_is_refused_with_its_target(
    month: list[Event], tmp_path: Path, command: str
) -> None:
    (tmp_path / "mine").write_text("not theirs")
    link = tmp_path / "out"
    link.symlink_to(tmp_path / "mine")
    with pytest.raises(InputError, match=f"link to {tmp_path / 'mine'}; nothing was written"):
        run(*command.split(), "--out", str(link))
    assert (tmp_path / "mine").read_text() == "not theirs"
    run(*command.split(), "--out", "/dev/fd/1" if os.name == "posix" else "NUL")


@requires("chromium")
def test_a_report_is_read_without_a_server_and_asks_for_nothing(month: list[Event], tmp_path: Path) -> None:
    file = tmp_path / "r.html"
    run("report", "--project", "jseeker", "--out", str(file))
    wrong: list[str] = []
    with dashboard.chromium() as browser:
        page = browser.new_page(viewport={"width": 400, "height": 800})
        page.on("console", lambda message: wrong.append(message.text))
        page.on("request", lambda asked: None if asked.url == file.as_uri() else wrong.append(asked.url))
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert "jseeker" in str(page.title())
    assert wrong == []


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize(
    "words",
    [
        ("--month", "2026-13"),
        ("--week", "2026-W60"),
        ("--week", "now"),
        ("--month", "2026-11", "--week", "2026-W48"),
    ],
)
def test_a_wrong_period_is_told_with_a_right_one(words: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"write it as 2026-|not both"):
        run("report", *words)


def test_sessions_at_work_are_shown_with_what_they_spend_a_minute(
    month: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = ts("2026-11-27T19:50")
    monkeypatch.setattr(Ledger, "now", lambda _: now)
    with Ledger.open(settings=load()) as ledger:
        [one] = running(ledger)
        lines = {
            width: screen((overview(ledger, load()), [one]), View(), ledger, Paper(width, True, True))
            for width in (40, 80, 120)
        }
    assert one.receipt.line.spend.session_id == NEWEST
    lately = [e for e in month if e.session_id == NEWEST and e.ts > now - 5 * 60_000_000]
    assert abs(one.nano_a_minute - sum(e.cost_nano or 0 for e in lately) // 5) <= len(one.agents)
    for width, drawn in lines.items():
        assert max(line.cell_len for line in drawn) <= width
    text = "\n".join(line.plain for line in lines[120])
    assert "1 session at work" in text
    assert "└ Explore" in text


def test_keys_move_the_choice_and_the_order() -> None:
    names = ["a", "b", "c"]
    assert turned(View(0), "down", names).chosen == 1
    assert turned(View(2), "down", names).chosen == 2
    assert turned(View(0), "up", names).chosen == 0
    assert [turned(View(1, "newest"), "s", names), turned(View(0, "fastest"), "s", names)] == [
        View(0, "dearest"),
        View(),
    ]


def test_keys_lead_to_projects_apps_and_into_a_row_and_back(month: list[Event]) -> None:
    def drawn(view: View, width: int = 120) -> str:
        lines = screen(figures, view, ledger, Paper(width, True, True))
        assert max(line.cell_len for line in lines) <= width
        return "\n".join(line.plain for line in lines)

    with Ledger.open(settings=load()) as ledger:
        figures = (overview(ledger, load()), running(ledger))
        view = View()
        for key in ("p", "s", "down"):
            view = turned(view, key, rows(figures, view, ledger))
        assert (view.at, view.order, view.chosen) == ("projects", "nearest cap", 1)
        nearest = sorted(figures[0].projects, key=lambda one: -(one.month.percent if one.month else -1))
        second = turned(view, "enter", rows(figures, view, ledger))
        assert second.opened == nearest[1].name
        whole = sum(e.cost_nano or 0 for e in month if e.ts >= spent_month.MONTH)
        assert drawn(view).splitlines()[-3].split() == [
            "Total",
            shown.money(sum(one.line.apps_nano for one in nearest)),
            shown.money(sum(one.line.claude_code_nano for one in nearest)),
        ]
        assert sum(one.line.figures.cost_nano for one in nearest) == whole
        mine = [e for e in month if e.ts >= spent_month.MONTH and e.module == second.opened]
        assert shown.money(sum(e.cost_nano or 0 for e in mine)) in drawn(second)
        assert turned(turned(second, "back", []), "p", []) == View()

        apps = turned(View(), "a", [])
        names = rows(figures, apps, ledger)
        today = [e for e in month if e.ts >= ts("2026-11-27T00:00") and e.source == "app"]
        assert set(names) == {e.module for e in today}
        assert shown.money(sum(e.cost_nano or 0 for e in today)) in drawn(apps)
        tasks = {e.task for e in today if e.module == names[0]}
        assert all(task in drawn(turned(apps, "enter", names)) for task in tasks)
        for width in (40, 80):
            for one in (view, second, apps, turned(apps, "enter", names), turned(apps, "?", names)):
                drawn(one, width)


@pytest.mark.usefixtures("stopped")
def test_a_project_is_held_against_its_cap_by_what_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAIA_BUDGET_COUNTS_CLAUDE_CODE", "true")
    with Ledger.open(settings=load()) as ledger:
        for source, dollars in (("app", 1), ("claude_code", 2)):
            ledger.record([event(source, "2026-11-27T09:00", source=source, cost_nano=dollars * 10**9)])
        paid = event("paid", "2026-11-27T09:00", module="till", billing="plan", cost_nano=4 * 10**9)
        ledger.record([paid])
        figures = (overview(ledger, load()), running(ledger))
        lines = screen(figures, turned(View(), "p", []), ledger, Paper(100, True, True))
    head, row, free = (
        next(line.plain for line in lines if line.plain.startswith(name))
        for name in ("Project ", "jseeker", "till")
    )
    assert "$4.00" not in free  # a plan pays for it
    assert head.split()[1:4] == ["Counts", "of", "cap"]
    assert row.split()[1:6] == ["$3.00", "of", "$10.00", "30", "%"]


@pytest.mark.usefixtures("stopped")
def test_of_very_many_apps_the_dearest_can_be_chosen_and_the_total_is_of_all() -> None:
    at = "2026-11-27T09:00"
    called = [
        event(str(n), at, source="app", module=f"m{n:02}", cost_nano=(60 - n) * 10**9) for n in range(50)
    ]
    with Ledger.open(settings=load()) as ledger:
        ledger.record(called)
        figures = (overview(ledger, load()), running(ledger))
        view = turned(View(), "a", [])
        names = rows(figures, view, ledger)
        for _ in called:
            view = turned(view, "down", names)
        lines = [line.plain for line in screen(figures, view, ledger, Paper(100, True, True))]
        opened = turned(view, "enter", names).opened
    assert [line.split()[0] for line in lines if line.startswith("m")][-1] == opened == names[-1]
    total = next(line for line in lines if line.startswith("Total"))
    assert total.split()[1:2] + total.split()[-1:] == [
        "50",
        shown.money(sum(one.cost_nano or 0 for one in called)),
    ]


def test_keys_stay_in_sight_where_the_window_is_low() -> None:
    lines = [Text(str(number)) for number in range(30)]
    assert [line.plain for line in fitted(lines, 4)] == ["0", "1", "2", "29"]
    assert fitted(lines, 40) == lines


def test_top_says_that_it_needs_a_terminal() -> None:
    with pytest.raises(InputError, match="top needs a terminal"):
        run("top")


@requires("tmux")
def test_top_lives_in_a_terminal_until_q(home: Path, tmp_path: Path, price_list: None) -> None:
    with Ledger.open(settings=load()) as ledger:
        facts = {
            "source": "claude_code",
            "session_id": "11112222-x",
            "module": "shop",
            "cost_nano": 30_000_000,
        }
        ledger.record([_now(ledger, "a", facts)])
        env = {**os.environ, "GAIA_BUDGET_TIMEZONE": "UTC", "LC_ALL": "C.UTF-8"}
        terminal = Terminal(
            env, tmp_path, f"{sys.executable} -m gaia_budget top; echo over; sleep 60", 80, 24
        )
        try:
            before = terminal.wait_for(r"11112222 shop")
            ledger.record([_now(ledger, "b", facts)])
            after = terminal.wait_for(r"\$0\.06")
            terminal.press("q")
            assert "1 session at work" in before
            assert ("$0.06" in before, "$0.06" in after) == (False, True)
            assert "session at work" not in terminal.wait_for("over")
        finally:
            terminal.close()


def _now(ledger: Ledger, event_id: str, facts: dict[str, Any]) -> Event:
    return msgspec.structs.replace(event(event_id, **facts), ts=ledger.now())
