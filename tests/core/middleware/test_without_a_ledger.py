"""Where the ledger cannot be used, a cap that somebody has set refuses; without one the app's calls go through."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from gaia_budget.errors import GaiaBudgetError
from gaia_budget.middleware.books import late
from support import apps
from support.wire_server import Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
PRICE = 1_250_000
WRONG = [
    "postgresql://gaia:s3cret@127.0.0.1:1/none",
    "mysql://gaia:s3cret@host/x",
    "s3cret",
    "postgresql://@:x/",
]


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the ledger will lie; its folder is missing."""
    file = tmp_path / "later" / "ledger.db"
    monkeypatch.setenv("GAIA_BUDGET_DB", f"sqlite:///{file.as_posix()}")
    return file


@pytest.fixture
def asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the ledger can be used again is asked with every call."""
    monkeypatch.setattr(late, "RETRY_SECONDS", 0.0)


@pytest.mark.parametrize("url", WRONG)
def test_without_a_cap_the_call_goes_through_and_it_is_said_once(
    url: str, root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_DB", url)
    guard = BudgetGuard("free")
    client = guard.wrap(apps.claude(server))
    for _ in range(3):
        assert client.messages.create(**MESSAGE).content
    (told,) = guard.notices
    assert "free" in told
    assert "go through" in told
    assert "s3cret" not in told
    assert [line["status"] for line in apps.logged(root, "free")] == ["success"] * 3


@pytest.mark.parametrize("url", WRONG)
@pytest.mark.parametrize("cap", ["entry", "default", "session", "task"])
def test_a_cap_that_somebody_has_set_refuses_in_clear_words(
    cap: str, url: str, root: Path, server: WireServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_DB", url)
    if cap == "default":
        (home / "gaia-budget" / "settings.toml").write_text("default_monthly_budget_usd = '7'\n", "utf-8")
    guard = BudgetGuard(
        "jseeker" if cap == "entry" else "free", session_cap_usd="1" if cap == "session" else None
    )
    client = guard.wrap(apps.claude(server))
    with (
        pytest.raises(GaiaBudgetError, match=r"Nothing was sent: a cap is set for") as refused,
        guard.task("audit", cap_usd=Decimal(1) if cap == "task" else None),
    ):
        client.messages.create(**MESSAGE)
    assert "s3cret" not in str(refused.value)
    assert server.requests == []
    assert apps.logged(root, "jseeker" if cap == "entry" else "free") == []


def test_what_went_through_is_booked_once_when_the_ledger_can_be_used(
    ledger: Path, root: Path, server: WireServer, asks_again: None
) -> None:
    guard = BudgetGuard("free")
    client = guard.wrap(apps.claude(server))
    for _ in range(3):
        client.messages.create(**MESSAGE)
    ledger.parent.mkdir()
    client.messages.create(**MESSAGE)
    events = apps.booked("free")
    assert [event.cost_nano for event in events] == [PRICE] * 4
    assert sorted(line["event_id"] for line in apps.logged(root, "free")) == sorted(
        event.event_id for event in events
    )
    assert (apps.month("free").app_nano, apps.month("free").reserved_nano) == (4 * PRICE, 0)
    guard.close()
    BudgetGuard("free").wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert len(apps.booked("free")) == 5


PROCESS = """
import json, os, sys
from gaia_budget import BudgetGuard
import anthropic
client = BudgetGuard("free").wrap(anthropic.Anthropic(base_url=sys.argv[1], api_key="none"))
for _ in range(2):
    client.messages.create(**json.loads(sys.argv[2]))
