"""The overview and the tables: their figures are those of the events, and they fit the window they are drawn in."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.errors import GaiaBudgetError, InputError, NotFoundError
from gaia_budget.ledger import Ledger
from gaia_budget.reports import shown
from gaia_budget.settings import load
from support import dashboard, spent_month
from support.components import requires
from support.events import event, ts
from support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.model import Event

NANO = Decimal(10**9)


def run(*words: str) -> str:
    """Run a command; errors of ours come out as they are."""
    ended = CliRunner().invoke(app, words)
    if isinstance(ended.exception, GaiaBudgetError):
        raise ended.exception
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.stdout


def asked(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def local(one: Event) -> datetime:
    return datetime.fromtimestamp(one.ts / 1_000_000, UTC)


def truth(
    events: list[Event], key: Callable[[Event], str], since: int = 0
) -> dict[str, tuple[Decimal, Decimal]]:
    """Dollars of apps and of Claude Code by a key, added up here."""
    found: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for one in events:
        if one.ts >= since:
            found[key(one)][one.source == "claude_code"] += Decimal(one.cost_nano or 0) / NANO
    return {name: (apps, code) for name, (apps, code) in found.items()}


def told(document: dict[str, Any]) -> dict[str, tuple[Decimal, Decimal]]:
    return {
        row["key"]: (Decimal(row["apps_usd"]), Decimal(row["claude_code_usd"])) for row in document["rows"]
    }


@pytest.mark.parametrize(
    ("command", "key", "since"),
    [
        ("daily", lambda one: local(one).date().isoformat(), ts("2026-11-14T00:00")),
        ("weekly", lambda one: "{}-W{:02d}".format(*local(one).isocalendar()), ts("2026-09-28T00:00")),
        ("monthly", lambda one: f"{local(one):%Y-%m}", 0),
        ("projects", lambda one: one.module, ts("2026-11-01T00:00")),
    ],
)
def test_a_table_has_the_figures_of_the_events(
    month: list[Event], command: str, key: Callable[[Event], str], since: int
) -> None:
    document = asked(command)

    assert told(document) == truth(month, key, since)
    for name in ("input_tokens", "output_tokens", "total_tokens", "responses"):
        assert sum(row[name] for row in document["rows"]) == document["total"][name]
    for row in document["rows"]:
        cache = row["cache_read_tokens"] + row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"]
        assert row["total_tokens"] == row["input_tokens"] + row["output_tokens"] + cache
    keys = [row["key"] for row in document["rows"]]
    if command != "projects":
        assert keys == sorted(keys, reverse=True)


def test_the_csv_of_a_table_has_its_exact_rows(month: list[Event]) -> None:
    rows = list(csv.DictReader(io.StringIO(run("projects", "--csv"))))

    assert [(row["key"], row["cost_usd"]) for row in rows] == [
        (row["key"], row["cost_usd"]) for row in asked("projects")["rows"]
    ]


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize("command", ["daily", "weekly", "monthly", "projects", "sessions"])
def test_what_is_printed_adds_up_to_its_last_row(command: str) -> None:
    body, total = re.split(r"─+\n", run(command))[1:3]

    def dollars(text: str) -> int:
        return sum(round(float(found.replace(",", "")) * 100) for found in re.findall(r"\$([\d,.]+)", text))

    assert dollars(body) == dollars(total.splitlines()[0]) > 0


def test_the_overview_has_the_figures_of_the_events_and_of_the_caps(month: list[Event]) -> None:
    document = asked()

    for period, start in zip(document["periods"], ("2026-11-27", "2026-11-21", "2026-11-01"), strict=True):
        apps, code = truth(month, lambda _: "", ts(f"{start}T00:00"))[""]
        assert (Decimal(period["counted_usd"]), Decimal(period["claude_code_usd"])) == (apps, code)
        assert Decimal(period["spent_usd"]) == apps + code
    by_module = truth(month, lambda one: one.module, ts("2026-11-01T00:00"))
    assert {one["module"]: Decimal(one["apps_usd"]) for one in document["projects"]} == {
        name: apps for name, (apps, _) in by_module.items()
    }
    assert Decimal(document["total"]["limit_usd"]) == sum(spent_month.CAPS.values())
    assert Decimal(document["total"]["spent_usd"]) == sum(apps for apps, _ in by_module.values())
    assert document["plan"]["five_hour"]["percent"] == 34
    text = run()
    assert "Claude Code, not billed" in text
    assert "Next  " in text


def test_a_row_that_reached_its_threshold_is_marked(month: list[Event], home: Path) -> None:
    by_day = truth(month, lambda one: f"{local(one):%Y-%m-%d}")
    apps = {day: amounts[0] for day, amounts in by_day.items()}
    limit = sorted(apps.values())[len(apps) // 2]
    assert asked("daily")["threshold_usd"] is None
    (home / "gaia-budget" / "settings.toml").write_text(
        f'daily_threshold_usd = "{limit}"\n', encoding="utf-8"
    )

    document = asked("daily", "--since", "2026-10-01")

    assert Decimal(document["threshold_usd"]) == limit
    assert document["passed"] == sorted(day for day, amount in apps.items() if amount >= limit)
    assert "threshold_usd" not in asked("projects")
    text = run("daily", "--since", "2026-10-01")
    assert text.count("▲") == len(document["passed"]) + 1
    assert "reached its threshold" in text
    assert asked("weekly", "--project", "via")["threshold_usd"] is None
    assert Decimal(asked("monthly", "--project", "via")["threshold_usd"]) == spent_month.CAPS["via"]


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("command", [(), ("daily",), ("weekly",), ("projects",), ("sessions",), ("blocks",)])
def test_no_line_is_wider_than_the_window(
    width: int, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    lines = run(*command).splitlines()

    assert max(map(len, lines)) <= width
    if width == 40 and command:
        assert any(line.startswith("Left out at 40 columns: ") for line in lines)


@pytest.mark.usefixtures("month")
@pytest.mark.parametrize("width", [40, 76, 80, 120])
def test_windows_that_were_seen_long_ago_fit_and_say_when(
    home: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "gaia-budget" / "plan.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    kept["as_of"] -= 10 * spent_month.HOUR
    file.write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setenv("COLUMNS", str(width))

    lines = run().splitlines()

    assert max(map(len, lines)) <= width
    if width >= 80:
        assert sum("seen 09:55" in line for line in lines) == 2


@pytest.mark.usefixtures("month")
def test_a_screen_without_blocks_or_colours_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    plain = run()

    assert plain.isascii()
    assert "\x1b" not in plain
    assert "#" in plain


def test_sessions_are_listed_newest_first_and_found_by_their_first_letters(month: list[Event]) -> None:
    rows = asked("sessions")["rows"]

    assert [row["session"] for row in rows] == [name for name, *_ in spent_month.SESSIONS]
    for row in rows:
        mine = [one for one in month if one.session_id == row["session"]]
        assert Decimal(row["cost_usd"]) == sum(Decimal(one.cost_nano or 0) for one in mine) / NANO
        assert row["agents"] == len({one.agent_id for one in mine} - {""})
        assert asked("spend", "--session", row["key"])["total"]["cost_usd"] == row["cost_usd"]
        assert asked("status", "--session", row["key"])["session"]["id"] == row["session"]
    assert len(asked("sessions", "--project", "jseeker")["rows"]) == 2
    with pytest.raises(NotFoundError, match=r"unknown session 'zzz'.*5bc67726"):
        run("spend", "--session", "zzz")


def test_blocks_are_the_plans_own_window_and_five_hours_before_it(month: list[Event]) -> None:
    document = asked("blocks", "--since", "2026-11-01")
    newest, *others = document["rows"]

    assert (newest["start"], newest["told_by_status_line"]) == ("2026-11-27T17:05:00.000000+00:00", True)
    assert newest["percent"] == 34
    code = [one for one in month if one.source == "claude_code" and one.ts >= ts("2026-11-01T00:00")]
    assert sum(row["responses"] for row in document["rows"]) == len(code)
    assert (
        sum(Decimal(row["cost_usd"]) for row in others) + Decimal(newest["cost_usd"])
        == sum(Decimal(one.cost_nano or 0) for one in code) / NANO
    )
    for row in others:
        length = datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["start"])
        assert length <= timedelta(hours=5)


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("command", [(), ("daily",), ("monthly",), ("projects",), ("sessions",), ("blocks",)])
def test_without_data_a_screen_says_where_it_looked_and_what_to_do(command: tuple[str, ...]) -> None:
    text = run(*command)

    assert "Nothing has been counted yet." in text
    assert "projects    sessions of Claude Code" in text
    assert "gaia-budget init" in text


@pytest.mark.usefixtures("month")
def test_a_wrong_stretch_or_name_is_told_with_what_is_right() -> None:
    with pytest.raises(InputError, match="ends before it begins"):
        run("daily", "--since", "2026-11-20", "--until", "2026-11-10")
    with pytest.raises(NotFoundError, match=r"unknown project 'jseker'.*jseeker"):
        run("daily", "--project", "jseker")
    assert "What is known begins in 2026-10" in run("daily", "--since", "2020-01-01", "--until", "2020-02-01")


@pytest.mark.usefixtures("stopped")
def test_names_from_files_never_steer_a_terminal_or_a_spreadsheet() -> None:
    wicked = "=cmd|' /C calc'!A0\x1b]0;x\x07\u202e"
    with Ledger.open(settings=load()) as ledger:
        ledger.record([event("a", "2026-11-27T08:00", module=wicked, cost_nano=5)])

    for command in ((), ("projects",)):
        text = run(*command)
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "'=cmd|" in run("projects", "--csv")


@requires("tmux")
@pytest.mark.usefixtures("price_list")
def test_what_is_drawn_stays_on_a_terminal(tmp_path: Path) -> None:
    with Ledger.open(settings=load()) as ledger:
        now = event("a", module="shop", source="claude_code", session_id="s", cost_nano=2_500_000_000)
        ledger.record([msgspec.structs.replace(now, ts=ledger.now())])
    ours = f"{sys.executable} -m gaia_budget"
    script = f"{ours}; {ours} projects; {ours} sessions; echo ended; sleep 60"
    terminal = Terminal({**os.environ}, tmp_path, script, 80, 60)
    try:
        screen = terminal.wait_for("(?m)^ended")
    finally:
        terminal.close()
    for words in ("Claude Code, API prices", "Project", "1 of 1"):
        assert words in screen
    assert screen.count("$2.50") >= 6
    assert "reading transcripts" not in screen


@pytest.mark.usefixtures("month")
def test_the_newest_rows_of_a_time_axis_are_the_top_ones() -> None:
    assert [row["key"] for row in asked("spend", "--by", "day", "--top", "2")["rows"]] == [
        "2026-11-26",
        "2026-11-27",
    ]


def test_help_is_grouped_by_what_people_want_and_ends_its_sentences() -> None:
    text = run("-h")

    assert [line for line in text.splitlines() if line in (
        "See what was spent:", "Plan ahead:", "Set limits:", "Files:", "Set up:", "More:"
    )] == ["See what was spent:", "Plan ahead:", "Set limits:", "Files:", "Set up:"]  # fmt: skip
    assert "..." not in text.replace("[ARGS]...", "")


def test_where_claude_code_counts_today_and_the_week_hold_it_as_the_month_does(
    month: list[Event], home: Path
) -> None:
    (home / "gaia-budget" / "settings.toml").write_text(
        "[modules.jseeker]\ncounts_claude_code = true\n", "utf-8"
    )
    before = asked()
    assert "Apps, against the caps" in run()
    one = event("m", "2026-11-27T20:04", source="claude_code", billing="api", cost_nano=3_000_000_000)
    with Ledger.open(settings=load()) as ledger:
        ledger.record([one])
    after = asked()
    grown = [Decimal(now["counted_usd"]) - Decimal(was["counted_usd"])
             for was, now in zip(before["periods"], after["periods"], strict=True)]  # fmt: skip
    assert grown == [3, 3, 3]
    assert Decimal(after["total"]["spent_usd"]) - Decimal(before["total"]["spent_usd"]) == 3
    assert "Counts against the caps" in run()
    with dashboard.running() as served:
        page = served.get("/").text
    assert "<h2>Apps and Claude Code by the API</h2>" in page
    for one in after["periods"][:2]:
        assert shown.money(int(Decimal(one["counted_usd"]) * 10**9)) in page
