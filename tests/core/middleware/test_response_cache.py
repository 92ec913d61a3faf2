"""The same request is paid once, and an answer is only kept when it is one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import BudgetGuard
from gaia_budget.middleware.caching.response_cache import ResponseCache
from gaia_budget.middleware.passage import Answer
from support import apps
from support.wire_server import KEY as API_KEY
from support.wire_server import SECRET_ANSWER, Say

if TYPE_CHECKING:
    from pathlib import Path

    from support.wire_server import WireServer

MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "extra_body": {"temperature": 0},  # the SDK's newest major has no parameter for it any more
    "messages": [{"role": "user", "content": "hi"}],
}
CHAT = {**MESSAGE, "model": "gpt-4o-mini"}
ANSWER = Answer("application/json", b'{"kept": true}', "m", (1, 2, 0, 0, 0, 0, 0), 5)
KEY = "ab" + "0" * 62


def test_the_second_time_costs_nothing_is_logged_and_its_saving_told(
    guard: BudgetGuard, server: WireServer, root: Path
) -> None:
    client = guard.wrap(apps.claude(server))
    first, second = (client.messages.create(**MESSAGE) for _ in range(2))
    assert first == second
    assert len(server.requests) == 1
    hit = apps.booked()[1]
    assert (hit.kind, hit.cost_nano, hit.input_tokens) == ("cache_hit", 0, 1000)
    assert (guard.cache_hits, guard.saved_usd) == (1, "0.00125")
    assert [line["cost_nano_usd"] for line in apps.logged(root)] == [1_250_000, 0]
    assert apps.month().app_nano == 1_250_000


def test_a_new_process_pays_nothing_either(guard: BudgetGuard, server: WireServer) -> None:
    guard.wrap(apps.claude(server)).messages.create(**MESSAGE)
    program = (
        "import anthropic, json, sys\nfrom gaia_budget import BudgetGuard\n"
        f"client = BudgetGuard('jseeker').wrap(anthropic.Anthropic(base_url={server.url!r}, api_key={API_KEY!r}))\n"
        f"print(client.messages.create(**{MESSAGE!r}).content[0].text)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == SECRET_ANSWER
    assert len(server.requests) == 1


def test_streams_are_replayed_event_by_event(guard: BudgetGuard, server: WireServer) -> None:
    client = guard.wrap(apps.claude(server))
    chat = guard.wrap(apps.gpt(server)).chat.completions
    told, chunks = [], []
    for _ in range(2):
        with client.messages.stream(**MESSAGE) as stream:
            told.append(list(stream.text_stream))
        chunks.append([chunk.model_dump() for chunk in chat.create(**CHAT, stream=True)])
    assert told[0] == told[1] != []
    assert chunks[0] == chunks[1] != []
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"extra_body": {"temperature": 0.0001}},
        {"max_tokens": 101},
        {"model": "claude-sonnet-4-5"},
        {"system": "be brief"},
        {"stop_sequences": ["x"]},
        {"tools": [{"name": "t", "input_schema": {"type": "object"}}]},
        {"messages": [{"role": "user", "content": "h"}, {"role": "user", "content": "i"}]},
        {"extra_headers": {"anthropic-beta": "x"}},
        {"extra_body": {"temperature": 0, "top_k": 1}},
    ],
)
def test_whatever_changes_the_answer_changes_the_key(
    change: dict[str, Any], root: Path, server: WireServer
) -> None:
    client = BudgetGuard("jseeker", cache=True).wrap(apps.claude(server))
    client.messages.create(**MESSAGE)
    client.messages.create(**{**MESSAGE, **change})
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [Say(text=""), Say(stop="length"), Say(stop="refusal"), Say(status=400), Say(usage=False)],
    ids=["empty", "truncated", "refused", "failed", "without figures"],
)
@pytest.mark.parametrize("provider", ["anthropic", "openai", "responses", "gemini", "stream"])
def test_an_answer_that_is_none_is_not_kept(
    provider: str, answer: Say, root: Path, server: WireServer
) -> None:
    guard = BudgetGuard("jseeker", cache=True)
    server.script(answer)
    client: Any = {"openai": apps.gpt, "responses": apps.gpt, "gemini": apps.gemini}.get(
        provider, apps.claude
    )(server)
    guard.wrap(client)
    for _ in range(2):
        try:
            if provider == "anthropic":
                client.messages.create(**MESSAGE)
            elif provider == "stream":
                list(client.messages.create(**MESSAGE, stream=True))
            elif provider == "openai":
                client.chat.completions.create(**CHAT)
            elif provider == "responses":
                client.responses.create(model="gpt-4o-mini", input="hi")
            else:
                client.models.generate_content(model="gemini-2.5-flash", contents="hi")
        except Exception as error:
            assert "400" in str(error)
    assert len(server.requests) == 2


def test_sampled_answers_are_kept_only_when_asked_for(root: Path, server: WireServer) -> None:
    sampled = {key: value for key, value in MESSAGE.items() if key != "extra_body"}
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    for _ in range(2):
        client.messages.create(**sampled)
    assert len(server.requests) == 2
    with guard.task("asked", cache=True):
        for _ in range(2):
            client.messages.create(**sampled)
    assert len(server.requests) == 3
    with guard.task("never", cache=False):
        client.messages.create(**MESSAGE)
        client.messages.create(**MESSAGE)
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe", b'{"content_type": 1}\n{}', None], ids=["empty", "noise", "foreign", "cut"]
)
def test_a_corrupt_entry_is_a_miss(damage: bytes | None, tmp_path: Path) -> None:
    ResponseCache(tmp_path).put(KEY, ANSWER)
    (path,) = tmp_path.glob("*/*.answer")
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    assert ResponseCache(tmp_path).get(KEY) is None
    ResponseCache(tmp_path).put(KEY, ANSWER)
    assert ResponseCache(tmp_path).get(KEY) == ANSWER


def test_memory_and_folder_are_bounded(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path, max_bytes=2_000, max_entries=3)
    for number in range(30):
        cache.put(f"{number:064x}", ANSWER._replace(body=b"x" * 100))
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*.answer")) <= 2_000
    assert cache.get(f"{29:064x}") is not None
    assert ResponseCache(tmp_path).get(f"{0:064x}") is None


def test_an_old_answer_is_a_miss(tmp_path: Path) -> None:
    ResponseCache(tmp_path).put(KEY, ANSWER)
    assert ResponseCache(tmp_path, max_age_s=-1).get(KEY) is None


def test_threads_that_replace_one_file_do_not_meet_on_a_temporary_one(tmp_path: Path) -> None:
    from gaia_hooks.machine import files

    target, together = tmp_path / "state", threading.Barrier(8)

    def write(number: int) -> None:
        together.wait(30)
        for _ in range(50):
            files.replace(str(target), bytes([number]) * 5000, durable=False)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(set(target.read_bytes())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_many_threads_share_a_folder(tmp_path: Path) -> None:
    caches = [ResponseCache(tmp_path) for _ in range(4)]

    def use(number: int) -> bool:
        cache = caches[number % 4]
        cache.put(KEY, ANSWER)
        return cache.get(KEY) == ANSWER

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(200)))
    assert ResponseCache(tmp_path).get(KEY) == ANSWER


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps files private by their folder's rights")
def test_the_files_are_private(tmp_path: Path) -> None:
    ResponseCache(tmp_path / "answers").put(KEY, ANSWER)
    (path,) = (tmp_path / "answers").glob("*/*.answer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_costs_a_notice_not_a_call(
    root: Path, server: WireServer, home: Path
) -> None:
    blocked = home / "gaia-budget" / "cache" / "answers"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the folder should be")
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    for _ in range(2):
        client.messages.create(**MESSAGE)
    assert len(server.requests) == 1  # memory is at work
    assert len([notice for notice in guard.notices if "memory alone" in notice]) == 1


def test_a_full_disk_costs_a_notice_not_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gaia_hooks.machine import files

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    said: list[str] = []
    cache = ResponseCache(tmp_path, notice=said.append)
    monkeypatch.setattr(files, "replace", full)
    cache.put(KEY, ANSWER)
    assert cache.get(KEY) == ANSWER
    assert "No space left" in said[0]


@pytest.mark.parametrize(
    "other",
    [
        {"api_key": "another-key"},
        {"default_headers": {"x-tenant": "b"}},
        {"base_url": "http://localhost:{port}"},
    ],
    ids=["key", "header of the app", "host"],
)
def test_another_key_tenant_or_host_never_gets_the_first_ones_answer(
    other: dict[str, Any], guard: BudgetGuard, server: WireServer
) -> None:
    """Reported elsewhere: github.com/BerriAI/litellm/issues/29955, github.com/diegosouzapw/OmniRoute/issues/3740,
    github.com/wso2/api-platform/issues/733."""
    import anthropic

    first = {"base_url": server.url, "api_key": API_KEY, "default_headers": {"x-tenant": "a"}}
    port = server.url.rpartition(":")[2]
    second = first | {k: v.format(port=port) if isinstance(v, str) else v for k, v in other.items()}
    for options in (first, second):
        guard.wrap(anthropic.Anthropic(**options)).messages.create(**MESSAGE)
    assert (len(server.requests), guard.cache_hits) == (2, 0)
    guard.wrap(anthropic.Anthropic(**second)).messages.create(**MESSAGE)
    assert (len(server.requests), guard.cache_hits) == (2, 1)