stream = client.messages.create(**json.loads(sys.argv[2]), stream=True)
next(iter(stream))
os._exit(0)
"""


def test_what_a_process_leaves_is_booked_by_the_next_one(
    ledger: Path, root: Path, server: WireServer
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, server.url, json.dumps(MESSAGE)],
        env={**os.environ},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "go through" in done.stderr
    ledger.parent.mkdir()
    BudgetGuard("free").wrap(apps.claude(server)).messages.create(**MESSAGE)
    events = apps.booked("free")
    assert sorted(event.status for event in events) == ["process_ended", "success", "success", "success"]
    assert sorted(line["event_id"] for line in apps.logged(root, "free")) == sorted(
        event.event_id for event in events
    )


def test_all_that_goes_through_is_held_to_the_default_cap(
    ledger: Path, root: Path, server: WireServer
) -> None:
    client = BudgetGuard("free").wrap(apps.claude(server))
    large = {
        **MESSAGE,
        "model": "claude-opus-4-1",
        "max_tokens": 32_000,
        "stream": True,
    }  # 2.40 of 10 dollars
    client.messages.create(**MESSAGE)
    streams = [client.messages.create(**large) for _ in range(4)]
    with pytest.raises(BudgetExceededError, match="default cap"):
        client.messages.create(**large)
    for stream in streams:
        assert list(stream)
    assert list(client.messages.create(**large))
    assert len(server.requests) == 6


def test_a_server_that_goes_away_while_the_app_runs_harms_no_call_without_a_cap(
    root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch, asks_again: None
) -> None:
    from gaia_budget.errors import LedgerError

    guard = BudgetGuard("free")
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)

    def unreachable(*_: object, **__: object) -> None:
        raise LedgerError("the database is gone", slug="ledger-unusable")

    with monkeypatch.context() as broken:
        broken.setattr(guard._accounts.books().budgets, "reserve", unreachable)
        client.messages.create(**MESSAGE)
    client.messages.create(**MESSAGE)
    assert [event.cost_nano for event in apps.booked("free")] == [PRICE] * 3
    assert apps.month("free").reserved_nano == 0


def test_every_other_use_of_the_guard_goes_on_too(
    ledger: Path, root: Path, server: WireServer, asks_again: None
) -> None:
    guard = BudgetGuard("free", cache=True)
    client = guard.wrap(apps.claude(server))
    assert client.messages.create(**MESSAGE).content
    assert client.messages.create(**MESSAGE).content, "kept"
    assert guard.cache_hits == 1
    with client.messages.stream(**MESSAGE, extra_body={"temperature": 0.5}) as stream:
        assert stream.get_final_message().content
    found = guard.escalate(
        "jd_parse",
        attempt=lambda model: client.messages.create(**{**MESSAGE, "model": model}),
        good_enough=lambda _: True,
    )
    assert found.good_enough

    async def beside() -> Any:
        async with apps.claude_async(server) as other:
            return await guard.wrap(other).messages.create(**MESSAGE, extra_body={"temperature": 0.4})

    assert asyncio.run(beside()).content
    guard.close()
    ledger.parent.mkdir()
    guard.close()
    client.messages.create(**MESSAGE, extra_body={"temperature": 0.3})
    statuses = [event.status for event in apps.booked("free")]
    assert statuses.count("cache_hit") == 1
    assert len(statuses) == len(apps.logged(root, "free"))


def test_what_comes_later_goes_through_too(
    ledger: Path, root: Path, server: WireServer, asks_again: None
) -> None:
    guard = BudgetGuard("free")
    client, gpt = guard.wrap(apps.claude(server)), guard.wrap(apps.gpt(server))
    batch = {"id": "msgbatch_01", "type": "message_batch", "processing_status": "in_progress"}
    server.script(Say(document=batch), Say(document=batch))
    made = client.messages.batches.create(requests=[{"custom_id": "a", "params": MESSAGE}])  # type: ignore[list-item]
    assert client.messages.batches.retrieve(made.id).id == "msgbatch_01"
    (told,) = [text for text in guard.notices if "batches" in text]
    assert "read their results again" in told
    queued = {"id": "resp_01", "object": "response", "status": "queued", "model": "gpt-4o-mini", "output": []}
    server.script(Say(document=queued), Say(document=queued))
    asked = gpt.responses.create(model="gpt-4o-mini", input="hi", background=True, max_output_tokens=10)
    assert gpt.responses.retrieve(asked.id).id == "resp_01"
    ledger.parent.mkdir()
    client.messages.create(**MESSAGE)
    later, answered = apps.booked("free")
    assert (later.price_source, answered.cost_nano) == ("reserve", PRICE)
