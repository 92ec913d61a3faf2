"""What telemetry tells of requests without rows is counted once, by hooks and ledger alike; nothing else of it is."""

from __future__ import annotations

import http.client
import json
import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import places, snapshot
from gaia_budget.ingest import telemetry
from gaia_budget.ledger.verify import verify
from gaia_budget.settings import load
from gaia_budget.setup import wiring
from gaia_hooks.machine import clock
from gaia_hooks.say.figures import SessionFigures
from gaia_hooks.session import counting
from gaia_mcp import receiver
from support.rows import MODEL, SESSION, assistant, stamp, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Bench

COMPACT = {"session.id": SESSION, "query_source": "compact", "request_id": "req_1", "model": MODEL,
           "event.name": "api_request", "event.timestamp": stamp(9), "input_tokens": "3000", "output_tokens": 80,
           "cache_read_tokens": 0, "cache_creation_tokens": 70, "cache_creation_5m_tokens": 70,
           "cache_creation_1h_tokens": 0, "speed": "normal", "effort": "medium"}  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    told = {name: value for name, value in (COMPACT | changes).items() if value is not None}
    attributes = [{"key": name, "value": {"anyValue": value}} for name, value in told.items()]
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": attributes}]}]}]}


@pytest.fixture
def watched(bench: Bench) -> Path:
    """A session that hooks watch; its transcript."""
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("msg_a", second=1, input_tokens=1_000, output_tokens=10))
    home = str(places.ensure_home())
    policy = snapshot.write(load()) | {"installed_at": 1}  # what is older is history, and in no log
    Path(home, "snapshot.json").write_text(json.dumps(policy), "utf-8")
    with counting.lock_of(home, SESSION, 5) as lock:
        session = counting.opened(home, SESSION, lock)
        session.watch(str(file), "/home/dev/project")
        session.count()
        session.settle_all()
        session.store()
    return file


def by_hooks() -> SessionFigures:
    home = str(places.home())
    with counting.lock_of(home, SESSION, 5) as lock:
        session = counting.opened(home, SESSION, lock)
        session.count()
        return SessionFigures(session)


def test_a_request_without_a_row_is_counted_once_however_often_it_is_sent(
    bench: Bench, watched: Path
) -> None:
    assert [telemetry.take(document()) for _ in range(3)] == [1, 0, 0]
    bench.run()
    told, total = by_hooks(), bench.total()
    assert (told.responses, told.cost_nano) == (total.responses, total.cost_nano)
    assert (total.responses, total.input_tokens, total.cache_write_5m_tokens) == (2, 4_000, 70)
    assert {row.key[0] for row in bench.ledger.spend(("agent",)).rows} == {"main", "compact"}
    assert verify(bench.ledger) == []


@pytest.mark.parametrize(
    "value",
    [None, True, [], ["compact"], {}, {"a": []}, 1e400, -1, 2**70, "\ud800", "9" * 30, ""],
    ids=repr,
)
def test_an_attribute_of_any_type_tells_nothing_or_what_it_is(watched: Path, value: Any) -> None:
    for name in COMPACT:
        sent = document()
        [attribute] = [one for one in _attributes(sent) if one["key"] == name]
        for written in (
            {"anyValue": value},
            value,
            {"arrayValue": {"values": [value]}},
            {"a": 1, "b": value},
        ):
            attribute["value"] = written
            assert telemetry.take(sent) in (0, 1)
        attribute |= {"key": value, "value": {"anyValue": 1}}
        assert telemetry.take(sent) in (0, 1)


