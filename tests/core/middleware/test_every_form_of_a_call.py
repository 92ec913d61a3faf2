"""N calls give N events whose sums agree, whichever client, whichever form."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from support import apps
from support.call_forms import ASYNC_FORMS, FORMS, MESSAGE, PRICES, end
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget import BudgetGuard
    from support.wire_server import WireServer


def _counted(root: Path, model: str) -> int:
    """How many calls were booked: each once, at its price, in the ledger, the log and the month alike."""
    events, lines = apps.booked(), apps.logged(root)
    calls = len(events)
    assert [event.cost_nano for event in events] == [PRICES[model]] * calls
    assert {(event.input_tokens, event.output_tokens, event.status) for event in events} == {
        (1000, 50, "success")
    }
    assert sorted(line["event_id"] for line in lines) == sorted(event.event_id for event in events)
    assert sum(line["cost_nano_usd"] for line in lines) == PRICES[model] * calls
    month = apps.month()
    assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (PRICES[model] * calls, 0, 0)
    return calls


@pytest.mark.parametrize("form", FORMS)
def test_two_calls_are_two_events_whose_sums_agree(
    form: str, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    make, use, model = FORMS[form]
    client = guard.wrap(make(server))
    use(client)
    use(client)
    assert _counted(root, model) == 2


@pytest.mark.parametrize("form", ASYNC_FORMS)
def test_asynchronous_calls_cost_what_the_others_do(
    form: str, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    make, use, model = ASYNC_FORMS[form]

    async def three() -> None:
        client = guard.wrap(make(server))
        await asyncio.gather(*(use(client) for _ in range(3)))
        await end(client)

    asyncio.run(three())
    assert _counted(root, model) == 3


@pytest.mark.parametrize("form", ["messages", "messages events", "chat", "responses", "generate"])
def test_compressed_answers_are_read_too(
    form: str, guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    make, use, model = FORMS[form]
    server.script(Say(zip=True))
    use(guard.wrap(make(server)))
    assert _counted(root, model) == 1


def test_counting_tokens_costs_nothing_and_leaves_no_event(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    client = guard.wrap(apps.claude(server))
    asked = {key: MESSAGE[key] for key in ("model", "messages")}
    assert client.messages.count_tokens(**asked).input_tokens == 1000
    assert (apps.booked(), apps.logged(root), list(guard.notices)) == ([], [], [])


def test_embeddings_without_a_known_price_are_counted_as_unpriced_not_as_free(
    guard: BudgetGuard, server: WireServer
) -> None:
    guard.wrap(apps.gpt(server)).embeddings.create(model="text-embedding-of-nobody", input="hi")
    (event,) = apps.booked()
    assert (event.input_tokens, event.cost_nano, event.price_source) == (1000, None, "unpriced")


def test_cache_reads_and_writes_have_their_own_prices(guard: BudgetGuard, server: WireServer) -> None:
    server.script(Say(input=10, output=0, read=2000, write=400))
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    (event,) = apps.booked()
    assert (event.input_tokens, event.cache_read_tokens, event.cache_write_5m_tokens) == (10, 2000, 400)
    assert event.cost_nano == 10 * 1000 + 2000 * 100 + 400 * 1250


def test_the_model_that_answered_is_priced_not_the_one_that_was_asked(
    guard: BudgetGuard, server: WireServer
) -> None:
    server.script(Say(model="claude-opus-5-5"))
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    (event,) = apps.booked()
    assert (event.model, event.cost_nano) == ("claude-opus-5-5", 1000 * 4000 + 50 * 20_000)
