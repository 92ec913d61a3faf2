"""Event logs, jSeeker's database, and one call that several hands wrote down."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget import settings
from gaia_budget.cli.app import app
from gaia_budget.errors import InputError
from gaia_budget.ingest.run import import_api_costs, import_logs
from gaia_hooks.facts.tokens.responses import Response
from gaia_hooks.machine import files
from gaia_hooks.session import argus
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.ingest.report import Report

    from .conftest import Bench

LINE = {"ts": "2026-11-10T18:45:10.000000+00:00", "component": "jseeker", "task": "jd_parse",
        "model": "claude-haiku-4-5", "cost_usd": 0.0016, "input_tokens": 1000, "output_tokens": 120,
        "details": ""}  # fmt: skip
SCHEMA = """CREATE TABLE api_costs (id INTEGER PRIMARY KEY, timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    model TEXT, task TEXT, input_tokens INTEGER, output_tokens INTEGER, cache_tokens INTEGER, cost_usd REAL)"""


def log(folder: Path, *rows: dict[str, Any], name: str = "jseeker_runtime.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("ab") as file:
        for row in rows:
            file.write(json.dumps(row).encode() + b"\n")
    return folder / name


def own_line(key: str = "call-1", **more: Any) -> dict[str, Any]:
    ours = {"schema_version": 1, "event_id": key, "provider": "anthropic", "cost_nano_usd": 1_600_000,
            "price_source": "genai-prices", "source": "app", "billing": "api", "session_id": "s"}  # fmt: skip
    return LINE | ours | more


def database(path: Path, *rows: tuple[Any, ...]) -> Path:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(SCHEMA)
        made.executemany(
            "INSERT INTO api_costs (timestamp, model, task, input_tokens, output_tokens, cache_tokens, cost_usd) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # fmt: skip
    return path


def bring(bench: Bench, file: Path) -> Report:
    return import_api_costs(settings.load(), bench.ledger, file)


def test_a_response_in_the_log_and_in_the_transcript_is_one_row(bench: Bench) -> None:
    row = assistant("msg_1", input_tokens=10, output_tokens=9)
    seen = Response("msg_1", "claude-opus-5-5", (10, 9, 0, 0, 0, 0, 0), row["timestamp"], SESSION)
    line = argus.runtime_line(seen, module="shop", agent_type="main", cost_nano=220_000, price_source="genai-prices",
                              billing="unknown", ts=1_795_132_800_000_000)  # fmt: skip
    files.append(str(bench.logs / "shop_runtime.jsonl"), line)
    write(bench.project / f"{SESSION}.jsonl", row)
    report = bench.run()
    assert (report.responses_new, report.duplicates + report.completed) == (1, 1)
    assert (bench.total().responses, bench.total().cost_nano) == (1, 220_000)


def test_the_owners_log_folder_is_taken_in_as_it_is(bench: Bench) -> None:
    log(bench.logs, LINE)
    log(
        bench.logs,
        {"ts": "x", "agent": "a", "wave": 1, "module": "m", "status": "ok"},
        name="jseeker_build.jsonl",
    )
    library = {"timestamp": "2026-11-04T12:00:00Z", "event": "llm_call", "provider": "openai", "model": "gpt-4o",
               "tokens_in": 100, "tokens_out": 200, "latency": 1.2, "cost": 0.003}  # fmt: skip
    log(bench.logs / "hart_os", library, name="2026-11-04.jsonl")
    report = bench.run()
    assert (report.responses_new, report.other, report.skipped) == (2, 1, [])
    by_module = {row.key[0]: row.figures.cost_nano for row in bench.ledger.spend().rows}
    assert by_module == {"jseeker": 1_600_000, "hart_os": 3_000_000}


def test_rotated_logs_lose_and_double_nothing(bench: Bench) -> None:
    path = log(bench.logs, LINE, LINE | {"task": "b"})
    bench.run()
    log(bench.logs, LINE | {"task": "c"})  # not taken in yet when the log is rotated away
    path.rename(bench.logs / "jseeker_runtime.jsonl.1")
    log(bench.logs, LINE | {"task": "d"})
    assert bench.run().responses_new == 2
    assert bench.total().responses == 4


def test_a_missing_cost_is_priced_by_the_list_and_an_unknown_model_stays_unpriced(bench: Bench) -> None:
    log(bench.logs, LINE | {"cost_usd": None}, LINE | {"cost_usd": None, "model": "nimbus-9", "task": "x"})
    bench.run()
    assert (bench.total().cost_nano, bench.total().unpriced_responses) == (1_600_000, 1)


def test_skipped_lines_are_reported_with_file_line_and_reason(bench: Bench) -> None:
    path = log(bench.logs, LINE, LINE | {"cost_usd": -1})
    (skip,) = bench.run().skipped
    assert (skip.file, skip.line, skip.reason) == (str(path), 2, "cost_usd is negative")


def test_an_apps_line_and_our_middlewares_line_of_one_call_count_once(bench: Bench) -> None:
    later = LINE | {"ts": "2026-11-10T18:45:11.900000+00:00"}
    log(bench.logs, later, own_line(), own_line("call-2", ts="2026-11-10T19:00:00.000000+00:00"))
    report = bench.run()
    assert bench.total().responses == 2
    (skip,) = report.skipped
    assert skip.reason.endswith("is the same call as call-1: counted once")
    log(bench.logs, LINE | {"ts": "2026-11-10T19:00:01.000000+00:00"})
    assert bench.run().responses_new == 0


def test_two_calls_of_one_hand_are_two_calls(bench: Bench) -> None:
    log(bench.logs, LINE, LINE | {"ts": "2026-11-10T18:45:10.500000+00:00"}, LINE | {"task": "other"})
    bench.run()
    assert bench.total().responses == 3


def test_calls_further_apart_than_two_seconds_are_two_calls(bench: Bench) -> None:
    log(bench.logs, own_line())
    bench.run()
    log(bench.logs, LINE | {"ts": "2026-11-10T18:45:12.100000+00:00"}, name="other_runtime.jsonl")
    bench.run()
    assert bench.total().responses == 2


def test_jseekers_table_is_taken_in_with_a_report_of_what_was_not(bench: Bench, tmp_path: Path) -> None:
    file = database(
        tmp_path / "jseeker.db",
        ("2026-11-10 18:45:10", "claude-haiku-4-5", "jd_parse", 1000, 120, 0, 0.0016),
        ("2026-11-10 18:46:10", "claude-haiku-4-5", "jd_parse", 1000, 120, None, None),
        ("2026-11-10 18:47:10", "claude-haiku-4-5", "jd_parse", 1000, 120, 0, -0.5),
        (None, "claude-haiku-4-5", "jd_parse", 1000, 120, 0, 0.1),
    )
    report = bring(bench, file)
    assert report.responses_new == 2
    assert [(skip.line, skip.reason) for skip in report.skipped] == [
        (3, "cost_usd is negative"), (4, "timestamp is not an ISO 8601 instant")]  # fmt: skip
    assert bench.total().cost_nano == 3_200_000
    assert [row.key[0] for row in bench.ledger.spend().rows] == ["jseeker"]


def test_jseekers_table_taken_in_twice_or_from_a_copy_is_taken_in_once(bench: Bench, tmp_path: Path) -> None:
    file = database(
        tmp_path / "jseeker.db", ("2026-11-10 18:45:10", "claude-haiku-4-5", "t", 1000, 120, 0, 0.0016)
    )
    bring(bench, file)
    copy = tmp_path / "backup.db"
    shutil.copyfile(file, copy)
    assert bring(bench, file).responses_new == bring(bench, copy).responses_new == 0


def test_a_row_of_jseekers_table_that_its_log_has_too_counts_once(bench: Bench, tmp_path: Path) -> None:
    log(bench.logs, LINE)
    bench.run()
    row = ("2026-11-10 18:45:11", "claude-haiku-4-5", "jd_parse", 1000, 120, 0, 0.0016)
    report = bring(bench, database(tmp_path / "jseeker.db", row))
    assert (report.responses_new, bench.total().responses) == (0, 1)
    assert "is the same call as line-" in report.skipped[0].reason


@pytest.mark.parametrize("content", [None, b"not a database"])
def test_a_file_that_is_not_jseekers_is_refused(bench: Bench, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.db"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.db"):
        bring(bench, file)


def test_a_backup_of_logs_is_imported_once(bench: Bench, tmp_path: Path) -> None:
    log(bench.logs, LINE)
    bench.run()
    log(tmp_path / "old", LINE, LINE | {"task": "older"})
    assert import_logs(settings.load(), bench.ledger, tmp_path / "old").responses_new == 1
    with pytest.raises(InputError, match="no such folder"):
        import_logs(settings.load(), bench.ledger, tmp_path / "none")


def test_ingest_answers_with_the_stable_keys(home: Path) -> None:
    write(home / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl", assistant("a", output_tokens=1))
    answer = CliRunner().invoke(app, ["ingest", "--json"])
    document = json.loads(answer.stdout)
    stable = {"files", "bytes", "responses_new", "events_new", "duplicates", "skipped", "seconds"}
    assert stable <= document.keys()
    assert document["responses_new"] == 1


def test_imports_answer_with_what_they_took_in(home: Path, tmp_path: Path) -> None:
    log(tmp_path / "old", LINE, LINE | {"cost_usd": -1})
    document = json.loads(CliRunner().invoke(app, ["import", "logs", str(tmp_path / "old"), "--json"]).stdout)
    assert (document["imported"], [skip["line"] for skip in document["skipped"]]) == (1, [2])
