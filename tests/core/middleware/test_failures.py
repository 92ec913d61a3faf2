"""What goes wrong is billed for what it cost, or for what it may have cost, and is logged either way."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget import BudgetGuard
    from support.wire_server import WireServer

MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
CHAT: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
GENERATE: dict[str, Any] = {
    "model": "gemini-2.5-flash",
    "contents": "hi",
    "config": {"max_output_tokens": 100},
}
AT_ONCE = {"retry-after": "0", "retry-after-ms": "1"}


@pytest.mark.parametrize("status", [400, 401])
def test_an_error_of_the_caller_reaches_him_as_the_sdk_raises_it_and_costs_nothing(
    status: int, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    import anthropic

    server.script(Say(status=status))
    with pytest.raises(anthropic.APIStatusError) as raised:
        guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert raised.value.status_code == status
    (event,) = apps.settled(root, statuses=[f"error_{status}"])
    assert (event.kind, event.cost_nano) == ("failed", 0)


@pytest.mark.parametrize("status", [429, 500, 529])
def test_the_sdk_retries_and_each_attempt_is_logged_at_what_it_cost(
    status: int, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    server.script(Say(status=status, headers=AT_ONCE), Say(status=status, headers=AT_ONCE))
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    events = apps.settled(root, statuses=[f"error_{status}"] * 2 + ["success"])
    assert [event.cost_nano for event in events[:2]] == [0, 0]
    assert len(server.requests) == 3


def test_gemini_errors_cost_nothing(guard: BudgetGuard, server: WireServer, root: Path) -> None:
    from google.genai import errors

    server.script(Say(status=400))
    client = guard.wrap(apps.gemini(server))
    with pytest.raises(errors.ClientError):
        client.models.generate_content(**GENERATE)
    apps.settled(root, statuses=["error_400"])


def test_a_connection_that_breaks_before_the_answer_counts_in_full_since_nobody_knows(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    import anthropic

    server.script(Say(drop=True))
    with pytest.raises(anthropic.APIConnectionError):
        guard.wrap(apps.claude(server, max_retries=0)).messages.create(**MESSAGE)
    (event,) = apps.settled(root, statuses=["interrupted"])
    assert event.price_source == "reserve"
    assert event.cost_nano >= 100 * 5000


def test_a_request_that_never_left_costs_nothing(guard: BudgetGuard, root: Path) -> None:
    import anthropic

    client = anthropic.Anthropic(base_url="http://127.0.0.1:1", api_key="none", max_retries=0)
    with pytest.raises(anthropic.APIConnectionError):
        guard.wrap(client).messages.create(**MESSAGE)
    (event,) = apps.settled(root, statuses=["not_sent"])
    assert event.cost_nano == 0


def test_a_time_out_counts_in_full(guard: BudgetGuard, server: WireServer, root: Path) -> None:
    import anthropic

    gate = threading.Event()
    server.script(Say(wait=gate))
    with pytest.raises(anthropic.APITimeoutError):
        guard.wrap(apps.claude(server, max_retries=0, timeout=0.3)).messages.create(**MESSAGE)
    gate.set()
    (event,) = apps.settled(root, statuses=["timeout"])
    assert event.cost_nano > 0


def test_a_cancelled_call_counts_in_full(guard: BudgetGuard, server: WireServer, root: Path) -> None:
    gate = threading.Event()
    server.script(Say(wait=gate))

    async def cancelled() -> None:
        client = guard.wrap(apps.claude_async(server))
        running = asyncio.ensure_future(client.messages.create(**MESSAGE))
        await asyncio.to_thread(server.arrived.acquire)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        gate.set()
        await client.close()

    asyncio.run(cancelled())
    (event,) = apps.settled(root, statuses=["cancelled"])
    assert event.cost_nano > 0


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_without_any_usage_is_estimated_by_its_text_and_not_free(
    stream: bool, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    server.script(Say(usage=False))
    answer = guard.wrap(apps.gpt(server)).chat.completions.create(**CHAT, stream=stream)
    if stream:
        assert list(answer)
    (event,) = apps.settled(root, statuses=["success"])
    assert event.price_source == "estimate"
    assert 5 * 600 < event.cost_nano < 100 * 600, (
        "five words are more than their tokens, and less than the reserve"
    )
    assert "carry no usage" in guard.notices[0]


def test_a_broken_body_counts_in_full(guard: BudgetGuard, server: WireServer, root: Path) -> None:
    import anthropic

    server.script(Say(cut=True))
    with pytest.raises(anthropic.APIConnectionError):
        guard.wrap(apps.claude(server, max_retries=0)).messages.create(**MESSAGE)
    apps.settled(root, statuses=["interrupted"])


def test_a_ledger_that_is_gone_after_the_call_loses_nothing(
    guard: BudgetGuard, server: WireServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaia_budget.errors import LedgerError

    client = guard.wrap(apps.claude(server))
    settle = guard._accounts.books()._paid.settle

    def unreachable(*_: object) -> None:
        raise LedgerError("the database is gone", slug="ledger-unusable")

    monkeypatch.setattr(guard._accounts.books()._paid, "settle", unreachable)
    assert client.messages.create(**MESSAGE).content
    assert apps.booked() == []
    monkeypatch.setattr(guard._accounts.books()._paid, "settle", settle)
    client.messages.create(**MESSAGE)
    apps.settled(root, statuses=["success", "success"])


def test_a_log_that_cannot_be_written_loses_nothing(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    blocked = root / "logs" / "jseeker_runtime.jsonl"
    blocked.mkdir(parents=True)
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    blocked.rmdir()
    client.messages.create(**MESSAGE)
    first, second = apps.settled(root, statuses=["success", "success"])
    assert first.cost_nano == second.cost_nano > 0


def test_without_a_ledger_no_request_is_sent(
    root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gaia_budget import BudgetGuard
    from gaia_budget.errors import LedgerError

    monkeypatch.setenv("GAIA_BUDGET_DB", f"sqlite:///{tmp_path}/no/such/folder/ledger.db")
    with pytest.raises(LedgerError):
        BudgetGuard("jseeker").wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert server.requests == []


def test_a_guard_that_is_closed_during_a_call_still_books_what_the_call_cost(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    stream = guard.wrap(apps.claude(server)).messages.create(**MESSAGE, stream=True)
    guard.close()
    from gaia_budget import BudgetGuard

    other = BudgetGuard("raven")
    other._accounts.books()  # what starts meanwhile must not take the call for a dead process's
    other.close()
    assert list(stream)
    (event,) = apps.settled(root, statuses=["success"])
    assert event.cost_nano == 1_250_000


def test_a_body_that_only_the_caller_can_decompress_reaches_him_and_counts_in_full(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    import zlib

    packer = zlib.compressobj(wbits=-15)  # raw deflate, which some servers send
    body = packer.compress(b'{"id": "m", "type": "message", "content": []}') + packer.flush()
    server.script(Say(binary=body, headers={"content-encoding": "deflate"}))
    assert guard.wrap(apps.claude(server)).messages.create(**MESSAGE).id == "m"
    apps.settled(root, statuses=["no_usage"])


def test_a_request_that_is_signed_goes_as_it_is(guard: BudgetGuard, server: WireServer) -> None:
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=x", "accept-encoding": "br"}
    chat = guard.wrap(apps.gpt(server)).chat.completions
    assert list(chat.create(**CHAT, stream=True, extra_headers=signed))
    (request,) = server.requests
    assert "stream_options" not in request.body
    assert request.headers["accept-encoding"] == "br"


def test_a_ledger_that_forgot_the_call_and_then_fails_loses_nothing(
    guard: BudgetGuard, server: WireServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaia_budget.errors import LedgerError, NotFoundError

    client, books = guard.wrap(apps.claude(server)), guard._accounts.books()

    def forgotten(*_: object) -> None:
        raise NotFoundError("reservation", "x")

    def unreachable(*_: object) -> None:
        raise LedgerError("the database is gone", slug="ledger-unusable")

    with monkeypatch.context() as broken:
        broken.setattr(books.budgets, "settle", forgotten)
        broken.setattr(books.ledger, "record", unreachable)
        assert client.messages.create(**MESSAGE).content
    guard.close()
    assert [event.status for event in apps.booked()] == ["success"]


def test_what_an_sdk_never_sends_holds_nothing(
    guard: BudgetGuard, server: WireServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import contextlib
    import gc

    client = guard.wrap(apps.claude(server))

    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(client), "custom_auth", property(broken))  # asked for after the guard was
    with contextlib.suppress(ZeroDivisionError):
        client.messages.create(**MESSAGE)
    gc.collect()
    apps.settled(root, statuses=["not_sent"])
    assert server.requests == []


def test_geminis_own_retries_are_logged_each(guard: BudgetGuard, server: WireServer, root: Path) -> None:
    from google import genai

    retries = {"attempts": 2, "initial_delay": 0.001, "max_delay": 0.001, "http_status_codes": [503]}
    options: Any = {"base_url": server.url, "retry_options": retries}
    server.script(Say(status=503))
    client = guard.wrap(genai.Client(api_key="none", http_options=options))
    client.models.generate_content(**GENERATE)
    refused, answered = apps.settled(root, statuses=["error_503", "success"])
    assert (refused.cost_nano, answered.output_tokens) == (0, 50)
