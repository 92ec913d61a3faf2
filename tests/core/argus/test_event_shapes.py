"""The seven shapes of the ecosystem's events, and lines that cannot be taken in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.argus import reading, shapes
from gaia_budget.argus.reading import LogBookmark, LogReading, read
from gaia_budget.argus.shapes import Origin
from gaia_hooks.facts.tokens.responses import Response
from gaia_hooks.machine import clock
from gaia_hooks.session import argus
from support.rows import stamp

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = Origin("org", "ada", "laptop")
RUNTIME = {"ts": "2026-02-10T18:45:10.000000+00:00", "component": "jSeeker", "task": "jd_parse",
           "model": "claude-haiku-4-5", "cost_usd": 0.0016, "input_tokens": 1000, "output_tokens": 120,
           "details": ""}  # fmt: skip


def log(folder: Path, *rows: object, name: str = "jseeker_runtime.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with path.open("ab") as file:
        for row in rows:
            file.write(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n")
    return path


def only(reading: LogReading) -> dict[str, Any]:
    assert not reading.skipped
    (call,) = reading.calls
    event = call.event
    return {name: getattr(event, name) for name in ("module", "model", "task", "input_tokens", "output_tokens",
            "cost_nano", "ts", "kind", "source", "duration_ms", "status", "correlation_id", "provider")}  # fmt: skip


def test_a_runtime_line_of_an_app_is_one_call(tmp_path: Path) -> None:
    told = only(read(log(tmp_path, RUNTIME), ORIGIN, None))
    assert told["module"] == "jseeker"
    assert (told["cost_nano"], told["input_tokens"], told["output_tokens"]) == (1_600_000, 1000, 120)
    assert (told["ts"], told["source"]) == (clock.parse("2026-02-10T18:45:10Z"), "app")


def test_a_line_of_the_logging_standard_keeps_duration_status_and_correlation(tmp_path: Path) -> None:
    row = {"ts": "2026-02-09T14:32:15.123Z", "component": "MYCEL", "task": "embedding", "model": "m",
           "cost_usd": 0.0001, "input_tokens": 150, "output_tokens": 0, "duration_ms": 250, "status": "success",
           "correlation_id": "abc"}  # fmt: skip
    told = only(read(log(tmp_path, row), ORIGIN, None))
    assert (told["module"], told["duration_ms"]) == ("mycel", 250)
    assert (told["status"], told["correlation_id"]) == ("success", "abc")


def test_a_failed_call_is_told_apart(tmp_path: Path) -> None:
    assert only(read(log(tmp_path, RUNTIME | {"status": "error"}), ORIGIN, None))["kind"] == "failed"


def test_a_library_call_belongs_to_the_project_of_its_folder(tmp_path: Path) -> None:
    row = {"timestamp": "2026-02-04T12:00:00Z", "event": "llm_call", "provider": "openai", "model": "gpt-4o",
           "tokens_in": 100, "tokens_out": 200, "latency": 1.2, "cost": 0.003, "cached": False}  # fmt: skip
    path = log(tmp_path / "hart_os", row, name="2026-02-04.jsonl")
    told = only(read(path, ORIGIN._replace(module="hart_os"), None))
    assert (told["module"], told["provider"], told["duration_ms"], told["cost_nano"]) == (
        "hart_os",
        "openai",
        1200,
        3_000_000,
    )


def test_a_cached_library_call_is_a_cache_hit(tmp_path: Path) -> None:
    row = {"timestamp": "2026-02-04T12:00:00Z", "event": "llm_call", "model": "gpt-4o", "tokens_in": 1,
           "tokens_out": 2, "cost": 0.0, "cached": True}  # fmt: skip
    assert only(read(log(tmp_path, row), ORIGIN, None))["kind"] == "cache_hit"


def test_a_naive_instant_of_a_cost_event_is_utc(tmp_path: Path) -> None:
    row = {"timestamp": "2026-02-12T10:00:00", "project": "VIA", "model": "claude-sonnet-4-5", "tokens_in": 1500,
           "tokens_out": 800, "cost_usd": 0.0165, "operation": "generation"}  # fmt: skip
    told = only(read(log(tmp_path, row), ORIGIN, None))
    assert (told["module"], told["task"], told["ts"]) == (
        "via",
        "generation",
        clock.parse("2026-02-12T10:00:00Z"),
    )


def test_a_research_result_is_spend_of_its_author(tmp_path: Path) -> None:
    row = {"researched_by": "raven", "researched_at": "2026-02-08T15:42:33Z", "cost_usd": 0.47}
    told = only(read(log(tmp_path, row), ORIGIN, None))
    assert (told["module"], told["cost_nano"]) == ("raven", 470_000_000)


def test_a_component_is_known_by_its_former_name(tmp_path: Path) -> None:
    assert only(read(log(tmp_path, RUNTIME | {"component": "PROTEUS"}), ORIGIN, None))["module"] == "jseeker"


def test_builds_and_work_without_a_model_are_no_calls_and_no_faults(tmp_path: Path) -> None:
    build = {"ts": "2026-02-09T20:32:15+00:00", "agent": "x", "wave": 1, "module": "llm.py", "status": "completed",
             "duration_ms": 1200, "details": ""}  # fmt: skip
    browser = RUNTIME | {"model": "playwright", "cost_usd": 0.0, "input_tokens": 0, "output_tokens": 0}
    reading = read(log(tmp_path, build, browser), ORIGIN, None)
    assert (reading.calls, reading.other, reading.skipped) == ([], 2, [])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (RUNTIME | {"cost_usd": -0.1}, "cost_usd is negative"),
        (RUNTIME | {"cost_usd": "0.1"}, "cost_usd is not a number"),
        (RUNTIME | {"input_tokens": -1}, "input_tokens is not a count"),
        (RUNTIME | {"ts": "yesterday"}, "ts is not an ISO 8601 instant"),
        ({"secret": "text", "n": 1}, "none of the known event shapes (keys: n, secret)"),
        ([1, 2], "not a JSON object"),
        (b'{"ts": \n', "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
    ],
)
def test_a_line_that_cannot_be_taken_in_is_named_by_its_number(
    tmp_path: Path, row: object, reason: str
) -> None:
    reading = read(log(tmp_path, RUNTIME, row, RUNTIME | {"task": "other"}), ORIGIN, None)
    assert len(reading.calls) == 2
    ((line, said),) = reading.skipped
    assert line == 2
    assert said.startswith(reason)
    assert "text" not in said


def test_a_call_without_a_cost_is_unpriced_not_free(tmp_path: Path) -> None:
    assert only(read(log(tmp_path, RUNTIME | {"cost_usd": None}), ORIGIN, None))["cost_nano"] is None


def test_windows_line_ends_blank_lines_and_a_byte_order_mark_are_no_obstacle(tmp_path: Path) -> None:
    line = json.dumps(RUNTIME).encode()
    reading = read(
        log(tmp_path, b"\xef\xbb\xbf" + line + b"\r\n", b"\r\n", b"  \n", line + b" \r\n"), ORIGIN, None
    )
    assert len(reading.calls) == 2
    assert not reading.skipped


def own_line(usage: tuple[int, ...], cost: int, whole: tuple[int, ...] | None = None) -> bytes:
    response = Response("msg_1", "claude-opus-5-5", usage, stamp(1), "s-1", "a-1", "main")
    return argus.runtime_line(
        response, module="shop", agent_type="Explore", cost_nano=cost, price_source="genai-prices", billing="api",
        ts=1_795_000_000_000_000, whole=whole)  # fmt: skip


def test_our_own_line_comes_back_as_the_response_it_was_written_from(tmp_path: Path) -> None:
    reading = read(log(tmp_path, own_line((1, 2, 3, 4, 5, 1, 1), 77)), ORIGIN, None)
    (call,) = reading.calls
    event = call.event
    assert not call.legacy
    assert (event.event_id, event.session_id, event.agent_id, event.agent_type) == (
        "msg_1",
        "s-1",
        "a-1",
        "Explore",
    )
    assert (event.input_tokens, event.output_tokens, event.cache_read_tokens) == (1, 2, 3)
    assert (event.cache_write_5m_tokens, event.cache_write_1h_tokens, event.web_searches) == (4, 5, 1)
    assert (event.cost_nano, event.price_source, event.billing, event.source) == (
        77,
        "genai-prices",
        "api",
        "claude_code",
    )


def test_development_may_have_a_component_of_its_own_and_stays_in_its_module(tmp_path: Path) -> None:
    response = Response("msg_1", "claude-opus-5-5", (1, 2, 0, 0, 0, 0, 0), stamp(1), "s-1", "", "main")
    line = argus.runtime_line(
        response, module="shop", agent_type="main", cost_nano=1, price_source="genai-prices", billing="api",
        ts=1_795_000_000_000_000, apart=True)  # fmt: skip

    written = json.loads(line)
    assert (written["component"], written["module"]) == ("shop_dev", "shop")
    (call,) = read(log(tmp_path, line), ORIGIN, None).calls
    assert call.event.module == "shop"


def test_a_line_has_the_keys_and_types_that_the_existing_reader_takes(tmp_path: Path) -> None:
    line = json.loads(own_line((1, 2, 3, 4, 5, 1, 1), 77))

    assert list(line)[:11] == [
        "ts", "component", "task", "model", "cost_usd", "input_tokens", "output_tokens", "details", "duration_ms",
        "status", "correlation_id"]  # fmt: skip
    assert (line["duration_ms"], line["status"]) == (0, "success")
    (call,) = read(log(tmp_path, own_line((1, 2, 3, 4, 5, 1, 1), 77)), ORIGIN, None).calls
    assert call.event.duration_ms is None


def test_a_correction_completes_the_line_that_it_corrects(tmp_path: Path) -> None:
    path = log(tmp_path, own_line((1, 2, 3, 0, 0, 0, 0), 70))
    first = read(path, ORIGIN, None)
    log(tmp_path, own_line((0, 5, 0, 0, 0, 0, 0), 7, whole=(1, 7, 3, 0, 0, 0, 0)))
    (call,) = read(path, ORIGIN, first.bookmark).calls
    assert (call.event.event_id, call.event.output_tokens, call.event.cost_nano) == ("msg_1", 7, 77)


def test_only_what_a_log_has_grown_by_is_read(tmp_path: Path) -> None:
    path = log(tmp_path, RUNTIME)
    first = read(path, ORIGIN, None)
    log(tmp_path, RUNTIME | {"task": "new"}, b"broken\n")
    second = read(path, ORIGIN, first.bookmark)
    assert [call.event.task for call in second.calls] == ["new"]
    assert [skip.line for skip in second.skipped] == [3]
    assert read(path, ORIGIN, second.bookmark).bytes_read == 0


def test_a_rotated_log_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = log(tmp_path, RUNTIME)
    mark = read(path, ORIGIN, None).bookmark
    path.rename(tmp_path / "jseeker_runtime.jsonl.1")
    log(tmp_path, RUNTIME | {"task": "after"})
    assert [call.event.task for call in read(path, ORIGIN, mark).calls] == ["after"]


def test_a_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    line = json.dumps(RUNTIME).encode()
    path = log(tmp_path, line[:-9])
    first = read(path, ORIGIN, None)
    assert (first.calls, first.skipped, first.bookmark.position.offset) == ([], [], 0)
    log(tmp_path, line[-9:] + b"\n")
    assert len(read(path, ORIGIN, first.bookmark).calls) == 1


def test_the_same_line_in_a_backup_has_the_same_id(tmp_path: Path) -> None:
    ids = [
        read(log(tmp_path / name, RUNTIME), ORIGIN, LogBookmark()).calls[0].event.event_id for name in "ab"
    ]
    assert ids[0] == ids[1]


def call(row: dict[str, Any]) -> shapes.LoggedCall:
    line = json.dumps(row).encode()
    found = shapes.call_of(reading.decode(line), line, ORIGIN)
    assert found is not None
    return found


@pytest.mark.parametrize("duration", ["1e9999999", "-1", "1e30", "true", '"5"'])
def test_an_impossible_duration_loses_no_line_and_costs_no_time(duration: str) -> None:
    line = json.dumps(RUNTIME)[:-1].encode() + f', "duration_ms": {duration}}}'.encode()
    found = shapes.call_of(reading.decode(line), line, ORIGIN)
    assert found is not None and found.event.duration_ms is None and found.event.cost_nano == 1_600_000


@pytest.mark.parametrize("ts", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_an_instant_at_which_nothing_can_have_been_spent_is_named(ts: str) -> None:
    with pytest.raises(shapes.UnreadableLine, match="ts is no instant between 1970 and 2199"):
        call({**RUNTIME, "ts": ts})


def test_names_of_a_log_are_cleaned_where_they_come_in() -> None:
    found = call({**RUNTIME, "component": "evil\u202e\x1b[2J\nname", "task": "t\u200b\n"})
    assert (found.event.module, found.event.task) == ("evil[2j name", "t")
