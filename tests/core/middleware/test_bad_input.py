"""What cannot be guarded is refused in words; what can be, is, with a notice where something is unusual."""

from __future__ import annotations

import os
import signal
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetExceededError, BudgetGuard
from gaia_budget.configfile import read_toml
from gaia_budget.errors import ConfigError, InputError
from gaia_budget.middleware.transport import clients
from gaia_budget.middleware.transport.streams import library_of
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


@pytest.mark.parametrize("make", [apps.claude, apps.claude_async, apps.gpt, apps.gpt_async, apps.gemini])
def test_a_client_keeps_its_identity_and_type_and_is_wrapped_once(
    make: Any, guard: BudgetGuard, server: WireServer
) -> None:
    client = make(server)
    kind, name = type(client), type(client).__name__
    assert guard.wrap(client) is client
    assert isinstance(client, kind)
    assert type(client).__name__ == name
    http = getattr(client, "_client", None) or client._api_client._httpx_client
    assert guard.wrap(client) is client
    assert (getattr(client, "_client", None) or client._api_client._httpx_client) is http


def test_wrapping_twice_counts_once(guard: BudgetGuard, server: WireServer) -> None:
    guard.wrap(guard.wrap(apps.claude(server))).messages.create(**MESSAGE)
    assert len(apps.booked()) == 1


def test_a_client_of_another_guard_is_refused(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))
    with pytest.raises(InputError, match="wrapped for module jseeker already"):
        BudgetGuard("raven").wrap(client)


@pytest.mark.parametrize("client", [object(), "client", None])
def test_an_unknown_client_is_refused_with_the_known_ones(client: object, guard: BudgetGuard) -> None:
    with pytest.raises(
        InputError,
        match=r"anthropic: Anthropic, AsyncAnthropic, .*openai: OpenAI, AsyncOpenAI, AzureOpenAI.*google",
    ):
        guard.wrap(client)


def test_a_version_outside_the_tested_range_works_with_a_notice(
    guard: BudgetGuard, server: WireServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clients, "version", lambda _: "99.1.0")
    clients._check_version.cache_clear()
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    clients._check_version.cache_clear()
    assert "anthropic 99.1.0 is outside the tested range (0.x, 1.x, 2.x)" in caplog.text
    assert len(apps.booked()) == 1


def test_a_version_that_is_built_otherwise_is_refused_with_the_range(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = apps.claude(server)
    del client._client
    with pytest.raises(InputError, match=r"known \(0.x, 1.x, 2.x\): _client is missing"):
        guard.wrap(client)


def test_a_model_without_a_price_is_held_to_the_dearest_of_its_provider(
    root: Path, server: WireServer
) -> None:
    apps.set_caps(root, {"jseeker": 0.005})
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    with pytest.raises(BudgetExceededError):
        client.messages.create(**{**MESSAGE, "model": "claude-nobody-knows-9"})
    assert len(server.requests) == 1


def test_a_module_without_an_entry_has_the_default_cap_and_is_told_once(
    root: Path, server: WireServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = BudgetGuard("newcomer").wrap(apps.claude(server))
    for _ in range(2):
        client.messages.create(**MESSAGE)
    assert caplog.text.count("module newcomer has no entry") == 1


def test_a_guard_needs_a_module() -> None:
    with pytest.raises(InputError, match="module's id"):
        BudgetGuard(" ")


def test_what_has_no_price_by_the_token_is_an_unpriced_event_not_a_free_one(
    guard: BudgetGuard, server: WireServer
) -> None:
    client = guard.wrap(apps.gpt(server))
    for _ in range(2):
        client.images.generate(prompt="a cat", model="gpt-image-1")
    server.script(Say(binary=b"\xff\xfb sound", headers={"content-type": "audio/mpeg"}))
    client.audio.speech.create(input="hi", model="tts-1", voice="alloy")
    client.audio.transcriptions.create(file=("a.wav", b"sound"), model="whisper-1")
    assert [(event.task, event.model, event.cost_nano, event.price_source) for event in apps.booked()] == [
        ("images/generations", "gpt-image-1", None, "unpriced"),
        ("images/generations", "gpt-image-1", None, "unpriced"),
        ("audio/speech", "tts-1", None, "unpriced"),
        ("audio/transcriptions", "whisper-1", None, "unpriced"),
    ]
    assert [text for text in guard.notices if text.startswith("not priced: ")] == [
        "not priced: images/generations, at 127.0.0.1: prices.toml may name it",
        "not priced: audio/speech, at 127.0.0.1: prices.toml may name it",
        "not priced: audio/transcriptions, at 127.0.0.1: prices.toml may name it",
    ]
    assert "no price by the token" in guard.notices[0]


def test_at_the_cap_nothing_unpriced_is_sent_either(root: Path, server: WireServer) -> None:
    apps.set_caps(root, {"jseeker": 0.00125})
    guard = BudgetGuard("jseeker")
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)  # costs that much
    with pytest.raises(BudgetExceededError):
        guard.wrap(apps.gpt(server)).images.generate(prompt="a cat", model="gpt-image-1")
    assert len(server.requests) == len(apps.booked()) == 1


def test_what_is_not_counted_is_said_once(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.gpt(server))
    for _ in range(2):
        client.vector_stores.create(name="v")
        client.moderations.create(input="hi")
    assert ["/vector_stores are not counted" in notice for notice in guard.notices] == [True]
    assert apps.booked() == []


def test_a_copy_with_another_http_client_is_guarded_too(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))
    with library_of(client._client).Client() as other:
        client = client.with_options(http_client=other)
        client.messages.create(**MESSAGE)
    assert len(apps.booked()) == 1


