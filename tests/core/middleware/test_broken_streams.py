"""A stream that breaks, stops, is left or dropped is billed for what is known of it, once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.middleware.transport.streams import library_of
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


def test_a_cut_stream_is_billed_for_its_input_and_at_most_for_what_arrived(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    client = guard.wrap(apps.claude(server, max_retries=0))
    server.script(Say(cut=True))
    with pytest.raises(library_of(client._client).HTTPError):
        for _ in client.messages.create(**MESSAGE, stream=True):
            pass
    (event,) = apps.settled(root, statuses=["interrupted"])
    assert event.input_tokens == 1000
    assert 1000 * 1000 < event.cost_nano <= 1000 * 1000 + 5000 * 1000


def test_a_stream_whose_bytes_stop_coming_is_billed_for_what_came(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    gate = threading.Event()
    client = guard.wrap(apps.claude(server, max_retries=0, timeout=3))
    server.script(Say(stall=gate))
    with pytest.raises(library_of(client._client).ReadTimeout):
        list(client.messages.create(**MESSAGE, stream=True))
    gate.set()
    (event,) = apps.settled(root, statuses=["timeout"])
    assert event.input_tokens == 1000
    assert 1000 * 1000 < event.cost_nano <= 1000 * 1000 + 5000 * 1000


def test_a_stream_whose_bytes_come_slowly_is_one_call(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    gate = threading.Event()
    server.script(Say(stall=gate))
    stream = guard.wrap(apps.claude(server)).messages.create(**MESSAGE, stream=True)
    events = iter(stream)
    first = next(events)
    assert apps.month().reserved_nano > 0  # held for as long as it takes
    gate.set()
    assert [first, *events]
    apps.settled(root, statuses=["success"])


def test_a_stream_that_the_caller_leaves_is_billed(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    with guard.wrap(apps.claude(server)).messages.create(**MESSAGE, stream=True) as stream:
        next(iter(stream))
    (event,) = apps.settled(root, statuses=["interrupted"])
    assert event.input_tokens == 1000


def test_an_exception_in_the_callers_loop_bills_what_is_known(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    client = guard.wrap(apps.gpt(server))
    with pytest.raises(ZeroDivisionError), client.chat.completions.create(**CHAT, stream=True) as stream:
        for _ in stream:
            raise ZeroDivisionError
    (event,) = apps.settled(root, statuses=["interrupted"])
    assert (event.price_source, event.kind) == ("estimate", "response")
    assert 0 < event.cost_nano < 100_000, "what was sent and what arrived, not the reserve"


def test_a_dropped_stream_is_settled_when_it_is_gone(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    import gc

    stream = guard.wrap(apps.claude(server)).messages.create(**MESSAGE, stream=True)
    next(iter(stream))
    del stream
    gc.collect()
    (event,) = apps.settled(root, statuses=["interrupted"])
    assert event.input_tokens == 1000


def test_a_stream_that_the_garbage_collector_ends_in_the_middle_of_a_booking_locks_nobody_up(
    guard: BudgetGuard, server: WireServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gc

    client = guard.wrap(apps.claude(server))
    books = guard._accounts.books()
    append, settle, dropped = books._append, books.settle, threading.Event()
    left: list[Any] = [client.messages.create(**MESSAGE, stream=True)]
    next(iter(left[0]))
    left.append(left)  # a cycle: only the collector ends it

    def collecting(settlement: Any) -> None:
        with books._journal._lock:
            gc.collect()
        append(settlement)

    def settled(settlement: Any) -> None:
        settle(settlement)
        if settlement.event.status == "interrupted":
            dropped.set()

    monkeypatch.setattr(books, "_append", collecting)
    monkeypatch.setattr(books, "settle", settled)
    del left
    worker = threading.Thread(target=lambda: client.messages.create(**MESSAGE), daemon=True)
    worker.start()
    worker.join(60)
    assert not worker.is_alive()
    assert dropped.wait(60)
    apps.settled(root, statuses=["interrupted", "success"])
