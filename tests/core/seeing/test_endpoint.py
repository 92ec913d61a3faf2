"""The endpoint: the figures of the events and of the command line, for this machine's own eyes alone."""

from __future__ import annotations

import csv
import http.client
import io
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.dashboard import fresh, guard, serving, views
from gaia_budget.dashboard.answers import QUESTIONS
from gaia_budget.errors import InputError
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support import dashboard, rows, spent_month
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gaia_budget.model import Event
    from support.dashboard import Dashboard

NANO = Decimal(10**9)


@pytest.fixture
def served(month: list[Event]) -> Iterator[Dashboard]:
    with dashboard.running() as running:
        yield running


def test_a_page_is_of_one_state_of_the_ledger_though_a_new_model_answers_while_it_is_made(
    served: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = views.now.now

    def answered(*given: Any, **more: Any) -> Any:
        new = event("meanwhile", "2026-11-24T12:00", model="new-1", cost_nano=9, source="app")
        with ThreadPoolExecutor() as others:
            others.submit(served.ledger.record, [new]).result()
        return meanwhile(*given, **more)

    monkeypatch.setattr(views.now, "now", answered)
    first, second = served.get("/"), served.get("/")
    assert (first.status, second.status) == (200, 200)
    assert "new-1" not in first.text
    assert "new-1" in second.text


def dollars(events: list[Event], **facts: str) -> Decimal:
    """What the events with these facts cost, added up here."""
    mine = [one for one in events if all(getattr(one, name) == value for name, value in facts.items())]
    return sum((Decimal(one.cost_nano or 0) for one in mine), Decimal(0)) / NANO


def command(*words: str) -> Any:
    return json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)


def test_endpoint_and_command_line_give_the_same_figures_and_they_are_those_of_the_events(
    served: Dashboard, month: list[Event]
) -> None:
    for name in ("daily", "weekly", "monthly", "projects"):
        shown = command(name, "--since", "2026-10-01")
        assert served.asked(f"{name}?since=2026-10-01") == shown
    assert served.asked("overview") == command()
    ends = ("spent_usd", "projected_usd", "low_usd", "high_usd")
    total, told = served.asked("forecast")["total"], served.asked("overview")["total"]
    assert [total[key] for key in ends] == [told[key] for key in ends]
    assert served.asked("sessions") == command("sessions")
    assert served.asked("spend?by=task,model") == command("spend", "--by", "task,model")
    by_project = served.asked("spend?by=project,day")
    assert by_project == command("spend", "--by", "project,day")
    assert {row["project"] for row in by_project["rows"]} == {one.module for one in month}
    assert served.asked("blocks") == command("blocks")
    assert Decimal(served.asked("spend")["total"]["cost_usd"]) == dollars(month)


@pytest.mark.parametrize(
    "facts",
    [
        {"model": "gpt-4o"},
        {"task": "jd_parse"},
        {"provider": "google"},
        {"source": "claude_code", "module": "jseeker"},
        {"module": "via", "model": "gemini-2.5-pro"},
        {"session_id": spent_month.SESSIONS[1][0]},
    ],
)
def test_a_filter_narrows_every_figure(served: Dashboard, month: list[Event], facts: dict[str, str]) -> None:
    query = "&".join(f"{name.removesuffix('_id')}={value}" for name, value in facts.items())

    for name in ("spend", "daily", "projects", "models"):
        assert Decimal(served.asked(f"{name}?{query}")["total"]["cost_usd"]) == dollars(month, **facts)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Pacific/Kiritimati"])
