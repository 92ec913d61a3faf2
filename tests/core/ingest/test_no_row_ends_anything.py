"""Rows that a crash, a proxy or a clock has left: each is set aside by name, and all others are counted."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gaia_budget import settings
from gaia_budget.cli.app import app
from gaia_budget.ingest.report import skipped
from gaia_budget.setup.checks import doctor
from gaia_hooks.say import figures
from gaia_hooks.session import counting, state, state_file, tail
from support.rows import SESSION, assistant, write

from .conftest import hooked

if TYPE_CHECKING:
    from .conftest import Bench

ABSURD = {
    "an unsigned underflow": {"output_tokens": 2**64 - 3},
    "not a number": {"output_tokens": float("nan")},
    "the largest float": {"output_tokens": 1e308},
    "a text": {"output_tokens": "12"},
    "a list": {"cache_read_input_tokens": []},
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_figure_is_named_and_the_session_is_counted(bench: Bench, name: str) -> None:
    """An unsigned underflow of a proxy ended `ingest`, `spend` and `status` for good."""
    broken = assistant("msg_b", second=2, input_tokens=1)
    broken["message"]["usage"] |= ABSURD[name]
    file = bench.project / f"{SESSION}.jsonl"
    write(
        file,
        assistant("msg_a", second=1, output_tokens=5),
        broken,
        assistant("msg_c", second=3, output_tokens=7),
    )
    report = bench.run()
    assert [(skip.file, skip.line) for skip in report.skipped] == [(str(file), 2)]
    assert (bench.total().responses, bench.total().output_tokens) == (2, 12)


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"])
def test_an_impossible_instant_is_named_and_the_session_is_counted(bench: Bench, stamp: str) -> None:
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("msg_a", output_tokens=5), assistant("msg_b", output_tokens=5, timestamp=stamp))
    assert [skip.line for skip in bench.run().skipped] == [2]
    assert bench.total().responses == 1


@pytest.mark.parametrize("stamp", [1_795_132_800, "", "2026-13-45T25:61:61Z"])
def test_a_first_row_without_an_instant_is_priced_alike_by_ledger_and_hooks(
    bench: Bench, stamp: object
) -> None:
    bench.run()  # the hooks' prices
    file = bench.project / f"{SESSION}.jsonl"
    write(
        file, assistant("msg_a", output_tokens=5) | {"timestamp": stamp}, assistant("msg_b", output_tokens=5)
    )
    counted = figures.SessionFigures(hooked(bench, file))
    bench.run()
    told = bench.total()
    assert (counted.usage[1], counted.cost_nano) == (told.output_tokens, told.cost_nano) == (10, 200_000)


def test_what_is_whole_in_a_torn_line_is_counted_and_the_line_is_named(bench: Bench) -> None:
    """Two records on one line and zero bytes before one (anthropics/claude-code#81843, #49876)."""
    rows = [json.dumps(assistant(f"msg_{n}", second=n, output_tokens=10)).encode() for n in range(6)]
    file = bench.project / f"{SESSION}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(rows[0] + rows[1] + b"\n" + rows[2][:140] + rows[3] + b"\n" + bytes(700) + rows[4] + b"\n"
                     + rows[5][:150] + b"\n")  # fmt: skip
    report = bench.run()
    assert (bench.total().responses, bench.total().output_tokens) == (4, 40)
    assert [skip.line for skip in report.skipped] == [1, 2, 3, 4]


def test_an_answer_that_ends_before_its_usage_is_named_by_ledger_and_hooks(bench: Bench) -> None:
    """What is left of one, on a line of its own or before somebody's row; its words in a text are none."""
    cut = json.dumps(assistant("msg_b", second=2, output_tokens=9), separators=(",", ":")).partition(
        '"usage"'
    )[0]
    asked = {"type": "user", "message": {"role": "user", "content": "x"}, "sessionId": SESSION}
    quoted = asked | {"toolUseResult": {"said": [{"role": "assistant", "content": cut}]}}
    rows = [
        assistant("msg_a", second=1, output_tokens=5),
        quoted,
        assistant("msg_c", second=3, output_tokens=7),
    ]
    first, between, last = (json.dumps(row, separators=(",", ":")) for row in rows)
    file = bench.project / f"{SESSION}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [cut, first, between, cut, cut + between, last, cut, between]
    file.write_text("".join(line + "\n" for line in lines), "utf-8")
    bench.run()
    assert (bench.total().responses, bench.total().output_tokens) == (2, 12)
    answer = CliRunner().invoke(app, ["ingest", "--skipped", "--json"])
    found = json.loads(answer.stdout)["skipped"]
    assert [(skip["file"], skip["line"]) for skip in found] == [(str(file), line) for line in (1, 4, 5, 7)]
    home = str(bench.home / "gaia-budget")
    with counting.lock_of(home, SESSION, 5) as lock:
        mine = counting.opened(home, SESSION, lock)
        mine.watch(str(file), "/home/dev/project")
        mine.count(1 << 30)
        mine.store()
        assert mine.state.aside == {tail.TORN: 4} and mine.state.uncertain
    [understood] = doctor.understood(bench.home)
    assert not understood.ok and f"{tail.TORN} (4)" in understood.detail


