"""What people reported of other counters of the same files, rebuilt small, each with its address and symptom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gaia_hooks.say import figures
from gaia_hooks.session import counting
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from .conftest import Bench

OTHER = "5e551011-0000-4000-8000-00000000000b"


def told(bench: Bench) -> tuple[int, int, int]:
    """Input, output and responses by the ledger, which the hooks' count of the one session must equal."""
    bench.run()
    total = bench.total()
    return total.input_tokens, total.output_tokens, total.responses


def hooked(bench: Bench) -> tuple[int, int, int]:
    home, main = str(bench.home / "gaia-budget"), bench.project / f"{SESSION}.jsonl"
    with counting.lock_of(home, SESSION, 5) as lock:
        mine = counting.opened(home, SESSION, lock)
        mine.watch(str(main), "/home/dev/project")
        mine.count(1 << 30)
        mine.settle_all()
        counted = figures.SessionFigures(mine)
    return counted.usage[0], counted.usage[1], counted.responses


def put(bench: Bench, *rows: dict[str, Any]) -> None:
    write(bench.project / f"{SESSION}.jsonl", *rows)


def without(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def test_rows_of_one_answer_with_a_growing_output_count_as_the_last(bench: Bench) -> None:
    """ccusage/ccusage#797, anthropics/claude-code#27361: the first row's 8 was taken; the answer has 310."""
    put(
        bench, *(assistant("m", second=n, input_tokens=3, output_tokens=o) for n, o in enumerate((8, 8, 310)))
    )
    assert told(bench) == hooked(bench) == (3, 310, 1)


def test_an_answer_without_a_request_id_is_counted_once(bench: Bench) -> None:
    """ccusage/ccusage#976: a gateway leaves requestId empty, and each of its rows was counted: 2.3 times too much."""
    rows = [assistant("m", second=n, input_tokens=100, output_tokens=10) for n in range(3)]
    put(bench, rows[0] | {"requestId": ""}, rows[1] | {"requestId": None}, without(rows[2], "requestId"))
    assert told(bench) == hooked(bench) == (100, 10, 1)


def test_an_iteration_whose_model_is_null_is_the_answers_own(bench: Bench) -> None:
    """ccusage/ccusage#1722: since 2.1.257 one model's runs say `"model": null`; the whole row was dropped."""
    row = assistant("m", model="claude-fable-5-1", input_tokens=2, output_tokens=4435)
    usage = row["message"]["usage"]
    own = {key: usage[key] for key in ("input_tokens", "output_tokens", "cache_read_input_tokens")}
    usage["iterations"] = [{**own, "cache_creation_input_tokens": 0, "type": "message", "model": None}]
    put(bench, row)
    assert told(bench) == hooked(bench) == (2, 4435, 1)


def test_history_that_a_resume_copies_into_a_new_session_is_counted_once(bench: Bench) -> None:
    """steipete/CodexBar#1002, langfuse/claude-observability-plugin#33: copied rows were billed again: $73."""
    past = [assistant(f"m{n}", second=n, input_tokens=10, output_tokens=1) for n in range(12)]
    put(bench, *past)
    copied = [row | {"sessionId": OTHER} for row in past]
    new = assistant("new", second=90, session=OTHER, input_tokens=7, output_tokens=2)
    write(bench.project / f"{OTHER}.jsonl", *copied, new)
    assert told(bench) == (127, 14, 13)


def test_a_file_that_is_written_anew_takes_nothing_back(bench: Bench) -> None:
    """Maciek-roboblog/Claude-Code-Usage-Monitor#226: a compaction rewrote the file, and yesterday's total shrank."""
    rows = [assistant(f"m{n}", second=n, input_tokens=10, output_tokens=1) for n in range(6)]
    put(bench, *rows)
    assert told(bench) == (60, 6, 6)
    (bench.project / f"{SESSION}.jsonl").unlink()
    put(bench, rows[0], assistant("m9", second=200, input_tokens=5, output_tokens=1))
    assert told(bench) == (65, 7, 7)


def test_what_the_client_writes_itself_is_no_answer(bench: Bench) -> None:
    """splunk/token-meter#50, jmylchreest/aide#78: `<synthetic>` rows were counted as calls of a model."""
    put(
        bench, assistant("m", input_tokens=10, output_tokens=1), assistant("s", second=5, model="<synthetic>")
    )
    assert told(bench) == hooked(bench) == (10, 1, 1)


def test_the_desktop_apps_sessions_are_counted_and_their_audit_is_not(bench: Bench) -> None:
    """farion1231/cc-switch#4979: 1,799 answers were not counted; the audit beside them has only the first figures."""
    data = bench.home / "Claude" / "local-agent-mode-sessions"
    for number in range(2):
        own = data / "a" / "b" / f"local_{number}"
        row = assistant(f"m{number}", session=f"{number:08d}-0000-4000-8000-000000000000", output_tokens=327)
        write(own / ".claude" / "projects" / "-sessions-x" / f"{row['sessionId']}.jsonl", row)
        write(own / "audit.jsonl", assistant(f"audit{number}", output_tokens=10))
    told_by_the_user = json.dumps([f"{data.as_posix()}/*/*/local_*/.claude"])
    (bench.home / "gaia-budget").mkdir(exist_ok=True)
    (bench.home / "gaia-budget" / "settings.toml").write_text(f"claude_config_dirs = {told_by_the_user}\n")
    assert told(bench) == (0, 654, 2)