def test_the_clients_connections_are_closed_with_it(guard: BudgetGuard, server: WireServer) -> None:
    with guard.wrap(apps.claude(server)) as client:
        client.messages.create(**MESSAGE)
    assert client.is_closed()


def test_a_class_that_the_sdk_adds_is_never_taken_for_its_parent(
    guard: BudgetGuard, server: WireServer
) -> None:
    """Each sells at prices of its own: one that is not known is refused by its name, one of the app's own is not."""
    import openai

    if hasattr(openai, "BedrockOpenAI"):
        with pytest.raises(InputError, match="BedrockOpenAI"):
            guard.wrap(openai.BedrockOpenAI(base_url=server.url, api_key="x"))
    with pytest.raises(InputError, match="the module openai: make a client of it"):
        guard.wrap(openai)

    class Ours(openai.OpenAI):
        """A subclass of the app's."""

    client = guard.wrap(Ours(base_url=f"{server.url}/v1", api_key="x"))
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGE["messages"], max_tokens=10)
    assert [event.provider for event in apps.booked()] == ["openai"]


def test_a_deployment_at_azure_is_priced_as_the_model_that_answers(
    guard: BudgetGuard, server: WireServer
) -> None:
    import openai

    client = guard.wrap(openai.AzureOpenAI(azure_endpoint=server.url, api_key="x", api_version="2025-01-01"))
    server.script(Say(model="gpt-4o-2024-08-06"))
    client.chat.completions.create(model="our-deployment", messages=MESSAGE["messages"], max_tokens=10)
    (event,) = apps.booked()
    assert (event.provider, event.cost_nano) == ("azure", 1000 * 2500 + 50 * 10_000)


UNNAMED: dict[str, Any] = {"usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}}
COMPACTED: dict[str, Any] = {"id": "r", "object": "response.compaction", "created_at": 1, "output": [],
                             "usage": {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}}  # fmt: skip


@pytest.mark.parametrize(
    ("use", "answer", "nano"),
    [
        (lambda c: c.embeddings.create(model="text-embedding-3-small", input="hi"),
         {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}],
          "usage": {"prompt_tokens": 1000, "total_tokens": 1000}}, 1000 * 20),
        (lambda c: c.responses.compact(model="gpt-5", input="hi"), COMPACTED, 1000 * 1250 + 100 * 10_000),
        (lambda c: c.chat.completions.create(model="gpt-4o", messages=MESSAGE["messages"], max_tokens=500),
         {"id": "c", "object": "chat.completion", "created": 1, "choices": [], **UNNAMED}, 1000 * 2500 + 100 * 10_000),
    ],
    ids=["embeddings", "compact", "a gateway"],
)  # fmt: skip
def test_an_answer_that_names_no_model_has_the_price_of_the_one_asked_for(
    use: Any, answer: dict[str, Any], nano: int, guard: BudgetGuard, server: WireServer
) -> None:
    server.script(Say(document=answer))
    use(guard.wrap(apps.gpt(server)))
    assert [event.cost_nano for event in apps.booked()] == [nano]


