"""Nothing that is added to a request makes a valid request invalid.

Members that were reported elsewhere: github.com/askalf/dario/issues/1066 and
github.com/anthropics/claude-code/issues/54039 (marks on empty blocks),
github.com/griffinmartin/opencode-claude-auth/issues/121 (a fifth mark),
github.com/ferro-labs/ai-gateway/issues/281 and github.com/NorthlandPositronics/Cogtrix/issues/2376 (usage that must be
asked for, which not every gateway lets).
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetGuard
from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

SYSTEM = "You are careful. " * 2500
HI: list[Any] = [{"role": "user", "content": "hi"}]
LONG = Say(input=12_000, output=10)


def _tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "d" * 9000, "input_schema": {"type": "object"}, **more}


def _sent_twice(server: WireServer, **asked: Any) -> dict[str, Any]:
    client = BudgetGuard("jseeker", cache=False).wrap(apps.claude(server))
    server.script(LONG, LONG)
    for _ in range(2):
        client.messages.create(model="claude-sonnet-4-6", max_tokens=50, messages=HI, **asked)
    body: dict[str, Any] = server.requests[-1].body
    return body


def _marks(value: Any) -> int:
    return json.dumps(value).count("cache_control")


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"system": [{"type": "text", "text": SYSTEM}, {"type": "text", "text": ""}]}, ("system", 0)),
        ({"system": [{"type": "text", "text": SYSTEM}, {"type": "text", "text": " \n"}]}, ("system", 0)),
        ({"tools": [_tool("a"), _tool("b"), _tool("c", defer_loading=True)]}, ("tools", 1)),
        ({"tools": [_tool("a"), {"type": "web_search_20250305", "name": "web_search"}]}, ("tools", 0)),
    ],
    ids=["an empty block", "a blank block", "a deferred tool", "a tool of the provider"],
)
def test_a_mark_stands_only_where_the_provider_allows_it(
    asked: dict[str, Any], place: tuple[str, int], root: Path, server: WireServer
) -> None:
    body = _sent_twice(server, **asked)
    assert _marks(body) == 1
    assert "cache_control" in body[place[0]][place[1]]


def test_where_no_place_is_allowed_there_is_no_mark(root: Path, server: WireServer) -> None:
    assert _marks(_sent_twice(server, tools=[_tool("a", defer_loading=True)])) == 0


def _refusal(word: str) -> Say:
    return Say(status=400, headers={"x-should-retry": "false"}, raw=word)


def test_a_refusal_of_our_mark_is_tried_once_more_without_it_and_never_again(
    root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _speaking_refusals(monkeypatch, "tools.0: cache_control is not allowed here")
    guard = BudgetGuard("jseeker", cache=False)
    client = guard.wrap(apps.claude(server, max_retries=0))
    server.script(LONG, _refusal(""), LONG, LONG)
    for _ in range(3):
        client.messages.create(model="claude-sonnet-4-6", max_tokens=50, messages=HI, system=SYSTEM)
    assert [_marks(request.body) for request in server.requests] == [0, 1, 0, 0]
    assert [event.status for event in apps.booked()] == ["success"] * 3
    assert any("refuses cache marks" in text for text in guard.notices)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_gateway_that_knows_no_stream_options_gets_the_request_as_it_was(
    asynchronous: bool, root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _speaking_refusals(monkeypatch, "Extra inputs are not permitted: stream_options")
    guard = BudgetGuard("jseeker", cache=False)
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": HI, "max_tokens": 50, "stream": True}
    server.script(_refusal(""))

    async def app() -> None:
        client = guard.wrap(apps.gpt_async(server, max_retries=0))
        for _ in range(2):
            assert [chunk async for chunk in await client.chat.completions.create(**asked)]

    if asynchronous:
        asyncio.run(app())
    else:
        client = guard.wrap(apps.gpt(server, max_retries=0))
        for _ in range(2):
            assert list(client.chat.completions.create(**asked))
    assert ["stream_options" in request.body for request in server.requests] == [True, False, False]
    assert [event.price_source for event in apps.booked()] == ["estimate", "estimate"]


def test_a_refusal_of_the_callers_own_making_reaches_him_at_once(
    root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openai

    _speaking_refusals(monkeypatch, "messages: at least one message is required")
    client = BudgetGuard("jseeker").wrap(apps.gpt(server, max_retries=0))
    server.script(_refusal(""))
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="gpt-4o", messages=[], stream=True)
    assert len(server.requests) == 1


def _speaking_refusals(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Let the server's refusals say what they refuse."""
    from support import wire_server

    plain = wire_server.json.dumps

    def speaking(value: Any, *args: Any, **more: Any) -> str:
        if isinstance(value, dict) and value.get("type") == "error":
            value = {**value, "error": {"type": "invalid_request_error", "message": words}}
        return plain(value, *args, **more)

    monkeypatch.setattr(wire_server.json, "dumps", speaking)