def test_days_of_another_time_zone_are_its_own(served: Dashboard, month: list[Event], zone: str) -> None:
    def day(one: Event) -> str:
        return str(datetime.fromtimestamp(one.ts / 1e6, ZoneInfo(zone)).date())

    mine = [one for one in month if "2026-11-10" <= day(one) <= "2026-11-20"]
    asked = f"since=2026-11-10&until=2026-11-20&zone={zone}"
    daily = served.asked(f"daily?{asked}")
    assert [row["key"] for row in daily["rows"]] == sorted({day(one) for one in mine}, reverse=True)
    for row in daily["rows"]:
        assert Decimal(row["cost_usd"]) == dollars([one for one in mine if day(one) == row["key"]])
    for question in ("projects", "spend?by=hour,model", "tasks"):
        told = served.asked(f"{question}{'&' if '?' in question else '?'}{asked}")
        assert Decimal(told["total"]["cost_usd"]) == dollars(mine), question
    assert served.asked(f"daily?{asked}") == daily
    assert served.asked("daily?since=2026-11-10&until=2026-11-20") != daily


def test_tasks_by_model_add_up_both_ways(served: Dashboard, month: list[Event]) -> None:
    document = served.asked("tasks")

    assert Decimal(document["total"]["cost_usd"]) == dollars(month)
    for row in document["rows"]:
        assert sum(map(Decimal, row["by_model"].values())) == Decimal(row["cost_usd"])
        for model, cost in row["by_model"].items():
            assert Decimal(cost) == dollars(month, module=row["module"], task=row["task"], model=model)
    for model, cost in document["total"]["by_model"].items():
        assert Decimal(cost) == dollars(month, model=model)


def test_a_session_is_told_by_model_by_agent_and_by_response(served: Dashboard, month: list[Event]) -> None:
    name = spent_month.SESSIONS[0][0]
    document = served.asked("session?session=5bc6")

    mine = [one for one in month if one.session_id == name]
    assert document["session"] == name
    assert Decimal(document["cost_usd"]) == dollars(mine)
    for parts in ("by_model", "by_agent", "rows"):
        assert sum(Decimal(one["cost_usd"]) for one in document[parts]) == dollars(mine)
    assert [row["input_tokens"] for row in document["rows"]] == [one.input_tokens for one in reversed(mine)]