@pytest.mark.parametrize("at", [1, 9, 30, 60, 110, 200, 260])
def test_a_row_that_ends_before_it_tells_what_it_is_is_named_unless_it_tells_another_kind(
    bench: Bench, at: int
) -> None:
    """As 2.1.332 writes them; a user's row of the same length says after 100 bytes that it is one."""
    begins = {"parentUuid": "0b5c0f0e-1111-4111-8111-111111111111", "isSidechain": False}
    answer = begins | {"message": {"model": "claude-opus-5-5", "id": "msg_011CSHoEeqs5C35K2UUqR7Fy",
                                   "type": "message", "role": "assistant", "content": ["x" * 300]}}  # fmt: skip
    asked = begins | {"type": "user", "message": {"role": "user", "content": "x" * 300}}
    whole = [json.dumps(assistant(f"msg_{n}", second=n), separators=(",", ":")) for n in range(2)]
    cut, another = (json.dumps(row, separators=(",", ":"))[:at] for row in (answer, asked))
    file = bench.project / f"{SESSION}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        "\n".join([whole[0], cut, whole[1], "", "\r", another, '{"type":"mode","mode":"pl', cut, ""])
    )
    told = [2, 6, 8] if at < 90 else [2, 8]
    assert [skip.line for skip in bench.run().skipped] == told
    assert hooked(bench, file).state.aside == {tail.TORN: len(told)}


def test_a_row_nested_beyond_any_depth_is_no_obstacle(bench: Bench) -> None:
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("msg_a", output_tokens=5))
    with file.open("ab") as handle:
        handle.write(b'{"type":"assistant","usage":' + b"[" * 5000 + b"]" * 5000 + b"}\n")
    bench.run()
    assert bench.total().responses == 1


def test_what_was_passed_over_can_be_asked_for_later(bench: Bench) -> None:
    broken = assistant("msg_b", second=2)
    broken["message"]["usage"]["input_tokens"] = 2**70
    write(bench.project / f"{SESSION}.jsonl", assistant("msg_a", second=1), broken)
    bench.run()
    assert not bench.run().skipped, "it is said once"
    answer = CliRunner().invoke(app, ["ingest", "--skipped", "--json"])
    [found] = json.loads(answer.stdout)["skipped"]
    assert (found["line"], found["reason"]) == (2, "usage.input_tokens is no count of tokens")


@pytest.mark.parametrize(("at", "lines"), [(200, [2]), (5, [2]), (0, []), (-1, [2]), (10_000, [])])
def test_a_row_that_a_files_end_cuts_is_named_once_nobody_writes_it_any_more(
    bench: Bench, at: int, lines: list[int]
) -> None:
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("msg_a", second=1, output_tokens=5))
    with file.open("ab") as handle:
        handle.write(json.dumps(assistant("msg_b", second=2), separators=(",", ":")).encode()[:at])
    assert list(skipped(settings.load())) == []
    os.utime(file, (0, 0))
    assert [skip.line for skip in skipped(settings.load())] == lines


def test_doctor_names_what_is_not_understood_and_what_the_client_deletes(bench: Bench) -> None:
    seen = state.State(SESSION)
    seen.odd = {"dream_tokens": 3}
    state_file.save(str(bench.home / "gaia-budget"), seen)
    config = bench.home / ".claude"
    config.mkdir(exist_ok=True)
    told = {"cleanupPeriodDays": 7}
    (config / "settings.json").write_text(json.dumps(told))
    [counting] = doctor.understood(bench.home)
    assert not counting.ok
    assert "dream_tokens (3)" in counting.detail
    [history] = doctor.kept_history(bench.home)
    assert "7 days" in history.detail
