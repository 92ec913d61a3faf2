"""Batches are held when they are handed in, and each answer is booked once, whoever reads the results."""

from __future__ import annotations

import gc
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from gaia_budget.prices.table import load
from gaia_hooks.facts.prices import pricing
from gaia_hooks.machine import clock
from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

PARAMS = {"model": "claude-haiku-4-5", "max_tokens": 1000, "messages": [{"role": "user", "content": "hi"}]}
REQUESTS: list[Any] = [{"custom_id": f"c{number}", "params": PARAMS} for number in range(3)]
HALF = (1000 * 1000 + 50 * 5000) // 2


def _batch(server: WireServer, status: str) -> dict[str, Any]:
    counts = {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0}
    stamp = "2026-11-24T00:00:00Z"
    return {
        "id": "msgbatch_01", "type": "message_batch", "processing_status": status, "request_counts": counts,
        "created_at": stamp, "expires_at": stamp, "ended_at": stamp, "cancel_initiated_at": None, "archived_at": None,
        "results_url": f"{server.url}/v1/messages/batches/msgbatch_01/results"}  # fmt: skip


def _results() -> str:
    usage = {"input_tokens": 1000, "output_tokens": 50, "service_tier": "batch"}
    lines = []
    for number in range(2):
        message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": PARAMS["model"],
                   "content": [], "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}  # fmt: skip
        lines.append({"custom_id": f"c{number}", "result": {"type": "succeeded", "message": message}})
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
    lines.append({"custom_id": "c2", "result": {"type": "errored", "error": error}})
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_each_answer_is_booked_once_at_the_batch_price(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    server.script(Say(document=_batch(server, "in_progress")))
    with guard.task("nightly"):
        made = client.messages.batches.create(requests=REQUESTS)
    assert apps.month().reserved_nano > 3 * HALF
    assert apps.booked() == []
    guard.close()
    reader = BudgetGuard("jseeker").wrap(apps.claude(server))  # another process, another day
    for _ in range(2):
        server.script(Say(document=_batch(server, "ended")), Say(raw=_results()))
        assert len(list(reader.messages.batches.results(made.id))) == 3
    events = apps.booked()
    assert [(event.task, event.cost_nano, event.input_tokens) for event in events] == [
        ("nightly", HALF, 1000)
    ] * 2
    month = apps.month()
    assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (2 * HALF, 0, 0)
    assert sorted(line["event_id"] for line in apps.logged(root)) == ["msg_0", "msg_1"]


def test_a_batch_that_does_not_fit_is_not_handed_in(root: Path, server: WireServer) -> None:
    apps.set_caps(root, {"jseeker": 0.001})
    with pytest.raises(BudgetExceededError):
        BudgetGuard("jseeker").wrap(apps.claude(server)).messages.batches.create(requests=REQUESTS)
    assert server.requests == []


def test_a_batch_that_the_provider_refuses_holds_nothing(guard: BudgetGuard, server: WireServer) -> None:
    import anthropic

    server.script(Say(status=400))
    with pytest.raises(anthropic.BadRequestError):
        guard.wrap(apps.claude(server)).messages.batches.create(requests=REQUESTS)
    assert apps.month().reserved_nano == 0


def test_openais_batches_are_counted_once_when_the_finished_batch_is_read(
    guard: BudgetGuard, server: WireServer
) -> None:
    batch = {"id": "batch_1", "object": "batch", "endpoint": "/v1/responses", "status": "in_progress",
             "input_file_id": "f", "completion_window": "24h", "created_at": 1, "model": "gpt-4o-mini",
             "usage": {"input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050,
                       "input_tokens_details": {"cached_tokens": 0},
                       "output_tokens_details": {"reasoning_tokens": 0}}}  # fmt: skip
    client = guard.wrap(apps.gpt(server))
    server.script(
        Say(document=batch), Say(document=batch), *[Say(document={**batch, "status": "completed"})] * 2
    )
    client.batches.create(input_file_id="f", endpoint="/v1/responses", completion_window="24h")
    for _ in range(3):
        assert client.batches.retrieve("batch_1").id == "batch_1"
    (event,) = apps.booked()
    assert (event.event_id, event.task, event.input_tokens, event.output_tokens) == (
        "batch_1",
        "batch",
        1000,
        50,
    )
    assert event.cost_nano == (1000 * 150 + 50 * 600) // 2
    assert "no limit holds for them" in guard.notices[0]


def test_geminis_batches_are_counted_answer_by_answer(guard: BudgetGuard, server: WireServer) -> None:
    figures = {"promptTokenCount": 1000, "candidatesTokenCount": 50}
    answers = [
        {"response": {"modelVersion": "gemini-2.5-flash", "usageMetadata": figures, "candidates": []}}
    ] * 2
    done = {"name": "batches/b1", "metadata": {
        "state": "BATCH_STATE_SUCCEEDED", "output": {"inlinedResponses": {"inlinedResponses": answers}}}}  # fmt: skip
    client = guard.wrap(apps.gemini(server))
    server.script(Say(document=done), Say(document=done))
    for _ in range(2):
        assert client.batches.get(name="batches/b1").name == "batches/b1"
    events = apps.booked()
    assert [event.event_id for event in events] == ["b1-0", "b1-1"]
    assert [event.cost_nano for event in events] == [(1000 * 300 + 50 * 2500) // 2] * 2


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini-3.5-flash"])
def test_a_batch_halves_neither_searches_nor_what_gemini_cached(
    model: str, guard: BudgetGuard, server: WireServer
) -> None:
    """The list sells batches of some models; of the others the maker's rule says the same."""
    figures = {"promptTokenCount": 1000, "cachedContentTokenCount": 800, "candidatesTokenCount": 50}
    answers = [{"response": {"modelVersion": model, "usageMetadata": figures, "candidates": [
        {"groundingMetadata": {"webSearchQueries": ["rain"]}}]}}]  # fmt: skip
    done = {"name": "batches/b1", "metadata": {
        "state": "BATCH_STATE_SUCCEEDED", "output": {"inlinedResponses": {"inlinedResponses": answers}}}}  # fmt: skip
    server.script(Say(document=done))
    assert guard.wrap(apps.gemini(server)).batches.get(name="batches/b1").name == "batches/b1"

    prices, now = load(), clock.now() / clock.MICRO
    row = pricing.row_at(prices.rows(prices.name(model, "gemini")), now)  # type: ignore[arg-type]
    assert row is not None
    rates, femto = row[1][0], pricing.FEMTO_PER_NANO
    (event,) = apps.booked()
    assert event.cost_nano == ((200 * rates[1] + 50 * rates[2]) // 2 + 800 * rates[3] + row[2]) // femto


def test_results_that_nobody_can_read_reach_the_caller_all_the_same(
    guard: BudgetGuard, server: WireServer
) -> None:
    server.script(Say(document=_batch(server, "ended")), Say(raw="[not json\n"))
    results = guard.wrap(apps.claude(server)).messages.batches.results("msgbatch_01")
    with pytest.raises(ValueError):
        list(results)
    assert apps.booked() == []


def test_a_batch_that_is_submitted_here_and_read_there_in_part_is_counted_once_and_in_full(
    root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path
) -> None:
    """Reported elsewhere: github.com/BerriAI/litellm/pull/37050 and 39980 (once for each look, or never)."""
    from gaia_budget.budgets import Budgets
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    client = BudgetGuard("jseeker").wrap(apps.claude(server))
    server.script(Say(document=_batch(server, "in_progress")))
    with BudgetGuard("jseeker").task("ignored"):
        made = client.messages.batches.create(requests=REQUESTS)
    monkeypatch.setenv("GAIA_BUDGET_DB", f"sqlite:///{home / 'gaia-budget' / 'ledger.db'}")
    monkeypatch.setenv("GAIA_BUDGET_HOME", str(tmp_path / "another-machine"))
    reader = BudgetGuard("via").wrap(apps.claude(server))
    server.script(Say(document=_batch(server, "ended")), Say(raw=_results()))
    for _ in reader.messages.batches.results(made.id):
        break
    gc.collect()
    deadline = time.monotonic() + 20
    while len(apps.booked()) < 2 and time.monotonic() < deadline:
        gc.collect()
    with Ledger.open(settings=load()) as ledger:
        month = Budgets(ledger).month("jseeker")
    assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (2 * HALF, 0, 0)


def test_a_batch_in_which_nothing_succeeded_is_given_back_when_it_is_seen(
    guard: BudgetGuard, server: WireServer
) -> None:
    none = {"processing": 0, "succeeded": 0, "errored": 3, "canceled": 0, "expired": 0}
    client = guard.wrap(apps.claude(server))
    listed = {"data": [{**_batch(server, "ended"), "request_counts": none}], "has_more": False}
    server.script(Say(document=_batch(server, "in_progress")), Say(document=listed))
    client.messages.batches.create(requests=REQUESTS)
    assert apps.month().reserved_nano > 0
    assert len(client.messages.batches.list().data) == 1
    assert apps.month().spent_nano() == 0


def test_openais_batch_is_counted_once_by_its_total_or_by_its_lines(
    guard: BudgetGuard, server: WireServer
) -> None:
    figures = {"prompt_tokens": 1000, "completion_tokens": 50}
    body = {"id": "c", "model": "gpt-4o-mini", "choices": [], "usage": figures}
    line = (
        json.dumps({"id": "batch_req_1", "custom_id": "a", "response": {"status_code": 200, "body": body}})
        + "\n"
    )
    over = {"object": "batch", "status": "completed", "endpoint": "/v1/chat/completions", "model": "gpt-4o-mini",
            "input_file_id": "f", "completion_window": "24h", "created_at": 1}  # fmt: skip
    total = {"input_tokens": 2000, "output_tokens": 100}
    told = {**over, "id": "batch_1", "output_file_id": "file-1", "usage": total}
    untold = {**over, "id": "batch_2", "output_file_id": "file-2"}
    client = guard.wrap(apps.gpt(server))
    listed = {"object": "list", "data": [told, untold], "has_more": False}
    server.script(
        Say(document=listed), Say(raw=line * 2), Say(raw=line * 2), Say(document={**untold, "usage": total})
    )
    assert len(client.batches.list().data) == 2
    for file in ("file-1", "file-2"):
        assert client.files.content(file).text.count("batch_req_1") == 2
    client.batches.retrieve("batch_2")
    one = (1000 * 150 + 50 * 600) // 2
    assert {event.event_id: event.cost_nano for event in apps.booked()} == {
        "file-1": 2 * one, "file-2-0": one, "file-2-1": one}  # fmt: skip


def test_geminis_batch_without_a_model_or_of_embeddings_is_counted(
    guard: BudgetGuard, server: WireServer
) -> None:
    output = {"inlinedEmbedContentResponses": {"inlinedEmbedContentResponses": [
        {"response": {"embedding": {"values": [0.1]}, "tokenCount": "1000"}}]}}  # fmt: skip
    metadata = {"state": "BATCH_STATE_SUCCEEDED", "model": "models/gemini-embedding-001", "output": output}
    server.script(Say(document={"operations": [{"name": "batches/e1", "metadata": metadata}]}))
    assert list(guard.wrap(apps.gemini(server)).batches.list())
    (event,) = apps.booked()
    assert (event.event_id, event.input_tokens, event.model) == ("e1-0", 1000, "gemini-embedding-001")


def test_a_batch_that_is_cancelled_stays_held_until_somebody_looks_which_is_said(
    root: Path, server: WireServer
) -> None:
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    none = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 3, "expired": 0}
    server.script(
        *[Say(document=_batch(server, status)) for status in ("in_progress", "canceling")],
        Say(document={**_batch(server, "ended"), "request_counts": none}),
    )
    client.messages.batches.create(requests=REQUESTS)
    client.messages.batches.cancel("msgbatch_01")
    assert apps.month().reserved_nano > 3 * HALF
    (told,) = guard.notices
    assert "until somebody looks at it once it has ended" in told
    client.messages.batches.retrieve("msgbatch_01")
    month = apps.month()
    assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (0, 0, 0)