@pytest.mark.usefixtures("month")
def test_every_question_of_the_openapi_document_is_answered(served: Dashboard) -> None:
    document = served.get("/openapi.json").document

    assert document["openapi"].startswith("3.")
    assert {f"/api/v1/{one.name}" for one in QUESTIONS} < set(document["paths"])
    for one in QUESTIONS:
        wanted = "?session=5bc6" if one.name == "session" else ""
        assert isinstance(served.asked(one.name + wanted), dict)
        if "format" in one.takes:
            separator = "&" if wanted else "?"
            answer = served.get(f"/api/v1/{one.name}{wanted}{separator}format=csv")
            found = list(csv.DictReader(io.StringIO(answer.text)))
            assert answer.headers["content-type"].startswith("text/csv")
            told = served.asked(one.name + wanted)
            assert len(found) == len(told[one.rows]), one.name


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("daily?since=soon", 400, "is no point in time"),
        ("daily?since=2026-11-20&until=2026-11-10", 400, "ends before it begins"),
        ("daily?zone=Europe/Nowhere", 400, "is no time zone"),
        ("daily?zone=../../etc/passwd", 400, "is no time zone"),
        ("daily?colour=red", 400, "does not take 'colour'. Valid: since, until"),
        ("daily?top=none", 400, "is no number of rows"),
        ("daily?format=xml", 400, "Valid: json, csv"),
        ("spend?by=colour", 400, "nothing is told by 'colour'"),
        ("projects?project=jseker", 404, "jseeker"),
        ("models?model=gpt-5", 404, "unknown model"),
        ("session?session=ffff", 404, "5bc67726"),
        ("session", 400, "say which one"),
        ("events?seen=now", 400, "seen='now' is no version"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_right(
    served: Dashboard, path: str, status: int, says: str
) -> None:
    answer = served.get(f"/api/v1/{path}")

    assert (answer.status, says in answer.document["error"]) == (status, True), answer.text


def test_metrics_are_what_prometheus_reads_and_add_up(served: Dashboard, month: list[Event]) -> None:
    families = {one.name: one for one in text_string_to_metric_families(served.get("/metrics").text)}

    cost = sum(sample.value for sample in families["gaia_budget_cost_usd"].samples)
    assert cost == pytest.approx(float(dollars(month)), abs=1e-6)
    tokens = [one for one in families["gaia_budget_tokens"].samples if one.labels["kind"] == "output"]
    assert sum(one.value for one in tokens) == sum(one.output_tokens for one in month)
    limits = {one.labels["module"]: one.value for one in families["gaia_budget_month_limit_usd"].samples}
    assert {name: limits[name] for name in spent_month.CAPS} == spent_month.CAPS


def test_what_is_new_waits_for_no_clock_but_a_fifth_of_a_second(
    month: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody polls: with every pause but the settling of writes made endless, everybody hears of it all the same.

    So what lies between a write and a listener is that pause and work; `bench/dashboard.py` measures the work.
    """
    monkeypatch.setattr(fresh, "ANYHOW_SECONDS", 86_400.0)
    monkeypatch.setattr(fresh, "SHARED_SECONDS", 86_400.0)
    assert fresh.SETTLE_SECONDS <= 0.2
    with dashboard.running() as served, ExitStack() as listening:
        streams = [
            listening.enter_context(urllib.request.urlopen(f"{served.url}/api/v1/events", timeout=60))
            for _ in range(20)
        ]
        seen = [_version(stream) for stream in streams]
        for number in range(3):
            with Ledger.open(settings=load()) as elsewhere:
                elsewhere.record([event(f"new-{number}", "2026-11-27T20:04", module="via", cost_nano=7)])
            now = [_version(stream) for stream in streams]
            assert all(new > old for new, old in zip(now, seen, strict=True))
            seen = now


def test_whoever_listens_hears_of_a_new_response(served: Dashboard) -> None:
    with urllib.request.urlopen(f"{served.url}/api/v1/events", timeout=60) as stream:
        first = _version(stream)
        with Ledger.open(settings=load()) as elsewhere:
            elsewhere.record([event("new", "2026-11-27T20:04", module="via", cost_nano=7)])
        assert _version(stream) > first


def test_a_response_in_a_transcript_and_a_line_in_a_log_are_heard_of(served: Dashboard, home: Path) -> None:
    transcript = home / ".claude" / "projects" / "-home-dev-shop" / f"{rows.SESSION}.jsonl"
    before = Decimal(served.asked("spend")["total"]["cost_usd"])

    with urllib.request.urlopen(f"{served.url}/api/v1/events", timeout=60) as stream:
        _version(stream)
        rows.write(
            transcript,
            rows.assistant("msg_1", model="claude-sonnet-4-5", input_tokens=10, output_tokens=1000),
        )
        while "msg_1" not in {
            row["key"] for row in served.asked("spend?by=response&source=claude_code")["rows"]
        }:
            _version(stream)

    assert Decimal(served.asked("spend")["total"]["cost_usd"]) > before


def _version(stream: Any) -> int:
    for line in stream:
        if line.startswith(b"data: {"):
            return int(json.loads(line[6:])["version"])
    raise AssertionError("the stream ended")


def test_only_our_own_host_and_origin_are_answered(served: Dashboard) -> None:
    alert = served.asked("overview")["attention"][0]["id"]
    acknowledge = f"/api/v1/alerts/{alert}/acknowledge"
    own = {"Origin": served.url}

    assert served.get("/", {"Host": "rebound.example"}).status == 403
    assert served.get("/api/v1/spend", {"Host": "rebound.example:8765"}).status == 403
    assert served.get("/api/v1/spend", {"Origin": "https://elsewhere.example"}).status == 403
    over_tls = {"Origin": served.url.replace("http:", "https:")}
    assert served.get("/api/v1/spend", over_tls).status == 403
    assert served.get("/api/v1/spend", {**over_tls, "X-Forwarded-Proto": "https"}).status == 200
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert served.get("/api/v1/spend", elsewhere).status == 403, "a picture of another site's page"
    assert served.get("/", elsewhere | {"Sec-Fetch-Mode": "navigate"}).status == 200, (
        "a link that was followed"
    )
    assert served.get("/api/v1/spend", {"Sec-Fetch-Site": "none"}).status == 200
    assert served.get(acknowledge, {"Origin": "null"}, "POST").status == 403
    assert served.get(acknowledge, {}, "POST").status == 403
    assert _with_two_origins(served, acknowledge) == 403
    assert served.get(acknowledge, {**own, "Sec-Fetch-Site": "cross-site"}, "POST").status == 403
    assert served.get(acknowledge, own).status == 405
    assert served.asked("alerts")["alerts"][0]["state"] == "firing"
    taken = served.get(acknowledge, own, "POST").document
    assert taken.get("state") == "acknowledged", taken
    assert served.get("/api/v1/alerts/none/acknowledge", own, "POST").status == 404


def _with_two_origins(served: Dashboard, path: str) -> int:
    with closing(http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=30)) as connection:
        connection.putrequest("POST", path)
        connection.putheader("Origin", "https://elsewhere.example")
        connection.putheader("Origin", served.url)
        connection.endheaders()
        return connection.getresponse().status


@pytest.mark.parametrize("by", [",".join(["module"] * 2000), "module,module", "project,module"], ids=len)
def test_an_axis_is_asked_for_once(served: Dashboard, by: str) -> None:
    answer = served.get(f"/api/v1/spend?by={by}")
    assert (answer.status, answer.document["slug"]) == (400, "not-valid")
    assert "name it once" in answer.document["error"]


@pytest.mark.usefixtures("month")
def test_from_elsewhere_the_token_is_asked_for() -> None:
    with dashboard.running(token="t0ken") as served:
        for path in ("/", "/api/v1/spend", "/metrics", "/static/style.css"):
            assert served.get(path).status == 401
            assert served.get(path, {"Authorization": "Bearer other"}).status == 401
            assert served.get(path, {"Authorization": "Bearer t0ken"}).status == 200
    assert [guard.is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.1")] == [
        True, True, True, False, False
    ]  # fmt: skip


def test_every_answer_keeps_the_browser_from_anything_outside(served: Dashboard) -> None:
    for path in ("/", "/sessions/5bc6", "/static/page.js", "/api/v1/spend", "/api/v1/spend?x=1", "/absent"):
        headers = served.get(path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
        )
        assert headers["x-content-type-options"] == "nosniff"
    assert served.get("/", {"Host": "x"}).headers["content-security-policy"]


@pytest.mark.usefixtures("stopped")
def test_names_from_files_are_text_wherever_they_are_shown() -> None:
    wicked = "<script>alert(1)</script>\"'><img src=x>\u202e"
    facts = {"module": wicked, "model": wicked, "task": wicked, "cost_nano": 9_000_000_000}
    with Ledger.open(settings=load()) as ledger:
        ledger.record([event("a", "2026-11-27T08:00", **facts)])
        ledger.record(
            [event("b", "2026-11-27T09:00", source="claude_code", session_id="s<b>1", agent_id="x",
                   agent_type=wicked, **facts)]
        )  # fmt: skip

    with dashboard.running() as served:
        for path in ("/", "/sessions/s%3Cb%3E1", "/?project=%3Cb%3E", "/?by=%3Cb%3E"):
            text = served.get(path).text
            assert "<script>alert" not in text
            assert "<img src" not in text
            assert "<b>" not in text
            assert "\u202e" not in text.partition("<main")[2]


def test_the_server_never_takes_the_ports_of_the_ecosystem() -> None:
    with pytest.raises(InputError, match="8501-8504"):
        serving.listen("127.0.0.1", 8503)
    first = serving.listen("127.0.0.1", None)
    second = serving.listen("127.0.0.1", None)
    ports = {first.getsockname()[1], second.getsockname()[1]}
    with pytest.raises(InputError, match="cannot listen on port"):
        serving.listen("127.0.0.1", first.getsockname()[1])
    first.close()
    second.close()
    assert len(ports) == 2
    assert not ports & set(range(8501, 8505))