def test_a_local_host_costs_nothing_by_the_setting(
    guard: BudgetGuard, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_LOCAL_HOSTS", server.url.partition("://")[2])
    client = guard.wrap(apps.gpt(server))
    client.chat.completions.create(model="llama3.2", messages=MESSAGE["messages"])
    (event,) = apps.booked()
    assert (event.cost_nano, event.price_source, event.input_tokens) == (0, "local", 1000)


def test_absurd_figures_and_names_are_booked_in_bounds(guard: BudgetGuard, server: WireServer) -> None:
    server.script(Say(input=10**30, output=10**25, model="m" * 10_000))
    answer = guard.wrap(apps.claude(server)).messages.with_raw_response.create(**MESSAGE)
    assert answer.status_code == 200
    (event,) = apps.booked()
    assert (event.price_source, len(event.model)) == ("estimate", 200)
    assert 0 < event.cost_nano < 100 * 5000 + 1_000_000


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("levels", [100, 700])
def test_what_is_nested_without_end_reaches_the_provider_and_the_app(
    levels: int, stream: bool, guard: BudgetGuard, server: WireServer
) -> None:
    """Whatever is read of it: the call is the app's own, and it is booked."""
    deep = '{"a":' * levels + "1" + "}" * levels
    usage = f'{{"input_tokens": 1000, "output_tokens": 50, "x": {deep}}}'
    message = (
        f'{{"id": "m", "type": "message", "model": "claude-haiku-4-5", "content": [], "usage": {usage}}}'
    )
    start = f'event: message_start\ndata: {{"type": "message_start", "message": {message}}}\n\n'
    kind = "text/event-stream" if stream else "application/json"
    server.script(Say(raw=start if stream else message, headers={"content-type": kind}))
    http = guard.wrap(apps.claude(server))._client
    body = f'{{"model": "claude-haiku-4-5", "max_tokens": 100, "messages": [{deep}], "stream": {str(stream).lower()}}}'
    answer = http.post(
        f"{server.url}/v1/messages", content=body, headers={"content-type": "application/json"}
    )
    assert answer.text == (start if stream else message)
    assert [event.kind for event in apps.booked() if event.kind != "unattributed"] in (
        ["response"],
        ["failed"],
    )
    assert apps.month().reserved_nano == 0


def test_settings_that_are_broken_while_the_app_runs_are_named_and_what_was_read_before_holds(
    root: Path, server: WireServer, home: Path
) -> None:
    from gaia_budget.middleware import policy

    apps.set_caps(root, {"jseeker": 0.004})
    guard = BudgetGuard("jseeker", cache=False)
    client = guard.wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    file = home / "gaia-budget" / "settings.toml"
    file.write_text("hard_stop_pct = 'much'\n", encoding="utf-8")
    for _ in range(2):
        held = guard._accounts._policy
        assert held is not None
        held.read_at -= policy.FRESH_SECONDS + 1
        client.messages.create(**MESSAGE)
    with pytest.raises(BudgetExceededError):
        client.messages.create(**MESSAGE)
    (told,) = [text for text in guard.notices if "hard_stop_pct" in text]
    assert "settings.toml" in told
    file.unlink()
    assert len(server.requests) == len(apps.booked()) == 3
    BudgetGuard("via").wrap(apps.claude(server)).messages.create(**MESSAGE)


@pytest.mark.parametrize("content", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = 1e" + "9" * 20])
def test_a_file_that_python_cannot_take_is_a_broken_file(content: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"settings\.toml: .*Fix the TOML"):
        read_toml(file, Decimal)


def test_settings_that_are_broken_from_the_start_refuse_in_clear_words(
    guard: BudgetGuard, server: WireServer, home: Path
) -> None:
    (home / "gaia-budget" / "settings.toml").write_text("hard_stop_pct = 'much'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"settings\.toml.*hard_stop_pct"):
        guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert server.requests == []


@pytest.mark.parametrize(
    "url", ["postgresql://gaia:s3cret@127.0.0.1:1/none", "mysql://gaia:s3cret@host/x", "s3cret"]
)
def test_a_ledger_that_is_no_ledger_refuses_in_clear_words_and_tells_no_password(
    url: str, root: Path, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gaia_budget.errors import GaiaBudgetError

    monkeypatch.setenv("GAIA_BUDGET_DB", url)
    with pytest.raises(GaiaBudgetError) as refused:
        BudgetGuard("jseeker").wrap(apps.claude(server)).messages.create(**MESSAGE)
    assert "s3cret" not in str(refused.value).replace("'s3cret'", "")
    assert len(str(refused.value)) > 30
    assert server.requests == []


@pytest.mark.parametrize("model", ["m" * 10_000, "claude-haiku-4-5" + "\0\n" * 200])
def test_a_model_of_any_name_is_asked_for_and_booked_in_bounds(
    model: str, guard: BudgetGuard, server: WireServer
) -> None:
    guard.wrap(apps.claude(server)).messages.create(**{**MESSAGE, "model": model})
    (event,) = apps.booked()
    assert server.requests[0].body["model"] == model
    assert len(event.model) <= 200
    assert event.cost_nano in (None, 1_250_000), "no price, or that of the model whose name it begins with"


def test_a_guard_in_a_pool_of_threads_books_every_call(guard: BudgetGuard, server: WireServer) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = guard.wrap(apps.claude(server))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: client.messages.create(**MESSAGE), range(48)))
    assert len(apps.booked()) == 48
    assert (apps.month().app_nano, apps.month().reserved_nano) == (48 * 1_250_000, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_worker_that_is_forked_in_the_middle_of_a_call_of_another_thread_makes_its_own(
    guard: BudgetGuard, server: WireServer
) -> None:
    """Whatever that thread holds is held in the child for ever: nobody is there to let it go."""
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    accounts, held, over = guard._accounts, threading.Event(), threading.Event()

    def works() -> None:
        with accounts._lock, accounts.prompt_cache._lock, accounts.answers._lock:
            held.set()
            over.wait(30)

    thread = threading.Thread(target=works)
    thread.start()
    held.wait(30)
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)
            guard.wrap(apps.claude(server)).messages.create(
                **{**MESSAGE, "system": "s", "extra_body": {"temperature": 0}}
            )
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    over.set()
    thread.join()
    assert (code, len(apps.booked())) == (0, 2)