def _attributes(sent: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sent["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"]
    return found


def test_what_has_a_row_or_may_have_one_is_left_to_the_transcripts(watched: Path) -> None:
    write(watched, assistant("msg_b", second=2, requestId="req_1", output_tokens=1))
    assert telemetry.take(document()) == 0
    for source in ("sdk", "repl_main_thread", "agent:builtin:Explore", "something_new", None):
        assert telemetry.take(document(query_source=source, request_id="req_2")) == 0


@pytest.mark.parametrize(
    "changes",
    [{"session.id": "00000000-0000-4000-8000-000000000000"}, {"session.id": "../x"}, {"session.id": 5},
     {"request_id": None}, {"request_id": ""}, {"event.name": "user_prompt"}],
    ids=str,
)  # fmt: skip
def test_what_belongs_to_no_watched_session_counts_nowhere(watched: Path, changes: dict[str, Any]) -> None:
    assert telemetry.take(document(**changes)) == 0
    assert by_hooks().responses == 1


@pytest.mark.parametrize(
    "torn", [None, [], {"resourceLogs": 5}, {"resourceLogs": [{"scopeLogs": [None, 3]}]}], ids=str
)
def test_a_document_of_another_form_tells_nothing(torn: Any) -> None:
    assert telemetry.take(torn) == 0


def test_what_it_names_is_cleaned_and_an_instant_that_cannot_be_is_now(bench: Bench, watched: Path) -> None:
    steers = "m\x1b]0;x\x07\u202e\ud800"
    for number, at in enumerate((None, "x", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", 5)):
        told = {"model": steers, "effort": steers, "request_id": f"req\u200b{number}", "event.timestamp": at}
        assert telemetry.take(document(**told)) == 1
    bench.run()
    found = {row.key: row.figures.responses for row in bench.ledger.spend(("model", "effort")).rows}
    assert found == {(MODEL, ""): 1, ("m]0;x", "m]0;x"): 5}
    assert by_hooks().responses == 6
    (today,) = (row for row in bench.ledger.spend(("model",), bench.ledger.now() - 86_400 * clock.MICRO).rows)
    assert today.figures.responses == 5


def test_of_sessions_that_nobody_watches_nothing_is_made(watched: Path) -> None:
    before = sorted(places.home().rglob("*"))
    records = [
        document(**{"session.id": f"5e551011-0000-4000-8000-{number:012x}"}) for number in range(32, 52)
    ]
    assert telemetry.take({"resourceLogs": [one["resourceLogs"][0] for one in records]}) == 0
    assert sorted(places.home().rglob("*")) == before


def test_more_than_a_client_sends_at_once_is_refused(watched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "MOST_REQUESTS", 3)
    records = [document(request_id=f"req_{number}")["resourceLogs"][0] for number in range(4)]
    with pytest.raises(ValueError, match="more than 3"):
        telemetry.take({"resourceLogs": records})
    assert by_hooks().responses == 1
    assert telemetry.take({"resourceLogs": records[:3]}) == 3


def test_a_row_is_found_wherever_it_lies_in_a_file_of_any_length(
    watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "BLOCK_BYTES", 700)
    for number in range(40):
        write(watched, assistant(f"msg_{number}", second=2, requestId=f"req_{number}"))
    records = [document(request_id=f"req_{number}")["resourceLogs"][0] for number in range(50)]
    assert telemetry.take({"resourceLogs": records}) == 10


def test_absurd_figures_count_for_nothing(watched: Path) -> None:
    telemetry.take(document(input_tokens="9" * 19, output_tokens=-5, cache_creation_5m_tokens=1e308))
    assert by_hooks().usage[:2] == (1_000, 10)


def test_figures_stay_when_the_session_is_counted_anew_for_a_new_price(bench: Bench, watched: Path) -> None:
    telemetry.take(document(model="nobody-knows-1"))
    before = by_hooks()
    assert before.unpriced == 1
    (places.home() / "prices.toml").write_text('[[price]]\nmodel = "nobody-knows-1"\ninput = 1\noutput = 2\n')
    snapshot.write(load())
    assert by_hooks().usage == before.usage


def test_what_was_unattributed_shrinks_by_what_telemetry_tells_later(bench: Bench, watched: Path) -> None:
    """The client's total is there first: the request's telemetry came after it had ended."""
    used = {
        "inputTokens": 4_000,
        "outputTokens": 90,
        "cacheReadInputTokens": 0,
        "cacheCreationInputTokens": 70,
    }
    total = {"type": "cost-state", "sessionId": SESSION, "totalCostUSD": 1, "modelUsage": {MODEL: used},
             "startTime": (clock.parse(stamp(0)) or 0) // 1000, "hasUnknownModelCost": False}  # fmt: skip
    write(watched, total)
    bench.run()
    before = bench.ledger.session(SESSION)
    telemetry.take(document())
    bench.run()
    after = bench.ledger.session(SESSION)
    assert before
    assert after
    assert before.unattributed_nano == 3_000 * 4_000 + 80 * 20_000 + 70 * 5_000
    assert (after.unattributed_nano, after.cost_nano) == (0, before.cost_nano)


def ask(port: int, path: str = receiver.PATH, body: bytes = b"{}", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path, body, headers)
    return connection.getresponse().status


def until(answered: Callable[[], bool]) -> None:
    """Ask again while connections are still being closed; bounded."""
    deadline = time.monotonic() + 30
    while True:
        try:
            assert answered()
        except (http.client.HTTPException, ConnectionError):
            assert time.monotonic() < deadline
        else:
            return


def test_the_receiver_listens_only_where_it_is_wanted_and_to_who_has_the_token(
    bench: Bench, watched: Path
) -> None:
    assert receiver.start() is None
    chosen = telemetry.proposed()
    telemetry.keep(chosen)
    assert telemetry.proposed() == chosen
    assert stat.S_IMODE(telemetry.file().stat().st_mode) == 0o600
    server = receiver.start()
    assert server is not None
    try:
        ours = {"Authorization": f"Bearer {chosen.token}"}
        body = json.dumps(document()).encode()
        assert ask(chosen.port, body=body) == 401
        for guess in ("Bearer guess", "Bearer ", chosen.token, f"Bearer {chosen.token[:-1]}", "Basic x"):
            assert ask(chosen.port, body=body, Authorization=guess) == 401, "another user's process"
        assert ask(chosen.port, path="/v1/traces", body=body, **ours) == 404
        assert ask(chosen.port, body=b"[" * 100_000, **ours) == 400
        assert ask(chosen.port, **{**ours, "Content-Length": str(1 << 40)}) == 413
        assert by_hooks().responses == 1
        held = [socket.create_connection(("127.0.0.1", chosen.port)) for _ in range(receiver.MOST_SENDERS)]
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            ask(chosen.port, body=body, **ours)
        for one in held:
            one.close()
        until(lambda: ask(chosen.port, body=b"{}", **ours) == 200)
        assert ask(chosen.port, **{**ours, "Content-Length": "\u00b2"}) == 413
        assert ask(chosen.port, body=body, **ours) == 200
        assert by_hooks().responses == 2
    finally:
        server.shutdown()
        server.server_close()


def test_who_sends_bit_by_bit_holds_the_receiver_no_longer_than_any_other(
    bench: Bench, watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "REQUEST_SECONDS", 0.3)
    telemetry.keep(telemetry.proposed())
    server = receiver.start()
    assert server is not None
    try:
        for sent in (b"P", b"POST /v1/logs HTTP/1.1\r\nX: "):
            with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as one:
                one.sendall(sent)
                deadline = time.monotonic() + 30
                while not _ended(one):
                    assert time.monotonic() < deadline
    finally:
        server.shutdown()
        server.server_close()


def _ended(connection: socket.socket) -> bool:
    """Send a byte more; whether the other end has closed."""
    try:
        connection.sendall(b"x")
        connection.settimeout(0.05)
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_the_environment_is_wired_only_where_the_user_sends_telemetry_nowhere_else(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    plan = wiring.Wiring(
        Path("/python"), Path("/copy"), status_line=False, telemetry=telemetry.Endpoint(4_000, "gaia-secret")
    )
    mine = '{"env": {"EDITOR": "vi"}}\n'
    wired = wiring.wired(mine, plan, file)
    assert json.loads(wired)["env"] == {"EDITOR": "vi"} | wiring.telemetry_env(4_000, "gaia-secret")
    assert wiring.wired(wired, plan, file) == wired
    assert json.loads(wiring.stripped(wired, file)) == json.loads(mine)
    for own in ('{"env": {"OTEL_LOGS_EXPORTER": "console"}}', '{"env": {"CLAUDE_CODE_ENABLE_TELEMETRY": "1"}}',
                '{"env": []}'):  # fmt: skip
        assert json.loads(wiring.wired(own, plan, file))["env"] == json.loads(own)["env"]
        assert json.loads(wiring.stripped(own, file)) == json.loads(own)
