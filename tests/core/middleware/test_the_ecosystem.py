"""The apps' own cases: whose call it was, what the log says, and what nobody may read in it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from support import apps
from support.wire_server import KEY, SECRET_ANSWER, SECRET_PROMPT, Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

PROMPT = [{"role": "user", "content": SECRET_PROMPT}]
MESSAGE: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": PROMPT}
CHAT: dict[str, Any] = {"model": "gpt-4o-mini", "max_tokens": 100, "messages": PROMPT}
GENERATE: dict[str, Any] = {"model": "gemini-2.5-flash", "contents": SECRET_PROMPT}
SHAPE_B = ["ts", "component", "task", "model", "cost_usd", "input_tokens", "output_tokens", "details"]


def test_hart_os_has_its_line_from_an_openai_call(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("hart_os")
    with guard.task("scoring", correlation_id="abc123"):
        guard.wrap(apps.gpt(server)).chat.completions.create(**CHAT)
    (line,) = apps.logged(root, "hart_os")
    assert list(line)[:8] == SHAPE_B
    assert (line["component"], line["task"], line["model"], line["provider"]) == (
        "hart_os",
        "scoring",
        "gpt-4o-mini",
        "openai",
    )
    assert (line["input_tokens"], line["output_tokens"], line["correlation_id"]) == (1000, 50, "abc123")
    assert line["cost_usd"] == pytest.approx(0.00018)


def test_via_has_one_total_over_three_providers(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("via")
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    guard.wrap(apps.gpt(server)).chat.completions.create(**CHAT)
    client = guard.wrap(apps.gemini(server))
    client.models.generate_content(**GENERATE)
    events = apps.booked("via")
    assert sorted(event.provider for event in events) == ["anthropic", "gemini", "openai"]
    total = (1_000_000 + 250_000) + (150_000 + 30_000) + (300_000 + 125_000)
    assert sum(event.cost_nano for event in events) == apps.month("via").app_nano == total


def test_mycels_calls_belong_to_the_declared_caller_else_to_mycel(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("mycel")
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    with guard.task("embed", caller="jSeeker"), guard.task("inner"):
        client.messages.create(**MESSAGE)
    assert [event.task for event in apps.booked("mycel")] == ["messages"]
    assert [event.task for event in apps.booked("jseeker")] == ["inner"]
    assert len(apps.logged(root, "jseeker")) == 1


def test_the_callers_cap_holds_for_a_librarys_call(root: Path, server: WireServer) -> None:
    apps.set_caps(root, {"mycel": 5.0, "jseeker": 0.000001})
    guard = BudgetGuard("mycel")
    client = guard.wrap(apps.claude(server))
    with guard.task("embed", caller="jseeker"), pytest.raises(BudgetExceededError, match="jseeker"):
        client.messages.create(**MESSAGE)


def test_nothing_private_is_in_any_file_log_or_message(
    root: Path, server: WireServer, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guard = BudgetGuard("jseeker", cache=True)
    client = guard.wrap(apps.claude(server, max_retries=0))
    server.script(Say(), Say(status=400), Say(drop=True), Say())
    client.messages.create(**MESSAGE)
    client.messages.create(**MESSAGE)
    raised: list[BaseException] = []
    for number in range(2):
        with pytest.raises(anthropic.APIError) as failed:
            client.messages.create(**{**MESSAGE, "max_tokens": 10 + number})
        raised.append(failed.value)
    list(client.messages.create(**MESSAGE, stream=True))
    apps.set_caps(root, {"jseeker": 0.000001})
    with pytest.raises(BudgetExceededError) as refused:
        BudgetGuard("jseeker").wrap(apps.claude(server)).messages.create(**MESSAGE)
    told = f"{refused.value}{caplog.text}{list(guard.notices)}"
    everything = [told.encode(), *(path.read_bytes() for path in _files(home, root))]
    names = " ".join(str(path) for path in _files(home, root))
    for secret in (SECRET_PROMPT, KEY, "forty-two"):
        assert secret not in names
        found = [one[:80] for one in everything if secret.encode() in one]
        kept = [one for one in found if not one.startswith(b'{"content_type"')]
        assert not kept, secret
    answers = [one for one in everything if SECRET_ANSWER.encode() in one]
    assert len(answers) == 1, "the answer cache, and nothing else, holds answers"


def _files(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_importing_the_package_is_quick_and_loads_no_sdk() -> None:
    probe = (
        "import sys, time\nstart = time.perf_counter()\nimport gaia_budget\n"
        "print(sorted({'anthropic', 'openai', 'google.genai', 'pydantic'} & set(sys.modules)))\n"
        "from gaia_budget import BudgetGuard\nBudgetGuard('jseeker')\n"
        "print(sorted({'anthropic', 'openai', 'google.genai', 'genai_prices'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]


def test_the_public_names_are_these() -> None:
    import gaia_budget

    assert sorted(gaia_budget.__all__) == [
        "APICost",
        "BudgetExceededError",
        "BudgetGuard",
        "GaiaBudgetError",
        "get_session_costs",
        "get_total_session_cost",
    ]
    assert all(hasattr(gaia_budget, name) for name in gaia_budget.__all__)
    assert sorted(name for name in vars(BudgetGuard) if not name.startswith("_")) == [
        "cache_hits",
        "close",
        "escalate",
        "escalate_async",
        "module",
        "notices",
        "prompt_caching",
        "saved_usd",
        "session_id",
        "task",
        "wrap",
    ]
    with pytest.raises(AttributeError, match="no attribute 'anything'"):
        gaia_budget.anything  # noqa: B018


def test_escalation_goes_from_the_cheapest_model_up_until_the_answer_is_good_enough(
    root: Path, server: WireServer
) -> None:
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    server.script(Say(text="poor"), Say(text="good"))

    def attempt(model: str) -> str:
        answer = client.messages.create(**{**MESSAGE, "model": model})
        return str(answer.content[0].text)

    found = guard.escalate("jd_parse", attempt=attempt, good_enough=lambda answer: answer == "good")
    assert (found.outcome, found.good_enough, len(found.tried)) == ("good", True, 2)
    assert "haiku" in found.tried[0]
    assert "sonnet" in found.tried[1] == found.model
    assert found.cost_nano == sum(event.cost_nano for event in apps.booked())
    outcomes = guard._accounts.books().ledger.outcomes("jd_parse")
    assert {(one.model, one.ok, one.module) for one in outcomes} == {
        (found.tried[0], False, "jseeker"),
        (found.tried[1], True, "jseeker"),
    }
    assert next(one.reason for one in outcomes if not one.ok)


def test_an_escalation_tells_its_reason_and_serves_asynchronous_clients(
    root: Path, server: WireServer
) -> None:
    guard = BudgetGuard("jseeker")
    server.script(Say(text="poor"), Say(text="good"))

    async def search() -> Any:
        async with guard.wrap(apps.claude_async(server)) as client:

            async def attempt(model: str) -> str:
                answer = await client.messages.create(**{**MESSAGE, "model": model})
                return str(answer.content[0].text)

            return await guard.escalate_async(
                "jd_parse", attempt=attempt, good_enough=lambda text: text == "good" or "no salary in it"
            )

    found = asyncio.run(search())
    assert (found.outcome, found.good_enough, found.reasons) == ("good", True, ("no salary in it",))
    lines = [line["details"] for line in apps.logged(root)]
    assert lines == ["", f"escalated from {found.tried[0]}: no salary in it"]
    outcomes = guard._accounts.books().ledger.outcomes("jd_parse")
    assert {one.reason for one in outcomes if not one.ok} == {"no salary in it"}


def test_escalation_stays_inside_the_budget(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    server.script(*[Say(input=50, output=100)] * 9)
    with pytest.raises(BudgetExceededError):
        guard.escalate(
            "jd_parse",
            attempt=lambda model: client.messages.create(**{**MESSAGE, "model": model}),
            good_enough=lambda _: False,
            cap_usd="0.002",
        )
    assert 0 < sum(event.cost_nano for event in apps.booked()) <= 2_000_000
    assert len(apps.booked()) == len(server.requests)


def test_when_no_model_suffices_the_last_outcome_says_so(root: Path, server: WireServer) -> None:
    guard = BudgetGuard("jseeker")
    found = guard.escalate("jd_parse", attempt=lambda model: model, good_enough=lambda _: False)
    assert not found.good_enough
    assert found.outcome == found.tried[-1]


def test_a_call_that_is_cancelled_while_it_waits_for_the_ledger_leaves_nothing_held(
    guard: BudgetGuard, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    books, waiting, go, undone = (
        guard._accounts.books(),
        threading.Event(),
        threading.Event(),
        threading.Event(),
    )
    hold, settle = books.hold, books.settle

    def settled(settlement: Any) -> None:
        settle(settlement)
        undone.set()

    monkeypatch.setattr(books, "settle", settled)

    def slow(*arguments: Any) -> None:
        waiting.set()
        go.wait(30)
        hold(*arguments)

    monkeypatch.setattr(books, "hold", slow)

    async def cancelled() -> None:
        client = guard.wrap(apps.claude_async(server))
        running = asyncio.ensure_future(client.messages.create(**MESSAGE))
        await asyncio.to_thread(waiting.wait)
        running.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        await client.close()

    asyncio.run(cancelled())
    assert undone.wait(30)
    assert server.requests == []
    month = apps.month()
    assert (month.app_nano, month.reserved_nano, month.assumed_nano) == (0, 0, 0)


def test_taking_the_log_in_counts_nothing_twice(root: Path, server: WireServer) -> None:
    from gaia_budget import settings
    from gaia_budget.ingest.run import run
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    server.script(Say(status=400), Say(), Say())
    for _ in range(3):
        with contextlib.suppress(anthropic.BadRequestError):
            client.messages.create(**MESSAGE)
    before, held = apps.booked(), settings.load()
    with Ledger.open(settings=load()) as ledger:
        run(held, ledger)
    assert apps.booked() == before
    assert apps.month().app_nano == 2 * 1_250_000


def test_an_apps_calls_are_no_session_unless_it_names_one(root: Path, server: WireServer) -> None:
    BudgetGuard("jseeker").wrap(apps.claude(server)).messages.create(**MESSAGE)
    BudgetGuard("raven", session_id="s1").wrap(apps.claude(server)).messages.create(**MESSAGE)
    (unnamed,), (named,) = apps.booked("jseeker"), apps.booked("raven")
    assert (unnamed.session_id, named.session_id) == ("", "s1")
    assert len(unnamed.correlation_id) == 32


def test_a_process_that_ends_leaves_no_call_behind(root: Path, server: WireServer, home: Path) -> None:
    program = (
        "import anthropic\nfrom gaia_budget import BudgetGuard\n"
        f"client = BudgetGuard('jseeker').wrap(anthropic.Anthropic(base_url={server.url!r}, api_key='none'))\n"
        f"client.messages.create(**{MESSAGE!r})"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert list((home / "gaia-budget" / "calls").iterdir()) == []
    assert len(apps.booked()) == 1
