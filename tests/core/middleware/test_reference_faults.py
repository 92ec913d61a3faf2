"""Each fault of the implementation that this one replaces, shown not to be here."""

from __future__ import annotations

import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import APICost, BudgetExceededError, BudgetGuard, get_session_costs, get_total_session_cost
from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": "hi"}],
}
COST = 1000 * 1000 + 50 * 5000


def test_a_successful_call_reaches_argus(guard: BudgetGuard, server: WireServer, root: Path) -> None:
    with guard.task("jd_parse"):
        guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    (line,) = apps.logged(root)
    assert (line["component"], line["task"], line["status"], line["cost_nano_usd"]) == (
        "jseeker",
        "jd_parse",
        "success",
        COST,
    )


def test_cache_creation_is_priced(guard: BudgetGuard, server: WireServer) -> None:
    server.script(Say(input=0, output=0, write=1_000_000))
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert apps.booked()[0].cost_nano == 1_250_000_000


def test_missing_cache_fields_do_not_raise_after_the_paid_call(
    guard: BudgetGuard, server: WireServer
) -> None:
    server.script(Say(nulls=True), Say(nulls=True), Say(nulls=True))
    assert guard.wrap(apps.claude(server)).messages.create(**MESSAGE).content
    assert guard.wrap(apps.gpt(server)).chat.completions.create(**{**MESSAGE, "model": "gpt-4o-mini"}).choices
    client = guard.wrap(apps.gemini(server))
    assert client.models.generate_content(model="gemini-2.5-flash", contents="hi").text
    assert [(event.input_tokens, event.cache_read_tokens) for event in apps.booked()] == [(1000, 0)] * 3


def test_an_unknown_model_is_unpriced_never_another_models_price(
    guard: BudgetGuard, server: WireServer
) -> None:
    guard.wrap(apps.claude(server)).messages.create(**{**MESSAGE, "model": "claude-nobody-knows-9"})
    (event,) = apps.booked()
    assert (event.model, event.cost_nano, event.price_source) == ("claude-nobody-knows-9", None, "unpriced")
    assert apps.month().assumed_nano > COST, "the budget holds it for the dearest model of its provider"


@pytest.mark.parametrize("change", [{"temperature": 1}, {"max_tokens": 999}])
def test_the_cache_key_holds_temperature_and_max_tokens(
    change: dict[str, Any], root: Path, server: WireServer
) -> None:
    chat = BudgetGuard("jseeker").wrap(apps.gpt(server)).chat.completions
    asked = {**MESSAGE, "model": "gpt-4o-mini", "temperature": 0}
    chat.create(**asked)
    chat.create(**{**asked, **change})
    assert len(server.requests) == 2


def test_the_cache_key_does_not_collide_on_a_delimiter(root: Path, server: WireServer) -> None:
    client = BudgetGuard("jseeker", cache=True).wrap(apps.claude(server))
    for system, prompt in (("a|b", "c"), ("a", "b|c"), ('a","b', "c"), ("a", 'b","c')):
        client.messages.create(
            **{**MESSAGE, "system": system, "messages": [{"role": "user", "content": prompt}]}
        )
    assert len(server.requests) == 4


@pytest.mark.parametrize("answer", [Say(text=""), Say(stop="length")], ids=["empty", "truncated"])
def test_empty_and_truncated_replies_are_not_cached(answer: Say, root: Path, server: WireServer) -> None:
    client = BudgetGuard("jseeker", cache=True).wrap(apps.claude(server))
    server.script(answer)
    client.messages.create(**MESSAGE)
    assert client.messages.create(**MESSAGE).stop_reason == "end_turn"


