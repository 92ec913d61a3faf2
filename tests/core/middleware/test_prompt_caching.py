"""Prompt caching is asked for where it pays, and nowhere else."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetGuard
from gaia_budget.middleware.caching.prompt_cache import break_even, minimum
from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

SYSTEM = "You answer briefly. " * 1000
MESSAGE: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "system": SYSTEM,
    "messages": [{"role": "user", "content": "hi"}],
}


def test_a_repeated_long_system_prompt_is_marked_from_its_second_use_on(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.claude(server))
    server.script(Say(input=5000), Say(input=10, write=4990), Say(input=10, read=4990))
    with guard.task("adapt"):
        for _ in range(3):
            client.messages.create(**MESSAGE)
    first, second, third = (request.body["system"] for request in server.requests)
    assert first == SYSTEM
    assert second == third == [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    (told,) = guard.prompt_caching()
    assert (told.task, told.hit_ratio) == ("adapt", Fraction(4990, 15_000))
    assert "pays from 1 repeats on" in told.notes[0]


def test_tools_are_marked_where_there_is_no_system_prompt(guard: BudgetGuard, server: WireServer) -> None:
    tools = [{"name": "t", "description": SYSTEM, "input_schema": {"type": "object"}}]
    message = {key: value for key, value in MESSAGE.items() if key != "system"} | {"tools": tools}
    client = guard.wrap(apps.claude(server))
    server.script(Say(input=5000))
    for _ in range(2):
        client.messages.create(**message)
    assert "cache_control" in server.requests[1].body["tools"][-1]


def test_below_the_models_minimum_nothing_is_asked_for_and_that_is_said(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.claude(server))
    server.script(*[Say(input=900)] * 3)
    for _ in range(3):
        client.messages.create(**MESSAGE)
    assert all(request.body["system"] == SYSTEM for request in server.requests)
    assert "1024 tokens and more only" in guard.prompt_caching()[0].notes[0]
    (notice,) = guard.notices  # said once, not with each call
    assert "1024 tokens and more only" in notice


def test_who_marks_his_prompt_himself_is_left_alone(guard: BudgetGuard, server: WireServer) -> None:
    system = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    client = guard.wrap(apps.claude(server))
    server.script(Say(input=5000))
    for _ in range(2):
        client.messages.create(**{**MESSAGE, "system": system})
    assert all(request.body["system"] == system for request in server.requests)


def test_a_prompt_that_the_provider_does_not_cache_is_not_marked_again(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.claude(server))
    server.script(*[Say(input=5000)] * 3)
    for _ in range(3):
        client.messages.create(**MESSAGE)
    assert server.requests[2].body["system"] == SYSTEM
    assert any("did not cache" in note for note in guard.prompt_caching()[0].notes)


def test_it_can_be_turned_off(root: Path, server: WireServer) -> None:
    client = BudgetGuard("jseeker", prompt_caching=False).wrap(apps.claude(server))
    server.script(Say(input=5000))
    for _ in range(2):
        client.messages.create(**MESSAGE)
    assert server.requests[1].body["system"] == SYSTEM


@pytest.mark.parametrize(
    ("rates", "turns"),
    [
        ((100, 500, 10, 125, 200), 1),
        ((100, 500, 90, 200, 200), 10),
        ((100, 500, 100, 125, 200), None),
        ((100, 500, None, 125, 200), None),
    ],
)
def test_the_break_even_follows_from_the_price_row(rates: tuple[int, ...], turns: int | None) -> None:
    assert break_even([0, [[-1, *rates]], None]) == turns


def test_the_longest_name_that_fits_gives_the_minimum() -> None:
    assert (minimum("claude-sonnet-4-6"), minimum("claude-sonnet-4-5"), minimum("gpt-4o")) == (
        2048,
        1024,
        None,
    )