def test_a_corrupt_cache_file_does_not_crash(root: Path, server: WireServer, home: Path) -> None:
    BudgetGuard("jseeker", cache=True).wrap(apps.claude(server)).messages.create(**MESSAGE)
    (kept,) = (home / "gaia-budget" / "cache" / "answers").glob("*/*")
    kept.write_bytes(b"{" + b"\xff" * 10)
    BudgetGuard("jseeker", cache=True).wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert len(server.requests) == 2
    BudgetGuard("jseeker", cache=True).wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert len(server.requests) == 2


def test_a_write_that_breaks_off_leaves_the_cached_answer_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaia_budget.middleware.caching.response_cache import ResponseCache
    from gaia_budget.middleware.passage import Answer
    from gaia_hooks.machine import files

    key, answer = (
        "ab" + "0" * 62,
        Answer("application/json", b'{"kept": true}', "m", (1, 2, 0, 0, 0, 0, 0), 5),
    )
    ResponseCache(tmp_path).put(key, answer)
    write_all = files.write_all

    def broken(handle: int, data: bytes) -> None:
        write_all(handle, data[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_all", broken)
    ResponseCache(tmp_path).put(key, answer._replace(body=b"{}"))
    assert ResponseCache(tmp_path).get(key) == answer
    assert len(list(tmp_path.glob("*/*"))) == 1


def test_a_database_that_cannot_be_read_is_told_in_our_own_words_and_nothing_is_sent(
    root: Path, server: WireServer, home: Path
) -> None:
    from gaia_budget.errors import LedgerError

    (home / "gaia-budget" / "ledger.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        BudgetGuard("jseeker").wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert server.requests == []


def test_eight_threads_near_the_cap_do_not_pass_it(root: Path, server: WireServer) -> None:
    apps.set_caps(root, {"jseeker": 0.02})
    client = BudgetGuard("jseeker").wrap(apps.claude(server))

    def spend(_: int) -> int:
        made = 0
        try:
            while made < 50:
                client.messages.create(**MESSAGE)
                made += 1
        except BudgetExceededError:
            pass
        return made

    with ThreadPoolExecutor(8) as pool:
        made = sum(pool.map(spend, range(8)))
    assert made >= 3
    assert apps.month().app_nano == made * COST <= 20_000_000


def test_writes_that_fail_are_told_and_made_later(
    guard: BudgetGuard, server: WireServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaia_budget.errors import LedgerError

    client = guard.wrap(apps.claude(server))
    paid = guard._accounts.books()._paid
    with monkeypatch.context() as broken:

        def locked(*_: object) -> None:
            raise LedgerError("the ledger is locked", slug="ledger-unusable")

        broken.setattr(paid, "settle", locked)
        client.messages.create(**MESSAGE)
    assert "the ledger is locked" in caplog.text
    guard.close()
    assert len(apps.booked()) == 1


def test_http_500_is_tried_as_often_as_the_sdk_says_not_nine_times(
    guard: BudgetGuard, server: WireServer
) -> None:
    import anthropic

    server.script(*[Say(status=500, headers={"retry-after-ms": "1"})] * 9)
    with pytest.raises(anthropic.InternalServerError):
        guard.wrap(apps.claude(server, max_retries=2)).messages.create(**MESSAGE)
    assert len(server.requests) == 3


def test_opus_is_not_silently_answered_by_haiku(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))
    for model in ("claude-opus-5-5", "claude-haiku-4-5", "claude-sonnet-4-5"):
        client.messages.create(**{**MESSAGE, "model": model})
    assert [request.body["model"] for request in server.requests] == [event.model for event in apps.booked()]


def test_nothing_leaks_after_an_exception(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))
    with pytest.raises(ZeroDivisionError), guard.task("broken", caller="raven", cap_usd="1"):
        raise ZeroDivisionError
    client.messages.create(**MESSAGE)
    (event,) = apps.booked()
    assert (event.module, event.task) == ("jseeker", "messages")


def test_the_cost_of_a_job_is_its_own_however_many_run(guard: BudgetGuard, server: WireServer) -> None:
    client, together = guard.wrap(apps.claude(server)), threading.Barrier(6)

    def job(number: int) -> int:
        with guard.task(f"job_{number}") as task:
            together.wait(30)
            client.messages.create(**MESSAGE)
            together.wait(30)
            return task.cost_nano

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(job, range(6))) == [COST] * 6


def test_budget_exceeded_can_be_caught_by_name_and_says_all_a_handler_needs(
    root: Path, server: WireServer
) -> None:
    apps.set_caps(root, {"jseeker": 0.000001})
    client = BudgetGuard("jseeker").wrap(apps.claude(server))
    try:
        client.messages.create(**MESSAGE)
    except BudgetExceededError as refusal:
        caught = refusal
    except Exception:
        pytest.fail("the SDK hid it behind an exception of its own")
    assert (caught.limit_nano, caught.spent_nano, caught.__cause__) == (1000, 0, None)


def test_the_month_is_that_of_the_configured_zone_not_of_utc(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaia_budget.ledger.zone import Zone, bucket, micros, month_name

    monkeypatch.setenv("GAIA_BUDGET_TIMEZONE", "Pacific/Kiritimati")
    guard = BudgetGuard("jseeker")
    (scope, *_) = guard._accounts.place().scopes
    month = bucket(Zone.named("Pacific/Kiritimati"), "month", micros(datetime.now(UTC)))
    assert scope.key.endswith(month_name(month))


@pytest.mark.parametrize("figures", [{"input": -5, "output": -1}, {"input": True, "output": 0}])
def test_negative_and_foreign_figures_are_no_figures_and_not_free(
    figures: dict[str, Any], guard: BudgetGuard, server: WireServer
) -> None:
    server.script(Say(**figures))
    guard.wrap(apps.claude(server)).messages.with_raw_response.create(**MESSAGE)
    (event,) = apps.booked()
    assert event.price_source == "estimate"
    assert 0 < event.cost_nano < 100 * 5000


def test_no_cost_can_be_null_by_accident_or_negative() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        APICost(timestamp=datetime.now(UTC), model="m", task="t", cost_usd=-1)


def test_prompt_caching_is_not_asked_for_below_the_models_minimum(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.claude(server))
    server.script(Say(input=400), Say(input=400))
    for _ in range(2):
        client.messages.create(**{**MESSAGE, "system": "short"})
    assert "cache_control" not in str(server.requests[1].body)


def test_each_line_has_its_own_cost_not_the_sum_so_far(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    client = guard.wrap(apps.claude(server))
    for _ in range(4):
        client.messages.create(**MESSAGE)
    assert [line["cost_nano_usd"] for line in apps.logged(root)] == [COST] * 4


def test_session_costs_are_the_rows_and_copies_of_them(guard: BudgetGuard, server: WireServer) -> None:
    before, total = len(get_session_costs()), get_total_session_cost()
    client = guard.wrap(apps.claude(server))

    def call(_: int) -> None:
        with guard.task("match"):
            client.messages.create(**MESSAGE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(12)))
    rows = get_session_costs()[before:]
    assert [(row.task, row.input_tokens, row.output_tokens, row.cost_nano) for row in rows] == [
        ("match", 1000, 50, COST)
    ] * 12
    assert get_total_session_cost() == pytest.approx(total + 12 * COST / 1e9)
    rows[0].cost_usd = 99.0
    assert get_session_costs()[before].cost_usd == COST / 1e9
    assert {
        "id",
        "timestamp",
        "model",
        "task",
        "input_tokens",
        "output_tokens",
        "cache_tokens",
        "cost_usd",
    } <= set(APICost.model_fields)


def test_the_real_sdks_are_driven_over_the_wire_and_their_majors_are_pinned_down() -> None:
    from pathlib import Path

    from gaia_budget.middleware.transport.clients import SDKS

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    for sdk in SDKS:
        assert any(line.startswith(sdk.distribution) and ">=" in line for line in wanted)
